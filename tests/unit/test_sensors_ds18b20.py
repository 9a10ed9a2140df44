# DS18B20: who is on the wire, what is sent, and which results are believed.

from binascii import hexlify

from i2c_kit import Sleeps, read as read_with
from one_wire_kit import Bus, Chip, rom_code

from raises import raises
from sensors import SensorError, _onewire, ds18b20


def made(*chips, **options):
    bus = Bus(*chips)
    return bus, ds18b20.Driver(bus, **options)


def read(driver):
    _onewire.asyncio = Sleeps
    return read_with(ds18b20, driver)[0]


def fault(driver, *parts):
    told = str(raises(SensorError, read, driver))
    for part in parts:
        assert part in told, told


def hexadecimal(chip):
    return hexlify(chip.rom).decode()


def test_nothing_is_touched_before_the_first_use():
    chip = Chip()
    made(chip)
    assert chip.commands == []


def test_values_of_the_data_sheet():
    # Table 1.
    for count, celsius in (
        (0x07D0, 125.0),
        (0x0191, 25.06),
        (0x00A2, 10.13),
        (0x0008, 0.5),
        (0x0000, 0.0),
        (-0x0008, -0.5),
        (-0x00A2, -10.12),
        (-0x0191, -25.06),
        (-0x0370, -55.0),
    ):
        assert read(made(Chip(count=count))[1]) == celsius


def test_settings_are_written_once():
    chip = Chip(count=16)
    _, driver = made(chip, resolution=10)
    assert read(driver) == read(driver) == 1.0
    assert chip.commands == [b"\x4e", b"\x44", b"\xbe", b"\x44", b"\xbe"]
    assert chip.settings[2] == 0x3F


def test_each_resolution_has_its_time_and_its_bits():
    # Table 2; the sensor's lowest bits say nothing.
    for resolution, longest_ms, celsius in (
        (9, 93.75, 20.5),
        (10, 187.5, 20.75),
        (11, 375, 20.88),
        (12, 750, 20.94),
    ):
        assert read(made(Chip(count=335), resolution=resolution)[1]) == celsius
        waited = [ms for ms in Sleeps.ms if ms]
        assert len(waited) == 1 and longest_ms <= waited[0] - 1 < longest_ms + 2


def test_one_alone_needs_no_rom_code():
    other = Chip(7, family=0x10)
    assert read(made(other, Chip(count=16))[1]) == 1.0


def test_several_are_told_apart():
    chips = [Chip(serial, 16 * serial) for serial in (1, 2, 0x800000000000, 5)]
    bus = Bus(*chips)
    for chip in chips[:2]:
        assert read(ds18b20.Driver(bus, rom=hexadecimal(chip).upper())) == chip.count / 16
    fault(ds18b20.Driver(bus), "rom must be one of", *[hexadecimal(chip) for chip in chips])


def test_a_wrong_rom_code_is_told_with_those_that_answer():
    there = Chip(3)
    bus, driver = made(there, rom=hexlify(rom_code(4)).decode())
    fault(driver, "rom must be one of those that answer: " + hexadecimal(there))
    bus.chips = []
    fault(driver, "no DS18B20 answers", "pull-up")


def test_nobody_there_and_back_again():
    chip = Chip(count=16)
    bus, driver = made()
    fault(driver, "no DS18B20 answers")
    bus.chips = [chip]
    assert read(driver) == 1.0
    # Another one in its place.
    bus.chips = [Chip(2, 32)]
    fault(driver, "rom must be one of")
    assert read(driver) == 2.0


def test_a_wire_held_low():
    bus, driver = made(Chip())
    bus.low = True
    fault(driver, "held low")
    bus, driver = made(Chip(), rom=hexlify(rom_code(1)).decode())
    bus.low = True
    # Zeros have a good check sum.
    fault(driver, "it lost its settings")


def test_a_wrong_check_sum():
    chip = Chip(count=16)
    _, driver = made(chip)
    chip.garbled = 4
    fault(driver, "wrong check sum")
    chip.garbled = 0
    assert read(driver) == 1.0


def test_without_supply():
    chip = Chip()
    chip.supplied = False
    fault(made(chip)[1], "connect V_DD")


def test_a_loss_of_supply_while_it_measures():
    chip = Chip(count=320)
    bus, driver = made(chip)
    assert read(driver) == 20.0
    bus.before_reset = lambda: chip.commands[-1] == b"\x44" and chip.power_on()
    fault(driver, "lost its settings")
    bus.before_reset = None
    assert read(driver) == 20.0


def test_85_degrees_are_believed_next_to_the_like():
    chip = Chip(count=80 * 16)
    _, driver = made(chip)
    assert read(driver) == 80.0
    chip.count = 85 * 16
    assert read(driver) == 85.0
    chip.count = 96 * 16
    assert read(driver) == 96.0
    chip.count = 85 * 16
    fault(driver, "85 °C")


def test_85_degrees_at_first_are_believed_the_second_time():
    chip = Chip(count=85 * 16)
    _, driver = made(chip, resolution=9)
    fault(driver, "85 °C")
    assert read(driver) == 85.0
    _, driver = made(chip)
    fault(driver, "85 °C")
    chip.count = 320
    assert read(driver) == 20.0


def test_rom_codes():
    allowed = ds18b20.OPTIONS["rom"][1]
    for value in ("28ff641e8516037c", "28FF641E8516037C"):
        assert value in allowed
    for value in ("", "28ff", "10ff641e8516037c", "28ff641e8516037 ", "28ff641e8516037g", 5, None):
        assert value not in allowed
    assert "28" in str(allowed)
