"""Faults by name: what a program on a board finds at its wires, and how it gets over them."""

import errno
import threading
import time

import pytest

from vboard import World
from vboard.clock import clock
from vboard.devices.bme280 import BME280
from vboard.devices.dht import DHT22
from vboard.devices.ds18b20 import DS18B20
from vboard.devices.hcsr04 import HCSR04
from vboard.devices.sht import SHT3x
from vboard.faults import FAULTS, FaultError, Place, apply, names
from vboard.faults.script import FaultPlayer
from vboard.peripherals.chips import CHIPS
from vboard.peripherals.i2c import I2CBus
from vboard.peripherals.onewire import OneWireBus
from vboard.peripherals.pins import (
    IRQ_FALLING,
    IRQ_RISING,
    MODE_IN,
    MODE_OPEN_DRAIN,
    PULL_UP,
    PinLine,
)
from vm import told

SCL, SDA = 18, 19
# uV that an ESP32's ADC shows at most.
FULL_UV = str(CHIPS["esp32"].adc_full_scale[-1])


def line(mode):
    """Returns a pin that the chip uses in a mode."""
    pin = PinLine(5, lambda kind, number: None)
    pin.set_up(mode, PULL_UP, 1)
    return pin


class Bus(I2CBus):
    """An I2C bus as machine.I2C leaves its pins."""

    def __init__(self):
        super().__init__(line(MODE_OPEN_DRAIN), line(MODE_OPEN_DRAIN))


class Clock:
    """Seconds of a world that are moved by hand."""

    def __init__(self):
        self.now = 0.0
        self.world = World(1, clock=lambda: self.now)


# `at(name)` lets a program wait until the test has done what it says; the test waits for what the
# program prints.
KIT = """
import errno, time
from machine import I2C, Pin
gate, level = Pin(4, Pin.IN), 0
def at(name):
    global level
    print("at", name); level = 1 - level
    while gate() != level: time.sleep_ms(1)
def attempt(function, *args):
    started = time.ticks_ms()
    try:
        found = function(*args)
    except OSError as error:
        found = error.args[1]
    return found, time.ticks_diff(time.ticks_ms(), started)
def recover(scl=18, sda=19):
    "Nine clocks at most, then a STOP; returns the clocks it took."
    data, clock = Pin(sda, Pin.OPEN_DRAIN, value=1), Pin(scl, Pin.OPEN_DRAIN, value=1)
    for count in range(9):
        if data(): break
        clock(0); clock(1)
    else:
        count = 9
    clock(0); data(0); clock(1); data(1)
    return count
"""


@pytest.fixture
def play(make_board):
    """Returns play(main, wire): a board that runs, and step(name, act): what happens there."""

    def play(main, wire):
        board = make_board("from kit import *\n" + main, kit=KIT)
        wire(board.hardware)
        board.power_on()

        def step(name, act=lambda: None):
            board.wait_console(f"at {name}")
            done = act()
            board.hardware.pins[4].drive(1 - board.hardware.pins[4].level)
            return done

        return board, step

    return play


def until(condition):
    """Waits until condition() is true."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def said(board):
    """Returns the lines that the program printed, but for those that ask the test to go on."""
    return [line for line in told(board).splitlines() if not line.startswith("at ")]


# ---- I2C ---------------------------------------------------------------------------------------

TRANSACTIONS = """
i2c = I2C(0, scl=Pin(18), sda=Pin(19), freq=100_000)
def read(address=0x76):
    return attempt(i2c.readfrom_mem, address, 0xD0, 2)[0]
print(read())
for name in ("nack", "nack all", "nack-data", "zeros", "ones", "crc", "healed", "unplugged"):
    at(name); print(name, read(), read(), read(), read(0x44))
