"""Pins, I2C, ADC and what is wired to them."""

import errno
import threading

import pytest

from vboard import World, faults
from vboard.clock import clock
from vboard.devices.bme280 import BME280
from vboard.devices.contact import Contact
from vboard.wiring import ContactWire
from vm import told

pytestmark = pytest.mark.both

ATTEMPT = """
def attempt(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except (OSError, ValueError) as error:
        return type(error).__name__ if isinstance(error, ValueError) else error.args
"""


def test_pulls_and_levels(make_board):
    board = make_board(
        "from machine import Pin\n"
        "print(Pin(4, Pin.IN)(), Pin(4, Pin.IN, Pin.PULL_UP)(), Pin(4, Pin.IN, Pin.PULL_DOWN)())\n"
        "pin = Pin(5, Pin.IN, Pin.PULL_UP); print(pin.value(), Pin(5).value(), Pin(pin).value())\n"
        # No pull named: it stays; None: there is none.
        "pin.init(Pin.IN); print(pin()); pin.init(Pin.IN, None); print(pin())\n"
        "print(Pin(13, Pin.IN, Pin.PULL_UP)(), Pin(14, Pin.IN, Pin.PULL_UP)())\n"
        "print(Pin(34, Pin.IN, Pin.PULL_UP)(), Pin(35, Pin.IN)())\n"
        "out = Pin(15, Pin.OUT, value=1); print(out()); out.off(); print(out()); out.toggle()\n"
        "print(out.value()); out(0); print(out()); out.on(); print(out())\n"
        "od = Pin(16, Pin.OPEN_DRAIN, value=1); print(od()); od(0); print(od())\n"
    )
    board.hardware.pins[13].drive(0)
    board.hardware.pins[14].drive(1)
    board.hardware.pins[35].drive(1)
    board.power_on()
    board.wait_state("repl")
    assert told(board).split() == (
        "0 1 0  1 1 1  1 0  0 1  0 1  1 0 1 0 1  1 0".replace("  ", " ").split()
    )


def test_outside_sees_what_the_board_drives_and_a_reset_releases_it(make_board):
    board = make_board(
        "import machine\n"
        "if machine.reset_cause() == 1: machine.Pin(4, machine.Pin.OUT, value=1)\n"
        "if machine.reset_cause() == 1: machine.soft_reset()\n"
        "print('soft')\n"
    )
    board.power_on()
    board.wait_console("soft")
    # A soft reset leaves pins as they are.
    assert board.hardware.pins[4].level == 1
    board.power_off()
    board.write_files({"main.py": "print('anew')"})
    board.power_on()
    board.wait_console("anew")
    assert board.hardware.pins[4].level == 0


def test_wrong_pins(run):
    board = run(
        "from machine import ADC, I2C, Pin, SoftI2C\n"
        "from attempt import attempt\n"
        "print([attempt(Pin, n) for n in (-1, 6, 20, 24, 40, 99, 'x', None, 2.5)])\n"
        "print([attempt(Pin, n, Pin.OUT) for n in (34, 39)], attempt(Pin, 36, Pin.OPEN_DRAIN))\n"
        "print(attempt(I2C, 2), attempt(I2C, 0, scl=Pin(34), sda=Pin(21)), attempt(ADC, 4))\n",
        attempt=ATTEMPT,
    )
    assert told(board).splitlines() == [
        str(["ValueError"] * 9),
        str(["ValueError"] * 2) + " ValueError",
        "ValueError ValueError ValueError",
    ]


EDGES = """
import asyncio, time
from machine import Pin
flag, seen, deepest, depth = asyncio.ThreadSafeFlag(), [], 0, 0
def handler(pin):
    global depth, deepest
    depth += 1; deepest = max(depth, deepest)
    seen.append(pin()); flag.set()
    depth -= 1
pin = Pin(4, Pin.IN, Pin.PULL_UP)
"""


def test_edges_come_in_the_board_s_thread(make_board):
    board = make_board(
        EDGES + "pin.irq(handler)\n"
        "async def main():\n"
        "    print('armed')\n"
        "    while len(seen) < 60:\n"
        "        await flag.wait()\n"
        "    print('edges', len(seen), 'deepest', deepest)\n"
        "asyncio.run(main())\n"
    )
    board.power_on()
    board.wait_console("armed")
    for _ in range(30):
        board.hardware.pins[4].drive(0)
        board.hardware.pins[4].drive(1)
    board.wait_console("edges 60 deepest 1")


