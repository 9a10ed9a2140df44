"""The modules frozen into the ESP32's image, on a board with devices and without."""

import errno
import time

import pytest

from vboard import World
from vboard.devices.dht import DHT11, DHT22
from vboard.devices.ds18b20 import DS18B20
from vboard.devices.onewire import crc8
from vm import told

pytestmark = pytest.mark.both

ATTEMPT = """
def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return error.args[0]
    except Exception as error:
        return type(error).__name__, str(error)
"""

THERMOMETER = """
import time
from ds18x20 import DS18X20
from machine import Pin
from onewire import OneWire, OneWireError
from attempt import attempt
sensors = DS18X20(OneWire(Pin(4)))
"""


def room(celsius=20.0, percent=50.0):
    """Returns a world whose seconds fly: power-on is long ago when a board asks."""
    world = World(clock=lambda: 100 * time.monotonic())
    world.set("temperature", celsius)
    world.set("humidity", percent)
    return world


@pytest.fixture
def wired(make_board):
    """Returns wired(source, *serials, celsius=...): a board with thermometers at pin 4."""

    def wired(source, *serials, celsius=20.0):
        board = make_board(THERMOMETER + source, attempt=ATTEMPT)
        world = World()
        world.set("temperature", celsius)
        wire = board.hardware.one_wire(4)
        board.sensors = [wire.attach(DS18B20(world, serial)) for serial in serials]
        return board

    return wired


# Serial numbers that differ in their lowest bit, their highest, and in all of them.
SERIALS = (0, 1, 2, 3, 0x800000000000, 0x7FFFFFFFFFFF, 0xFFFFFFFFFFFF, 0x0F0F0F0F0F0F)


@pytest.mark.parametrize("serials", [(), (5,), SERIALS])
def test_scan_finds_each_once(wired, serials):
    board = wired("for rom in sensors.scan(): print(rom.hex(), type(rom).__name__)\n", *serials)
    board.power_on()
    board.wait_state("repl")
    roms = sorted(sensor.rom.hex() + " bytearray" for sensor in board.sensors)
    assert sorted(told(board).splitlines()) == roms


def test_scan_leaves_out_what_is_no_thermometer(wired):
    board = wired("print(len(sensors.ow.scan()), len(sensors.scan()))\n", 1)
    other = DS18B20(World(), 2)
    other.rom = b"\x01" + other.rom[1:7]
    other.rom += bytes([crc8(other.rom)])
    board.hardware.one_wire(4).attach(other)
    board.power_on()
    board.wait_state("repl")
    assert told(board) == "2 1"


MEASURE = """
def measure():
    for rom in roms: sensors.write_scratch(rom, bytes((75, 70, 0x1F)))
    sensors.convert_temp()
    while not sensors.ow.readbit(): time.sleep_ms(1)
"""


@pytest.mark.parametrize("celsius", [-10.5, 0.0, 21.5, 125.0])
def test_temperatures(wired, celsius):
    board = wired(
        MEASURE + "roms = sensors.scan()\nprint(sensors.read_temp(roms[0]))\n"
        "measure(); print([sensors.read_temp(rom) for rom in roms])\n"
        "print(sensors.read_scratch(roms[0])[2:5])\n",
        1,
        2,
        celsius=celsius,
    )
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == ["85.0", str([celsius] * 2), r"bytearray(b'KF\x1f')"]


@pytest.mark.parametrize(
    "data, celsius",
    # DS18S20 (data sheet, table 1, and "Operation"): half degrees; 12 of 16 counts are left,
    # a quarter more, which is taken off before.
    [("AA00", 85.0), ("3200", 25.0), ("0100", 0.0), ("FFFF", -1.0), ("CEFF", -25.0)],
)
def test_half_degrees_of_the_older_kind(run, data, celsius):
    board = run(
        "from ds18x20 import DS18X20\n"
        "sensor = DS18X20(None)\n"
        f"sensor.read_scratch = lambda rom: bytes.fromhex('{data}4B46FFFF0C10')\n"
        "print(sensor.read_temp(b'\\x10'))\n"
    )
    assert told(board) == str(celsius)