at("plugged"); i2c.writeto_mem(0x76, 0xF2, b"\\x05")
at("brown-out"); print("ctrl_hum", i2c.readfrom_mem(0x76, 0xF2, 1)); print("end")
"""


@pytest.mark.both
def test_transactions(play):
    def wire(hardware):
        for device in (BME280(World(1)), SHT3x(World(1))):
            hardware.i2c(SCL, SDA).attach(device)

    board, step = play(TRANSACTIONS, wire)
    bus = board.hardware.i2c(SCL, SDA)
    one = (bus, 0x76)
    step("nack", lambda: apply(one, "nack", count=2))
    fault = step("nack all", lambda: apply(bus, "nack"))
    step("nack-data", lambda: (fault.end(), apply(one, "nack-data", count=1)))
    fault = step("zeros", lambda: apply(one, "zeros"))
    fault = step("ones", lambda: (fault.end(), apply(one, "ones"))[1])
    fault = step("crc", lambda: (fault.end(), apply(one, "crc", seed=1))[1])
    step("healed", fault.end)
    fault = step("unplugged", lambda: apply(one, "unplugged"))
    step("plugged", fault.end)
    step("brown-out", lambda: apply(one, "brown-out"))
    board.wait_console("end")
    good, silent = "b'`\\x00'", "ENODEV"
    lines = said(board)
    flipped = lines.pop(6).split()
    assert lines == [
        good,
        # The SHT3x has nothing to read without a measurement.
        f"nack {silent} {silent} {good} {silent}",
        f"nack all {silent} {silent} {silent} {silent}",
        f"nack-data {silent} {good} {good} {silent}",
        f"zeros b'\\x00\\x00' b'\\x00\\x00' b'\\x00\\x00' {silent}",
        f"ones b'\\xff\\xff' b'\\xff\\xff' b'\\xff\\xff' {silent}",
        f"healed {good} {good} {good} {silent}",
        f"unplugged {silent} {silent} {silent} {silent}",
        "ctrl_hum b'\\x00'",
        "end",
    ]
    assert flipped[0] == "crc" and good not in flipped and len(set(flipped[1:4])) > 1


HELD = """
i2c = I2C(0, scl=Pin(18), sda=Pin(19), timeout=30_000)
def who():
    return attempt(i2c.readfrom_mem, 0x76, 0xD0, 1)
def levels():
    return Pin(18)(), Pin(19)()
at("stuck")
found, ms = who()
print(found, ms >= 29, levels())
print("clocks", recover(), levels())
# The same object, whoever constructed it: what isn't named stays.
other = I2C(0, freq=50_000)
print(who()[0], other.scan())
at("shorted")
print(who()[0], levels(), recover(), who()[0])
at("shorted scl")
print(who()[0], levels(), recover())
at("healed"); print(who()[0], levels())
at("stuck again"); machine_reset = __import__("machine").reset; machine_reset()
"""


@pytest.mark.both
def test_a_bus_that_is_held_and_nine_clocks(play):
    board, step = play(HELD, lambda hardware: hardware.i2c(SCL, SDA).attach(BME280(World(1))))
    bus = board.hardware.i2c(SCL, SDA)
    stuck = step("stuck", lambda: apply((bus, 0x76), "stuck", clocks=7))
    fault = step("shorted", lambda: apply(bus, "shorted"))
    assert not stuck.active
    fault = step("shorted scl", lambda: (fault.end(), apply(bus, "shorted", line="scl"))[1])
    step("healed", fault.end)
    step("stuck again", lambda: apply(bus, "stuck"))
    # A reset of the chip doesn't free it, its clocks or a loss of power do.
    since = board.mark()
    board.wait_console("at stuck", since=since)
    assert bus.sda.held_low
    board.power_off()
    assert bus.sda.held_low
    board.power_on()
    assert not bus.sda.held_low
    lines = said(board)
    assert lines[:6] == [
        "ETIMEDOUT True (1, 0)",
        "clocks 7 (1, 1)",
        "b'`' [118]",
        "ETIMEDOUT (1, 0) 9 ETIMEDOUT",
        "ETIMEDOUT (0, 1) 0",
        "b'`' (1, 1)",
    ]


STRETCHED = """
i2c = I2C(0, scl=Pin(18), sda=Pin(19), timeout=200_000)
def measure():
    i2c.writeto(0x44, b"\\x2c\\x06")
    return i2c.readfrom(0x44, 6)
