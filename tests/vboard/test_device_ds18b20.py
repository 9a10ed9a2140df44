"""The DS18B20 and the 1-Wire bus, slot by slot."""

import pytest

from vboard.devices.ds18b20 import DS18B20
from vboard.devices.onewire import crc8, rom_code
from vboard.peripherals.onewire import OneWireBus
from vboard.peripherals.pins import MODE_IN, MODE_OPEN_DRAIN, MODE_OUT, PULL_UP, PinLine
from vboard.world import World

SKIP, CONVERT, READ, WRITE, COPY, RECALL, POWER = 0xCC, 0x44, 0xBE, 0x4E, 0x48, 0xB8, 0xB4


class Time:
    """A world's clock, moved by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class Wire:
    """A master on a bus, and the time."""

    def __init__(self, *serials):
        self.time = Time()
        self.world = World(clock=self.time)
        self.pin = PinLine(4, lambda kind, number: None)
        self.pin.mode, self.pin.pull, self.pin.out = MODE_OPEN_DRAIN, PULL_UP, 1
        self.bus = OneWireBus(self.pin)
        self.devices = [self.bus.attach(DS18B20(self.world, serial)) for serial in serials]

    def write(self, *data):
        for byte in data:
            for place in range(8):
                self.bus.slot(byte >> place)

    def read(self, count=1):
        bits = [self.bus.slot(1) for _ in range(8 * count)]
        return bytes(
            sum(bit << place for place, bit in enumerate(bits[at : at + 8]))
            for at in range(0, 8 * count, 8)
        )

    def begin(self, *data):
        present = self.bus.restart()
        self.write(*data)
        return present

    def scratchpad(self):
        self.begin(SKIP, READ)
        return self.read(9)

    def celsius(self):
        self.begin(SKIP, CONVERT)
        self.time.seconds += self.devices[0].convert_s
        data = self.scratchpad()
        assert crc8(data) == 0
        return int.from_bytes(data[:2], "little", signed=True) / 16


def test_crc_of_the_application_note():
    # Maxim application note 27, "Example Calculation for DS1990A".
    assert crc8(bytes.fromhex("021CB801000000")) == 0xA2
    assert crc8(bytes.fromhex("021CB801000000A2")) == 0


def test_rom_code_names_family_and_serial():
    code = rom_code(0x28, 0x123456)
    assert code[:7] == bytes.fromhex("28563412000000") and crc8(code) == 0


def test_power_on_is_85_degrees_with_12_bits():
    assert Wire(1).scratchpad()[:8] == bytes.fromhex("5005 4B46 7F FF0C10")


@pytest.mark.parametrize(
    "celsius, register",
    # Table 1 of the data sheet.
    [
        (125, 0x07D0),
        (25.0625, 0x0191),
        (10.125, 0x00A2),
        (0.5, 0x0008),
        (0, 0),
        (-0.5, 0xFFF8),
        (-10.125, 0xFF5E),
        (-25.0625, 0xFE6F),
        (-55, 0xFC90),
        # Beyond its range.
        (200, 0x07D0),
        (-80, 0xFC90),
    ],
)
def test_register_of_a_temperature(celsius, register):
    wire = Wire(1)
    wire.world.set("temperature", celsius)
    wire.celsius()
    assert int.from_bytes(wire.scratchpad()[:2], "little") == register


@pytest.mark.parametrize(
    "configuration, seconds, shown",
    [(0x1F, 0.09375, 21.5), (0x3F, 0.1875, 21.5), (0x5F, 0.375, 21.625), (0x7F, 0.75, 21.6875)],
)
def test_resolution_takes_its_time(configuration, seconds, shown):
    wire = Wire(1)
    wire.world.set("temperature", 21.7)
    wire.begin(SKIP, WRITE, 75, 70, configuration)
    wire.begin(SKIP, CONVERT)
    wire.time.seconds += seconds - 0.001
    assert wire.read() == b"\0"
    wire.time.seconds += 0.001
    assert wire.read() == b"\xff"
    assert int.from_bytes(wire.scratchpad()[:2], "little") / 16 == shown


def test_too_early_the_old_value_is_there():
    wire = Wire(1)
    wire.world.set("temperature", 20)
    wire.begin(SKIP, CONVERT)
    wire.time.seconds += 0.7
    assert wire.scratchpad()[:2] == b"\x50\x05"
    wire.time.seconds += 0.1
    assert wire.scratchpad()[:2] == b"\x40\x01"


def test_only_settings_can_be_written_and_the_eeprom_keeps_them():
    wire = Wire(1)
    wire.begin(SKIP, WRITE, 0x12, 0xF4, 0x00)
    assert wire.scratchpad()[2:5] == b"\x12\xf4\x1f"
    wire.begin(SKIP, RECALL)
    assert wire.scratchpad()[2:5] == b"\x4b\x46\x7f"
    wire.begin(SKIP, WRITE, 0x12, 0xF4, 0xFF)
    wire.begin(SKIP, COPY)
    assert wire.read() == b"\0"
    wire.time.seconds += 0.011
    assert wire.read() == b"\xff"
    wire.begin(SKIP, WRITE, 1, 2, 0x3F)
    wire.bus.power_cycle()
    assert wire.scratchpad()[2:5] == b"\x12\xf4\x7f"


def test_power_lost_in_a_conversion_or_a_copy_undoes_it():
    wire = Wire(1)
    wire.begin(SKIP, WRITE, 1, 2, 0x7F)
    wire.begin(SKIP, COPY)
    wire.bus.power_cycle()
    wire.begin(SKIP, CONVERT)
    wire.bus.power_cycle()
    wire.time.seconds += 1
    assert wire.scratchpad()[:5] == bytes.fromhex("5005 4B46 7F")


def test_it_has_a_supply_of_its_own():
    wire = Wire(1, 2)
    wire.begin(SKIP, POWER)
    assert wire.read() == b"\xff"


def test_alarm_search_finds_the_one_that_is_too_warm():
    wire = Wire(1, 2)
    wire.world.set("temperature", 20)
    wire.begin(SKIP, WRITE, 75, 10, 0x7F)
    # 85 °C at power-on is an alarm, too.
    assert all(device.alarmed for device in wire.devices)
    wire.celsius()
    wire.begin(0xEC)
    assert [wire.bus.slot(1), wire.bus.slot(1)] == [1, 1]
    wire.begin(0x55, *wire.devices[1].rom, WRITE, 20, 10, 0x7F)
    wire.begin(0xEC)
    found = 0
    for place in range(64):
        bit, complement = wire.bus.slot(1), wire.bus.slot(1)
        assert bit != complement
        found |= bit << place
        wire.bus.slot(bit)
    assert found.to_bytes(8, "little") == wire.devices[1].rom


# -- the wire


def test_a_match_silences_all_others():
    wire = Wire(1, 2, 3)
    wire.begin(0x55, *wire.devices[2].rom, WRITE, 5, 4, 0x7F)
    assert [device.scratchpad[2] for device in wire.devices] == [75, 75, 5]
    wire.begin(0x55, *rom_code(0x28, 99), READ)
    assert wire.read(2) == b"\xff\xff"


def test_read_rom_of_one_and_the_and_of_two():
    wire = Wire(1)
    wire.begin(0x33)
    assert wire.read(8) == wire.devices[0].rom
    other = wire.bus.attach(DS18B20(wire.world, 2))
    wire.begin(0x33)
    one = wire.devices[0].rom
    assert wire.read(8) == bytes(a & b for a, b in zip(one, other.rom, strict=True))


def test_who_has_said_all_lets_go_of_the_wire_until_the_next_reset():
    wire = Wire(1)
    wire.begin(SKIP, READ)
    wire.read(9)
    assert wire.read(2) == b"\xff\xff"
    wire.begin(0x99, READ)
    assert wire.read() == b"\xff"
    wire.begin(SKIP, 0x99)
    assert wire.read() == b"\xff"


def test_without_a_reset_pulse_nobody_listens():
    wire = Wire(1)
    wire.write(SKIP, READ)
    assert wire.read() == b"\xff"


def test_presence():
    wire = Wire()
    assert not wire.begin()
    sensor = wire.bus.attach(DS18B20(wire.world, 1))
    assert wire.begin()
    wire.bus.detach(sensor)
    wire.bus.detach(sensor)
    assert not wire.begin()


def test_unplugged_in_the_middle_the_rest_reads_1():
    wire = Wire(1)
    wire.begin(SKIP, READ)
    assert wire.read(2) == b"\x50\x05"
    wire.bus.detach(wire.devices[0])
    data = b"\x50\x05" + wire.read(7)
    assert data[2:] == b"\xff" * 7 and crc8(data)
    # Plugged in again it waits for a reset pulse.
    wire.bus.attach(wire.devices[0])
    assert wire.read() == b"\xff" and wire.scratchpad()[:2] == b"\x50\x05"


def test_a_short_looks_like_presence_and_zeros():
    wire = Wire(1)
    wire.pin.drive(0)
    assert wire.begin(SKIP, READ) and wire.read() == b"\0"
    wire.pin.drive(None)
    assert wire.scratchpad()[0] == 0x50


@pytest.mark.parametrize("mode, out", [(MODE_IN, 0), (MODE_OUT, 1)])
def test_a_pin_that_isn_t_open_drain_reaches_nobody(mode, out):
    wire = Wire(1)
    wire.pin.mode, wire.pin.out = mode, out
    assert not wire.begin(SKIP, READ) and wire.read() == b"\xff"
