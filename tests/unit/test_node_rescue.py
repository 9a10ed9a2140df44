# An I2C bus that fails: how it is freed, and who answers on it.

from errno import ENODEV, ETIMEDOUT

from node import rescue


class Wire:
    """Two lines, and a device that holds SDA low until it has had so many clocks."""

    def __init__(self, clocks=0, scl_low=False):
        # Clocks the device waits for; its NACK and what follows release SDA.
        self.clocks = clocks
        self.scl_low = scl_low
        # What the chip puts out on each.
        self.out = {"scl": 1, "sda": 1}
        # "START", "STOP" and "clock" in their order, as a device sees them.
        self.seen = []
        self.us = 0

    def level(self, line):
        held = self.scl_low if line == "scl" else self.clocks > 0
        return 0 if held else self.out[line]

    def put(self, line, level):
        before = self.level(line)
        self.out[line] = level
        edge = self.level(line) - before
        if line == "sda" and edge and self.level("scl"):
            self.seen.append("STOP" if edge > 0 else "START")
        if line == "scl" and edge > 0:
            self.seen.append("clock")
            self.clocks -= 1

    def pins(self):
        return Pin(self, "scl"), Pin(self, "sda")

    def sleep_us(self, us):
        self.us += us


class Pin:
    # Stands for machine.Pin.

    def __init__(self, wire, line):
        self.wire = wire
        self.line = line

    def value(self, level=None):
        if level is None:
            return self.wire.level(self.line)
        self.wire.put(self.line, level)


def freed(wire):
    rescue.time = wire
    return rescue.free(*wire.pins())


def test_as_many_clocks_as_it_takes_and_a_stop():
    for clocks in range(1, 10):
        wire = Wire(clocks)
        assert freed(wire) == ""
        assert wire.seen[:clocks] == ["clock"] * clocks
        assert wire.seen[clocks:] == ["START", "clock", "STOP"]
        assert wire.out == {"scl": 1, "sda": 1}
        # 100 kHz, in less than the loop's patience.
        assert 10 * clocks <= wire.us < 1000


def test_a_bus_that_is_free_gets_no_clock_of_nine():
    wire = Wire()
    assert freed(wire) == ""
    assert wire.seen == ["START", "clock", "STOP"]


def test_a_short_stays():
    wire = Wire(1_000_000)
    assert freed(wire) == "sda"
    assert wire.seen == ["clock"] * 9 and wire.out == {"scl": 1, "sda": 1}


def test_a_clock_that_is_held_low_can_t_be_clocked():
    wire = Wire(3, scl_low=True)
    assert freed(wire) == "scl"
    assert wire.seen == [] and wire.out == {"scl": 1, "sda": 1}


class Line:
    # Stands for hardware.Line.
    name = "main"
    config = {"scl": 22, "sda": 21}

    def __init__(self, wire=None, i2c=None):
        self.wire = wire or Wire()
        self.i2c = i2c
        # How often the bus was set up.
        self.count = 0

    def held(self):
        return "" if self.wire.level("sda") else "sda"

    def taken(self):
        return self.wire.pins()

    def made(self):
        self.count += 1


def recovered(line):
    rescue.time = line.wire
    return rescue.recover(line)


def test_a_recovery_sets_the_bus_up_behind_the_clocks():
    line = Line(Wire(9))
    assert recovered(line) == "" and line.count == 1
    assert line.wire.seen.count("clock") == 10
    # Who isn't held is not clocked: others may be within a measurement.
    assert recovered(line) == "" and line.count == 2
    assert line.wire.seen.count("clock") == 10


def test_what_stays_low_is_told_with_its_pin():
    line = Line(Wire(1_000_000))
    told = recovered(line)
    assert told.startswith("bus main: SDA (pin 21) is held low: check wiring") and line.count == 1


class Bus:
    """Addresses that answer; all others raise."""

    def __init__(self, *present, error=ENODEV):
        self.present = present
        self.error = error
        self.asked = []

    def writeto(self, address, data):
        assert data == b""
        self.asked.append(address)
        if address not in self.present:
            raise OSError(self.error)


class Sleeps:
    # In place of asyncio.

    @staticmethod
    async def sleep_ms(ms):
        pass


def scanned(bus, function=rescue.scan, wire=None):
    rescue.asyncio = Sleeps
    try:
        function(Line(wire, bus)).send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something else")


def test_a_scan_names_what_answers():
    bus = Bus(0x44, 0x50, 0x76, 0x77)
    assert scanned(bus) == {
        "0x44": "ina219, sht3x, sht4x",
        "0x50": "",
        "0x76": "bme280, bmp280",
        "0x77": "bme280, bmp280",
    }
    assert bus.asked == list(range(0x08, 0x78))
    assert scanned(Bus()) == {}


def test_a_bus_that_hangs_is_not_asked_on():
    bus = Bus(error=ETIMEDOUT)
    told = scanned(bus)
    assert told.startswith("bus main hangs (OSError(") and bus.asked == [0x08]


def test_a_bus_that_is_held_is_not_asked_at_all():
    bus = Bus()
    assert "SDA (pin 21) is held low" in scanned(bus, wire=Wire(5)) and bus.asked == []


def test_a_scan_in_words():
    told = scanned(Bus(0x50, 0x76), rescue.told)
    assert told == "bus main has 0x50 (unknown), 0x76 (bme280, bmp280)"
    assert scanned(Bus(), rescue.told) == "bus main has nobody who answers"
    assert "hangs" in scanned(Bus(error=ETIMEDOUT), rescue.told)