for name, least in (("start", 14), ("slow", 60), ("too slow", 199)):
    at(name)
    found, ms = attempt(measure)
    print(found if isinstance(found, str) else len(found), ms >= least)
at("stretch"); I2C(0, timeout=20_000)
for _ in range(2):
    found, ms = attempt(measure)
    print(found, ms >= 19); time.sleep_ms(20)
print("end")
"""


@pytest.mark.both
def test_a_stretched_clock_blocks_the_program(play):
    board, step = play(STRETCHED, lambda hardware: hardware.i2c(SCL, SDA).attach(SHT3x(World(1))))
    bus = board.hardware.i2c(SCL, SDA)
    step("start")
    fault = step("slow", lambda: apply(bus, "slow", factor=4))
    fault = step("too slow", lambda: (fault.end(), apply(bus, "slow", factor=1000))[1])

    def change():
        fault.end()
        apply(bus, "stretch", seconds=0.5)
        # As later versions of the driver have it.
        board.hardware.i2c_late = errno.ENODEV

    step("stretch", change)
    board.wait_console("end")
    late, later = "ETIMEDOUT True", "ENODEV True"
    assert said(board) == ["6 True", "6 True", late, later, later, "end"]


@pytest.mark.parametrize("seed", range(9))
def test_a_stuck_device_lets_go_within_nine_clocks(seed):
    bus = Bus()
    fault = apply(bus, "stuck", seed=seed)
    count = 0
    while not bus.sda.level:
        bus.scl.put(0)
        bus.scl.put(1)
        count += 1
    assert 1 <= count <= 9 and not fault.active
    fault.end()


def test_seeds_differ_in_the_clocks():
    assert len({apply(Bus(), "stuck", seed=seed).left for seed in range(30)}) > 4


def test_clocks_that_the_chip_does_not_make_free_nothing():
    bus = Bus()
    apply(bus, "stuck", clocks=1)
    # An input, another's level, and a wire that is held anyway.
    bus.scl.set_up(MODE_IN, PULL_UP, None)
    bus.scl.drive(0)
    bus.scl.drive(1)
    short = apply(bus, "shorted", line="scl")
    bus.scl.set_up(MODE_OPEN_DRAIN, PULL_UP, 0)
    bus.scl.put(1)
    assert bus.sda.level == 0
    short.end()
    bus.scl.set_up(MODE_OPEN_DRAIN, PULL_UP, 0)
    bus.scl.set_up(MODE_IN, PULL_UP, None)
    assert bus.sda.level == 1


def test_a_dip_of_the_supply_loses_the_conversion_under_way():
    bus, hand = Bus(), Clock()
    bus.attach(SHT3x(hand.world))
    hand.now = 1.0
    fault = apply((bus, 0x44), "brown-out", after=3)
    for readable in (True, False, True):
        bus.write(0x44, b"\x24\x00")
        hand.now += 0.1
        if readable:
            bus.read(0x44, 6)
        else:
            with pytest.raises(OSError, match="ENODEV"):
                bus.read(0x44, 6)
    fault.end()


def test_slow_devices_take_longer_and_are_themselves_again():
    bus, hand = Bus(), Clock()
    sensor = bus.attach(SHT3x(hand.world))
    hand.now = 1.0
    fault = apply(bus, "slow", factor=10)
    bus.write(0x44, b"\x24\x00")
    hand.now += 0.1
    with pytest.raises(OSError, match="ENODEV"):
        bus.read(0x44, 6)
    hand.now += 0.1
    assert len(bus.read(0x44, 6)) == 6
    # Twice, and the first one ends first.
    slower = apply(bus, "slow", factor=1000)
    fault.end()
    bus.write(0x44, b"\x24\x00")
    hand.now += 1
    with pytest.raises(OSError, match="ENODEV"):
        bus.read(0x44, 6)
    slower.end()
    assert len(bus.read(0x44, 6)) == 6 and sensor.world.now() == hand.now


class Foreign:
    """An emulation that knows nothing of ours but the bus: it counts."""

    address = 0x10

    def __init__(self):
        self.heard, self.resets = [], 0

    def reset(self):
        self.resets += 1

    def write(self, data):
        self.heard.append(data)

    def read(self, count):
        return b"\x0f" * count


def test_a_foreign_device_has_them_too():
    bus, device = Bus(), Foreign()
    bus.attach(device)
    with pytest.raises(FaultError, match="nothing there has a time of its own"):
        apply(bus, "slow")
    assert bus.harms == []
    for name in names("i2c"):
        if name != "slow":
            apply((bus, device), name).end()
    assert bus.harms == [] and device.resets == 3
    refused = apply((bus, device), "nack-data", byte=2)
    bus.write(0x10, b"ab")
    with pytest.raises(OSError, match="ENODEV"):
        bus.write(0x10, b"abc")
    assert device.heard == [b"ab", b"ab"]
    refused.end()
    flipped = apply(bus, "crc", bits=3)
    found = int.from_bytes(bus.read(0x10, 4), "big") ^ 0x0F0F0F0F
    assert found.bit_count() == 3
    assert bus.read(0x10, 0) == b""
    flipped.end()


# ---- 1-Wire and DHT ----------------------------------------------------------------------------

OTHERS = """
from machine import ADC, dht_readinto, time_pulse_us
from onewire import OneWire
from ds18x20 import DS18X20
wire = DS18X20(OneWire(Pin(5)))
def scratch():
    try:
        if not wire.ow.reset(): return "absent"
        wire.ow.writebyte(0xCC); wire.ow.writebyte(0xBE)
        data = [wire.ow.readbyte() for _ in range(9)]
        return "wrong" if wire.ow.crc8(bytearray(data)) else data[0] | data[1] << 8
    except Exception as error:
        return type(error).__name__