@pytest.mark.parametrize(
    "arm, seen",
    [
        ("pin.irq(handler, Pin.IRQ_FALLING)", 2),
        ("pin.irq(handler, trigger=Pin.IRQ_RISING)", 2),
        ("pin.irq(handler)", 4),
        ("pin.irq(handler); pin.irq(None)", 0),
        ("pin.irq(handler); pin.irq(handler=None, trigger=Pin.IRQ_RISING)", 0),
    ],
)
def test_triggers_choose_edges_and_none_disarms(make_board, arm, seen):
    board = make_board(
        EDGES + f"{arm}\nprint('armed')\n"
        "while not Pin(5).value(): time.sleep_ms(1)\n"
        "print('seen', len(seen))\n"
    )
    pins = board.hardware.pins
    board.power_on()
    board.wait_console("armed")
    for level in (0, 1, 1, 0, 0, 1):
        pins[4].drive(level)
    pins[5].drive(1)
    board.wait_console(f"seen {seen}")


def test_error_in_a_handler_is_told_and_no_matter_of_the_program(make_board):
    board = make_board(
        "import time\nfrom machine import Pin\n"
        "def handler(pin):\n    raise ValueError('in the handler')\n"
        "Pin(4, Pin.IN).irq(handler, Pin.IRQ_RISING)\n"
        "print('armed')\n"
        "while not Pin(5)(): time.sleep_ms(1)\n"
        "print('goes on')\n"
    )
    board.power_on()
    board.wait_console("armed")
    board.hardware.pins[4].drive(1)
    board.wait_console("ValueError: in the handler")
    board.hardware.pins[5].drive(1)
    board.wait_console("goes on")


def test_a_reset_disarms(make_board):
    board = make_board(
        "import machine, time\nfrom machine import Pin\n"
        "if machine.reset_cause() == 1:\n"
        "    Pin(4, Pin.IN).irq(lambda pin: print('edge'))\n"
        "    machine.soft_reset()\n"
        "print('again')\n"
        "while not Pin(5)(): time.sleep_ms(1)\n"
    )
    board.power_on()
    board.wait_console("again")
    board.hardware.pins[4].drive(1)
    board.hardware.pins[5].drive(1)
    board.wait_state("repl")
    assert "edge" not in board.console


def test_open_contact_bounces_and_comes_to_rest(make_board):
    board = make_board(EDGES + "pin.irq(handler)\nprint('armed')\ntime.sleep(100)\n")
    world = World(1)
    board.wire_contact(4, Contact(world, "door"))
    is_open = world.door("door")
    board.power_on()
    board.wait_console("armed")
    assert board.hardware.pins[4].level == int(is_open)
    # Faster than it bounces: the end counts.
    for turn in range(7):
        world.set("door", is_open == bool(turn % 2))
    rested = threading.Event()
    clock.call_later(0.02, rested.set)
    assert rested.wait(5)
    assert board.hardware.pins[4].level == int(not is_open)
    world.set("door", world.door("door"))
    board.close()
    assert board.hardware.pins[4]._driven is None


class _Pin:
    def __init__(self):
        self.levels = []

    def drive(self, level):
        self.levels.append(level)


def test_contact_s_scripted_move_counts_from_its_planned_time():
    # A clock whose calls come a hair early, and one that says no change twice.
    early = 1e-9

    class _World:
        def now(self):
            return 5.0 - early

        def on_change(self, callback):
            return lambda: None

        def next_change(self, name, after):
            return 5.0 if after < 5.0 else None

    class _Contact:
        world, door_name = _World(), "door"

        def level_at(self, now):
            return int(now >= 5.0)

        def edges(self, before, after):
            return [(0.0, after)] if before != after else []

    pin = _Pin()
    wire = ContactWire(pin, _Contact())
    moved = threading.Event()
    clock.call_later(0.02, moved.set)
    assert moved.wait(5)
    wire.cut()
    assert pin.levels == [0, 1, None]