def test_nobody_there(wired):
    board = wired(
        "rom = bytes(8)\n"
        "print(sensors.ow.reset(), attempt(sensors.ow.reset, True))\n"
        "print(attempt(sensors.convert_temp)[0], attempt(sensors.read_temp, rom)[0])\n"
        "print(attempt(sensors.write_scratch, rom, b'abc')[0], OneWireError.__bases__)\n"
    )
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "False ('OneWireError', '')",
        "OneWireError OneWireError",
        "OneWireError (<class 'Exception'>,)",
    ]


def test_unplugged_in_the_middle(wired):
    board = wired(
        "rom, last = sensors.scan()[0], None\n"
        "print(attempt(sensors.read_temp, bytes(8)), rom.hex())\n"
        "while True:\n"
        "    now = attempt(sensors.read_temp, rom)\n"
        "    if now != last: last = now; print('got', now)\n"
        "    time.sleep_ms(1)\n",
        1,
        2,
    )
    board.power_on()
    board.wait_console("got 85.0")
    wire = board.hardware.one_wire(4)
    asked = [sensor for sensor in board.sensors if sensor.rom.hex() in board.console]
    assert len(asked) == 1 and board.console.startswith("('Exception', 'CRC error')")
    # The other one is there still: there is presence, but nobody answers.
    wire.detach(asked[0])
    board.wait_console("got ('Exception', 'CRC error')")
    for sensor in board.sensors:
        wire.detach(sensor)
    board.wait_console("got ('OneWireError', '')")
    since = board.mark()
    wire.attach(asked[0])
    board.wait_console("got 85.0", since=since)


def test_corrupted_on_the_wire(wired):
    class Noisy(DS18B20):
        @property
        def scratchpad(self):
            data = bytearray(super().scratchpad)
            data[0] ^= 1
            return bytes(data)

    board = wired("print(attempt(sensors.read_temp, sensors.scan()[0]))\n")
    board.hardware.one_wire(4).attach(Noisy(World(), 1))
    board.power_on()
    board.wait_state("repl")
    assert told(board) == "('Exception', 'CRC error')"


def test_wires_of_other_pins(wired):
    board = wired(
        "print(OneWire(Pin(5)).scan(), attempt(OneWire, Pin(34)), len(sensors.scan()))\n", 1
    )
    board.power_on()
    board.wait_state("repl")
    assert told(board) == "[] ('ValueError', 'pin can only be input') 1"


def test_thermometers_lose_their_settings_with_the_power_only(wired):
    board = wired(
        "import machine\n"
        "rom = sensors.scan()[0]; print(sensors.read_scratch(rom)[2])\n"
        "if machine.reset_cause() == 1:\n"
        "    sensors.write_scratch(rom, b'abc'); machine.reset()\n",
        1,
    )
    board.power_on()
    board.wait_state("repl")
    board.power_off()
    board.power_on()
    board.wait_state("repl")
    assert told(board).split() == ["75", "97", "75", "97"]


# -- dht


@pytest.fixture
def measured(make_board):
    """Returns measured(device, source): the console of a board with a DHT at pin 4."""

    def measured(driver, device, source="sensor.measure(); print(sensor.buf)\n", pin=4):
        board = make_board(
            f"import dht, time\nfrom machine import Pin\nfrom attempt import attempt\n"
            f"sensor = dht.{driver}(Pin({pin}))\n{source}",
            attempt=ATTEMPT,
        )
        board.hardware.pins[4].attach(device)
        board.power_on()
        board.wait_state("repl")
        return told(board)

    return measured


MEASURED = "sensor.measure(); print(round(sensor.temperature(), 2), round(sensor.humidity(), 2))\n"


