# AHT20: its set-up, its frames and what becomes of bad ones.

import struct

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, read

from raises import raises
from sensors import SensorError, aht20
from sensors._crc8 import crc8


def frame(humidity, temperature, status=0x1C):
    """Returns an answer in hexadecimal."""
    data = bytes([status]) + (humidity << 20 | temperature).to_bytes(5, "big")
    return (data + bytes([crc8(data, 0, 6)])).hex()


GOOD = frame(0x80000, 0x60000)
MEASURE = b"\xac\x33\x00"


def test_values_of_counts():
    # The manual's formulas (6.1, 6.2), computed apart from here.
    for humidity, temperature, expected in (
        (0x80000, 0x60000, (25.0, 50.0)),
        (0, 0, (-50.0, 0.0)),
        (0xFFFFF, 0xFFFFF, (150.0, 100.0)),
        (0x5C28F, 0x0CCCD, (-40.0, 36.0)),
        (0x73333, 0x5999A, (20.0, 45.0)),
        (0x7AE14, 0x3FF7D, (-0.0, 48.0)),
    ):
        assert read(aht20, aht20.Driver(Wire(frame(humidity, temperature)))) == expected


def test_text_is_the_same_in_single_precision():
    for tenths in range(-500, 1501):
        (single,) = struct.unpack("f", struct.pack("f", tenths / 10))
        assert "%.1f" % single == "%.1f" % (tenths / 10)


def test_it_is_reset_once():
    wire = Wire(GOOD)
    driver = aht20.Driver(wire)
    assert wire.writes == []
    read(aht20, driver)
    assert wire.writes == [(0x38, b"\xba"), (0x38, MEASURE)] and Sleeps.ms == [21, 81]
    read(aht20, driver)
    assert wire.writes[2:] == [(0x38, MEASURE)] and Sleeps.ms == [81]


def test_it_is_initialised_where_it_must_be():
    wire = Wire(frame(0, 0, 0), GOOD)
    assert read(aht20, aht20.Driver(wire)) == (25.0, 50.0)
    assert [data for _, data in wire.writes] == [b"\xba", b"\xbe\x08\x00", MEASURE]


def test_it_waits_for_a_slow_measurement():
    busy = frame(0, 0, 0x9C)
    driver = aht20.Driver(Wire(GOOD, busy, busy, GOOD))
    assert read(aht20, driver) == (25.0, 50.0)
    assert Sleeps.ms == [21, 81, 10, 10]


def test_it_gives_up_on_a_sensor_that_stays_busy():
    wire = Wire(GOOD, frame(0, 0, 0x9C))
    driver = aht20.Driver(wire)
    assert "stays busy" in str(raises(SensorError, read, aht20, driver))
    assert sum(Sleeps.ms) < 200
    wire.answers = [bytes.fromhex(GOOD)]
    wire.writes.clear()
    assert read(aht20, driver) == (25.0, 50.0)
    assert wire.writes[0] == (0x38, b"\xba")


def test_a_lost_calibration_is_told():
    driver = aht20.Driver(Wire(GOOD, frame(0x80000, 0x60000, 0x10)))
    assert "not calibrated" in str(raises(SensorError, read, aht20, driver))


def test_any_flipped_bit_is_told():
    for bit in range(56):
        bad = bytearray(bytes.fromhex(GOOD))
        bad[bit // 8] ^= 1 << bit % 8
        driver = aht20.Driver(Wire(GOOD, bad.hex()))
        # The highest bit of the status makes it look busy.
        told = "stays busy" if bit == 7 else "wrong check sum"
        assert told in str(raises(SensorError, read, aht20, driver)), bit


def test_each_call_may_fail():
    check_each_call_may_fail(aht20, aht20.Driver, (frame(0, 0, 0), GOOD), 6)


def test_a_reset_sets_it_up_anew():
    wire = Wire(GOOD)
    driver = aht20.Driver(wire)
    read(aht20, driver)
    driver.reset()
    assert len(wire.writes) == 2
    read(aht20, driver)
    assert wire.writes[2:] == wire.writes[:2]
