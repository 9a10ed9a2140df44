# SHT3x and SHT4x: their commands, frames and what becomes of bad ones.

import struct

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, checked, read

from raises import raises
from sensors import SensorError, _sht, sht3x, sht4x
from sensors._crc8 import crc8

# The words 0x6666 and 0x8000 with their check sums.
FRAME = "666693" + "8000a2"


def test_the_data_sheets_check_sum():
    # SHT3x-DIS, 4.12; SHT4x, 4.4.
    assert crc8(b"\xbe\xef", 0, 2) == 0x92
    assert crc8(b"\xff\xbe\xef\x00", 1, 3) == 0x92
    assert crc8(b"", 0, 0) == 0xFF


def test_values_of_words():
    # The data sheets' formulas (SHT3x 4.13, SHT4x 4.6), computed apart from here.
    for driver, words, expected in (
        (sht3x, (0x6666, 0x8000), (25.0, 50.0)),
        (sht3x, (0, 0), (-45.0, 0.0)),
        (sht3x, (0xFFFF, 0xFFFF), (130.0, 100.0)),
        (sht3x, (0x5EB9, 0x1234), (19.75, 7.1)),
        (sht4x, (0x6666, 0x8000), (25.0, 56.5)),
        (sht4x, (0x1234, 0x72B0), (-32.56, 50.0)),
        (sht4x, (0x5EB9, 0), (19.75, 0.0)),
        (sht4x, (0x5EB9, 0xFFFF), (19.75, 100.0)),
    ):
        one = driver.Driver(Wire(checked(words[0]) + checked(words[1])))
        assert read(_sht, one) == expected, (driver, words)


def test_text_is_the_same_in_single_precision():
    for word in range(0, 0x10000, 7):
        hundredths = (35000 * word + 65535) // 131070 - 4500
        (single,) = struct.unpack("f", struct.pack("f", _sht.celsius(word)))
        sign, rest = "-" if hundredths < 0 else "", abs(hundredths)
        assert "%.2f" % single == "%s%d.%02d" % (sign, rest // 100, rest % 100)


def test_sht3x_resets_once_then_measures():
    wire = Wire(FRAME)
    driver = sht3x.Driver(wire, address=0x45)
    assert wire.writes == []
    assert read(_sht, driver) == (25.0, 50.0) and Sleeps.ms == [3, 17]
    assert read(_sht, driver) == (25.0, 50.0) and Sleeps.ms == [17]
    assert wire.writes == [(0x45, b"\x30\xa2"), (0x45, b"\x24\x00"), (0x45, b"\x24\x00")]


def test_sht4x_resets_once_then_measures():
    wire = Wire(FRAME)
    driver = sht4x.Driver(wire)
    assert read(_sht, driver) == (25.0, 56.5) and Sleeps.ms == [2, 10]
    assert read(_sht, driver) == (25.0, 56.5) and Sleeps.ms == [10]
    assert wire.writes == [(0x44, b"\x94"), (0x44, b"\xfd"), (0x44, b"\xfd")]


def test_any_flipped_bit_is_a_wrong_check_sum():
    for driver in (sht3x, sht4x):
        for bit in range(48):
            frame = bytearray(bytes.fromhex(FRAME))
            frame[bit // 8] ^= 1 << bit % 8
            wire = Wire(FRAME)
            wire.answers = [bytes(frame), bytes.fromhex(FRAME)]
            one = driver.Driver(wire)
            error = str(raises(SensorError, read, _sht, one))
            assert "0x44 wrong check sum" in error
            assert read(_sht, one)[0] == 25.0


def test_lines_that_are_stuck_are_no_values():
    for byte in ("00", "ff"):
        raises(SensorError, read, _sht, sht3x.Driver(Wire(byte * 6)))


def test_each_call_may_fail():
    for driver in (sht3x, sht4x):
        check_each_call_may_fail(_sht, driver.Driver, (FRAME,), 3)


def test_a_reset_resets_the_sensor_at_the_next_reading():
    wire = Wire(FRAME)
    driver = sht3x.Driver(wire)
    read(_sht, driver)
    driver.reset()
    assert len(wire.writes) == 2
    read(_sht, driver)
    assert wire.writes[2:] == wire.writes[:2]