def dht():
    buffer = bytearray(5)
    found = attempt(dht_readinto, Pin(13), buffer)[0]
    if found is None: found = buffer.hex()
    return found
adc = ADC(Pin(32))
trigger, echo = Pin(17, Pin.OUT, value=0), Pin(16, Pin.IN)
def distance():
    # Again: who stalls for a moment comes too late for a pulse.
    for _ in range(5):
        trigger(1); trigger(0)
        us = time_pulse_us(echo, 1, 30_000)
        if us > 0: return "heard"
    return us
contact = Pin(14, Pin.IN, Pin.PULL_UP)
for name in ("1", "2", "3", "4", "healed"):
    at(name); print(name, scratch(), dht(), adc.read_uv(), adc.read_uv(), distance(), contact())
print("end")
"""


@pytest.mark.both
def test_other_wires(play):
    # So fast that a DHT is ready again whenever it is asked.
    world = World(1, clock=lambda: 1000 * clock.now())
    for name, value in (("temperature", 20.0), ("humidity", 50.0)):
        world.set(name, value)

    def wire(hardware):
        hardware.one_wire(5).attach(DS18B20(world))
        hardware.pins[13].attach(DHT22(world))
        hardware.pins[14].drive(0)
        hardware.volts[32] = 1.0

    board, step = play(OTHERS, wire)
    hardware = board.hardware
    board.wire_echo(17, 16, HCSR04(world, metres=3.9))
    places = (
        *(hardware.one_wire(5), hardware.pins[13], Place("adc", hardware.pins[32])),
        *(Place("echo", hardware.pins[16]), hardware.pins[14]),
    )
    faults = []

    def change(*following):
        for fault in faults:
            fault.end()
        faults[:] = [apply(*one) for one in zip(places, following, strict=True)]

    step("1", lambda: change("no-presence", "no-answer", "zeros", "unplugged", "unplugged"))
    step("2", lambda: change("shorted", "shorted", "ones", "endless", "unplugged"))
    step("3", lambda: change("crc", "crc", "unplugged", "unplugged", "shorted"))
    step("4", lambda: change("unplugged", "ones", "unplugged", "endless", "shorted"))
    step("healed", lambda: [fault.end() for fault in faults])
    board.wait_console("end")
    found = {line.split()[0]: line.split()[1:] for line in said(board)}
    # 50 % and 20 °C; 85 °C is what a DS18B20 has at first.
    good = ["1360", "01f400c8bd", "1000000", "1000000", "heard", "0"]
    assert found["healed"] == good
    assert found["1"] == ["absent", "ETIMEDOUT", "0", "0", "-2", "1"]
    assert found["2"] == ["0", "ETIMEDOUT", FULL_UV, FULL_UV, "-1", "1"]
    assert found["3"][0] == "wrong" and found["3"][4:] == ["-2", "0"]
    assert bin(int(found["3"][1], 16) ^ int(good[1], 16)).count("1") == 1
    # What is in the air is never the same.
    assert found["3"][2] != found["3"][3]
    assert found["4"][:2] == ["absent", "ffffffffff"] and found["4"][4:] == ["-1", "0"]


def wire_of(*serials):
    wire, hand = OneWireBus(line(MODE_OPEN_DRAIN)), Clock()
    return wire, [wire.attach(DS18B20(hand.world, serial)) for serial in serials], hand


def ask(wire, *commands, count=9):
    """Returns what is read after a reset pulse and some bytes."""
    wire.restart()
    for command in commands:
        for place in range(8):
            wire.slot(command >> place & 1)
    found = sum(wire.slot(1) << place for place in range(8 * count))
    return found.to_bytes(count, "little")


@pytest.mark.parametrize("seed", range(20))
def test_one_bit_of_an_answer_is_wrong(seed):
    wire, (device,), _ = wire_of(1)
    fault = apply(wire, "crc", seed=seed)
    for commands, right in (((0x33,), device.rom), ((0xCC, 0xBE), device.scratchpad)):
        found = ask(wire, *commands, count=len(right))
        wrong = int.from_bytes(found, "big") ^ int.from_bytes(right, "big")
        assert wrong.bit_count() == 1
    fault.end()
    assert ask(wire, 0xCC, 0xBE) == device.scratchpad


def test_zeros_and_ones_on_one_wire():
    wire, (device,), _ = wire_of(1)
    for name, found in (("zeros", bytes(9)), ("ones", b"\xff" * 9)):
        fault = apply(wire, name)
        assert wire.restart() and ask(wire, 0xCC, 0xBE) == found
        fault.end()
    assert ask(wire, 0xCC, 0xBE) == device.scratchpad


def test_one_of_two_is_slow_loses_its_supply_or_is_gone():
    wire, (first, second), hand = wire_of(1, 2)
    hand.world.set("temperature", 20.0)
    fault = apply((wire, first), "slow", factor=2)
    ask(wire, 0xCC, 0x44, count=1)
    hand.now += 1.0
    assert second.scratchpad[0] == 0x40 and first.scratchpad[0] == 0x50
    hand.now += 0.6
    assert first.scratchpad[0] == 0x40
    fault.end()
    apply((wire, second), "brown-out").end()
    assert second.scratchpad[0] == 0x50 and first.scratchpad[0] == 0x40
    fault = apply((wire, first), "unplugged")
    assert wire.devices == [second] and ask(wire, 0x33, count=8) == second.rom
    fault.end()
    assert wire.devices == [second, first] and first.scratchpad[0] == 0x50


# ---- Lines with levels -------------------------------------------------------------------------


def test_a_line_that_chatters():
    edges, enough = [], threading.Event()

    def interrupt(kind, number):
        edges.append(pin.level)
        if len(edges) >= 6:
            enough.set()

    pin = PinLine(4, interrupt)
    pin.set_up(MODE_IN, PULL_UP, None)
    pin.trigger = IRQ_RISING | IRQ_FALLING
    pin.drive(1)
    fault = apply(pin, "chatter", hertz=500, seed=3)
    assert enough.wait(10)
    fault.end()
    assert pin.level == 1
    # Whatever the contact does meanwhile shows at the end.
    fault = apply(pin, "shorted")
    pin.drive(0)
    fault.end()
    assert pin.level == 0


def test_two_hold_a_line_and_each_lets_go_by_itself():
    pin = line(MODE_OPEN_DRAIN)
    first, second, third = (apply(pin, name) for name in ("shorted", "shorted", "unplugged"))
    pin.drive(1)
    for fault, level in ((first, 0), (third, 0), (second, 1)):
        fault.end()
        assert pin.level == level


# ---- By script ---------------------------------------------------------------------------------


class Attached:
    """What knows how to unplug itself."""

    def __init__(self, bus, device):
        self.bus, self.device = bus, device
        self.did = []

    def plug(self):
        self.did.append("plug")

    def unplug(self):
        self.did.append("unplug")


def test_what_can_unplug_itself_does():
    bus = Bus()
    one = Attached(bus, bus.attach(Foreign()))
    apply(one, "unplugged").end()
    assert one.did == ["unplug", "plug"]
    with pytest.raises(OSError, match="ENODEV"):
        apply(one, "nack")
        bus.read(0x10, 1)


def test_a_script_is_played():
    bus = Bus()
    bus.attach(Foreign())
    script = [
        {"sensor": "a", "fault": "zeros", "start_s": 0.01, "end_s": 0.05},
        {"sensor": "a", "fault": "nack", "start_s": 0.02, "options": {"count": 5}},
    ]
    player = FaultPlayer(script, {"a": (bus, 0x10)})
    player.start()
    until(lambda: len(bus.harms) == 1 and isinstance(bus.harms[0], FAULTS["i2c"]["nack"]))
    player.stop()
    assert bus.harms == [] and bus.read(0x10, 1) == b"\x0f"
    player.start()
    player.stop()
    ended = threading.Event()
    clock.call_later(0.03, ended.set)
    assert ended.wait(5) and bus.harms == []


def but(**changed):
    """Returns an entry that can be played, but for what is said."""
    return {"sensor": "a", "fault": "nack", "start_s": 0, **changed}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("nack", "'nack' is no object of sensor, fault, start_s, end_s, options"),
        ({"sensor": "a"}, "fault is missing"),
        ({"sensor": "a", "fault": "nack"}, "start_s is missing"),
        (but(sensor="b"), "there is no sensor 'b': there are a"),
        (but(sensor=["a"]), r"there is no sensor \['a'\]: there are a"),
        (but(fault="fire"), "i2c has no fault 'fire': it has brown-out, crc, nack"),
        (but(fault=["nack"]), r"i2c has no fault \['nack'\]: it has"),
        (but(when=1), "there is no 'when': allowed are sensor"),
        (but(start_s=-1), "start_s is -1: s from 0 to 2592000 are needed"),
        (but(start_s=3, end_s=2), "end_s is 2: s from 3 to 2592000 are needed"),
        (but(start_s=float("nan")), "start_s is nan"),
        (but(start_s=True), "start_s is True"),
        (but(options=[1]), r"options is \[1\]: an object is needed"),
        (but(options={"n": 1}), "nack has no option 'n': it has count"),
        (
            but(options={"count": 1.5}),
            "nack: count is 1.5: a whole number from 1 to 1000000 is needed",
        ),
        (but(fault="zeros", options={"n": 1}), "zeros has no option 'n': it has none"),
        (
            but(fault="shorted", options={"line": "vcc"}),
            "shorted: line is 'vcc': one of sda, scl is needed",
        ),
        (but(fault="slow", options={"factor": "2"}), "slow: factor is '2': a number from 1.0"),
    ],
)
def test_a_script_with_a_fault_of_its_own(entry, text):
    with pytest.raises(FaultError, match=f"^fault 2: {text}"):
        FaultPlayer([but(), entry], {"a": (Bus(), 0x10)})


def test_what_is_no_place_and_no_script():
    with pytest.raises(FaultError, match="^5 is no place for a fault"):
        apply(5, "nack")
    with pytest.raises(FaultError, match="no kind 'spi': there are i2c"):
        Place("spi", line(MODE_IN))
    with pytest.raises(FaultError, match="^the script is None: a list of faults is needed"):
        FaultPlayer(None, {})
