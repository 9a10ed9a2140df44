# BMP280: its set-up and what becomes of a chip that misbehaves. The formulas are the BME280's.

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, read

from raises import raises
from sensors import SensorError, _bosch280, bmp280

# The words and counts of Bosch's worked example (3.12): 25.08 °C, 1006.53 hPa.
WORDS = "706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c670170000"
RESULTS = "655ac07eed00"
# Registers 0xF2..0xF6: status, settings and the mark of the set-up.
IDLE, BUSY, LOST = "0000242000", "0008252000", "0000240000"
GOOD = ("58", IDLE + RESULTS, WORDS, IDLE + RESULTS)
FOUND = (25.1, 1006.5)


def test_the_worked_example():
    wire = Wire(*GOOD)
    driver = bmp280.Driver(wire, address=0x77)
    assert wire.writes == []
    assert read(_bosch280, driver) == FOUND
    assert Sleeps.ms == [2, 8]
    assert [data for _, data in wire.writes] == [
        b"\xd0",
        b"\xe0\xb6",
        b"\xf2",
        b"\x88",
        b"\xf5\x20",
        b"\xf4\x25",
        b"\xf2",
    ]
    assert {address for address, _ in wire.writes} == {0x77}


def test_the_words_are_read_once():
    wire = Wire(*GOOD)
    driver = bmp280.Driver(wire)
    read(_bosch280, driver)
    wire.writes.clear()
    assert read(_bosch280, driver) == FOUND
    assert [data for _, data in wire.writes] == [b"\xf4\x25", b"\xf2"] and Sleeps.ms == [8]


def test_other_chips_are_told():
    for chip_id in ("60", "00", "ff"):
        error = str(raises(SensorError, read, _bosch280, bmp280.Driver(Wire(chip_id))))
        assert "0x76 has chip id 0x%s (" % chip_id in error and "driver" in error


def test_blank_words_are_told():
    for byte in ("00", "ff"):
        wire = Wire("58", IDLE + RESULTS, byte * 26)
        assert "blank" in str(raises(SensorError, read, _bosch280, bmp280.Driver(wire)))


def test_a_slow_measurement_is_awaited_and_one_without_end_given_up():
    busy = BUSY + RESULTS
    driver = bmp280.Driver(Wire(*(GOOD[:3] + (busy, busy, GOOD[3]))))
    assert read(_bosch280, driver) == FOUND and Sleeps.ms == [2, 8, 5, 5]
    driver = bmp280.Driver(Wire(*(GOOD[:3] + (busy,))))
    assert "stays busy" in str(raises(SensorError, read, _bosch280, driver))
    assert sum(Sleeps.ms) < 100


def test_a_lost_set_up_is_noticed_and_done_again():
    wire = Wire(*(GOOD + (LOST + RESULTS,) + GOOD))
    driver = bmp280.Driver(wire)
    read(_bosch280, driver)
    assert "lost its settings" in str(raises(SensorError, read, _bosch280, driver))
    assert read(_bosch280, driver) == FOUND


def test_nothing_measured_is_told():
    wire = Wire(*(GOOD[:3] + (IDLE + "800000800000",)))
    assert "nothing was measured" in str(raises(SensorError, read, _bosch280, bmp280.Driver(wire)))


def test_each_call_may_fail():
    check_each_call_may_fail(_bosch280, bmp280.Driver, GOOD, 7)