@pytest.mark.parametrize(
    "driver, device, shown",
    [("DHT22", DHT22, "-10.1 65.2"), ("DHT11", DHT11, "0 65")],
)
def test_dht(measured, driver, device, shown):
    assert measured(driver, device(room(-10.1, 65.2)), MEASURED) == shown


class Cut(DHT22):
    """Unplugged after some bits."""

    def answer(self, low_ms):
        return super().answer(low_ms)[:30]


class Noisy(DHT22):
    """One of its bits comes wrong."""

    def answer(self, low_ms):
        pulses = super().answer(low_ms)
        pulses[5] = 97 - pulses[5]
        return pulses


@pytest.mark.parametrize(
    "device, pin, shown",
    [
        (DHT22, 5, str(errno.ETIMEDOUT)),
        # Of an input nothing goes out.
        (DHT22, 34, str(errno.ETIMEDOUT)),
        (Cut, 4, str(errno.ETIMEDOUT)),
        (Noisy, 4, "('Exception', 'checksum error')"),
    ],
)
def test_dht_that_fails(measured, device, pin, shown):
    assert measured("DHT22", device(room()), "print(attempt(sensor.measure))\n", pin) == shown


def test_dht_unplugged(make_board):
    pin = make_board().hardware.pins[4]
    one, other = DHT22(room()), DHT22(room())
    assert pin.attach(one) is one
    pin.detach(other)
    assert pin.device is one
    pin.detach(one)
    assert pin.device is None


def test_dht_readinto_wants_room(run):
    board = run(
        "import machine\nfrom attempt import attempt\n"
        "print(attempt(machine.dht_readinto, machine.Pin(4), bytearray(4)))\n",
        attempt=ATTEMPT,
    )
    assert told(board) == "('ValueError', 'buffer too small')"


# -- ntptime


def test_settime(run, air):
    air.serve_time("time.example")
    board = run(
        "import join, machine, ntptime, time\n"
        "print(ntptime.host, ntptime.timeout, time.gmtime()[0])\n"
        "ntptime.host = 'time.example'\n"
        "ntptime.settime(); now = machine.RTC().datetime()\n"
        "print(time.gmtime()[0] > 2025, now[3] == time.gmtime()[6])\n"
        "print(abs(ntptime.time() - time.time()) <= 1)\n"
    )
    assert told(board).splitlines() == ["pool.ntp.org 1 2000", "True True", "True"]


def test_time_server_that_doesn_t_answer_or_isn_t_there(run, air):
    air.serve_time().answers = False
    board = run(
        "import ntptime\nfrom attempt import attempt\n"
        "ntptime.timeout = 0.02\nprint(attempt(ntptime.time))\n"
        "import join\nprint(attempt(ntptime.settime))\n"
        "ntptime.host = 'no.invalid'\nprint(attempt(ntptime.time))\n"
        "import time; print(time.gmtime()[0])\n",
        attempt=ATTEMPT,
    )
    assert told(board).splitlines() == ["-202", str(errno.ETIMEDOUT), "-202", "2000"]


def test_next_era_of_ntp(run):
    # 2036-02-07 06:28:20 UTC: four seconds into it (RFC 5905, figure 4).
    board = run(
        "import ntptime, socket, time\n"
        "class Link:\n"
        "    def __init__(self, *args): pass\n"
        "    def settimeout(self, seconds): pass\n"
        "    def sendto(self, data, address): print(data[0], len(data), address)\n"
        "    def recv(self, size): return bytes(40) + b'\\0\\0\\0\\x04' + bytes(4)\n"
        "    def close(self): print('closed')\n"
        "ntptime.socket = Link\n"
        "Link.socket, Link.AF_INET, Link.SOCK_DGRAM = Link, 2, 2\n"
        "Link.getaddrinfo = lambda host, port: [(2, 2, 0, '', (host, port))]\n"
        "print(time.gmtime(ntptime.time())[:6])\n"
    )
    assert told(board).splitlines() == [
        "35 48 ('pool.ntp.org', 123)",
        "closed",
        "(2036, 2, 7, 6, 28, 20)",
    ]