I2C = """
from machine import I2C, Pin, SoftI2C
from attempt import attempt
def bus(scl=18, sda=19):
    return I2C(0, scl=Pin(scl), sda=Pin(sda), freq=100_000)
"""


def test_i2c_registers(make_board):
    board = make_board(
        I2C + "i2c = bus()\n"
        "print(i2c.scan(), i2c.readfrom_mem(0x76, 0xD0, 1))\n"
        "buffer = bytearray(2); i2c.readfrom_mem_into(0x76, 0xD0, buffer); print(buffer[0])\n"
        "print(i2c.writeto(0x76, b'\\xd0'), i2c.readfrom(0x76, 1), i2c.writeto(0x76, b''))\n"
        "i2c.readfrom_into(0x76, memoryview(buffer)[1:]); print(len(buffer))\n"
        "i2c.writeto_mem(0x76, 0xF2, b'\\x05'); print(i2c.readfrom_mem(0x76, 0xF2, 1))\n"
        "print(i2c.writevto(0x76, (b'\\xf2', b'\\x03')), i2c.readfrom_mem(0x76, 0xF2, 1))\n"
        "print(SoftI2C(scl=Pin(18), sda=Pin(19)).scan(), I2C(0).scan(), I2C(1).scan())\n"
        "print(bus(19, 18).scan(), bus(21, 22).scan(), attempt(bus(21, 22).readfrom, 0x76, 1))\n",
        attempt=ATTEMPT,
    )
    board.hardware.i2c(18, 19).attach(BME280(World(1)))
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "[118] b'`'",
        "96",
        "1 b'`' 0",
        "2",
        "b'\\x05'",
        "2 b'\\x03'",
        "[118] [118] []",
        f"[] [] ({errno.ENODEV}, 'ENODEV')",
    ]


def test_i2c_faults(make_board):
    board = make_board(
        I2C + "import time\ni2c, last = bus(), None\n"
        "while True:\n"
        "    now = attempt(i2c.readfrom_mem, 0x76, 0xD0, 1)\n"
        "    if now != last: last = now; print('got', now)\n"
        "    time.sleep_ms(1)\n",
        attempt=ATTEMPT,
    )
    wires = board.hardware.i2c(18, 19)
    sensor = wires.attach(BME280(World(1)))
    board.power_on()
    board.wait_console("got b'`'")
    wires.detach(sensor)
    board.wait_console("ENODEV")
    shorted = faults.apply(wires, "shorted")
    board.wait_console("ETIMEDOUT")
    since = board.mark()
    shorted.end()
    wires.attach(sensor)
    board.wait_console("got b'`'", since=since)


def test_sensors_lose_their_settings_with_the_power_only(make_board):
    class Counting(BME280):
        resets = 0

        def reset(self):
            self.resets += 1
            super().reset()

    board = make_board("import machine\nif machine.reset_cause() == 1: machine.reset()")
    sensor = board.hardware.i2c(18, 19).attach(Counting(World(1)))
    before = sensor.resets
    board.power_on()
    board.wait_state("repl")
    board.press_reset()
    board.wait_state("repl")
    assert board.boots == [1, 2, 1, 2] and sensor.resets == before + 1


def test_adc(make_board):
    board = make_board(
        "from machine import ADC, Pin\n"
        "adc = ADC(Pin(34), atten=ADC.ATTN_11DB)\n"
        "print(adc.read_uv(), adc.read_u16(), adc.read()); adc.width(ADC.WIDTH_9BIT)\n"
        "print(adc.read() <= 511, ADC(35).read_uv(), ADC(36).read_u16(), ADC(36).read())\n"
    )
    board.hardware.volts.update({34: 1.0, 35: -1.0, 36: 3.3})
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == ["1000000 26742 1671", "True 0 65535 4095"]


def test_boards_have_ids_of_their_own(make_board):
    ids = set()
    for number in range(3):
        board = make_board("import machine; print(machine.unique_id().hex())", f"board{number}")
        board.power_on()
        board.wait_state("repl")
        ids.add(told(board))
    assert len(ids) == 3 and all(len(i) == 12 for i in ids)
