# BH1750: its commands and what its counts mean.

import struct

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, read

from sensors import bh1750


def test_values_of_counts():
    # The data sheet's example: 1000 0011 1001 0000 is 28067 lx; the others computed apart.
    for count, expected in (
        ("8390", 28066.7),
        ("0000", 0.0),
        ("0001", 0.8),
        ("0002", 1.7),
        ("0003", 2.5),
        ("01e0", 400.0),
        ("ffff", 54612.5),
    ):
        assert read(bh1750, bh1750.Driver(Wire(count))) == (expected,), count


def test_the_highest_count_is_in_its_range():
    assert bh1750.QUANTITIES[0][4] == 54612.5


def test_text_is_the_same_in_single_precision():
    for count in range(0, 0x10000, 5):
        tenths = (count * 50 + 3) // 6
        (single,) = struct.unpack("f", struct.pack("f", tenths / 10))
        assert "%.1f" % single == "%d.%d" % (tenths // 10, tenths % 10)


def test_it_is_switched_on_for_each_reading():
    wire = Wire("0001")
    driver = bh1750.Driver(wire, address=0x5C)
    assert wire.writes == []
    for _ in range(2):
        wire.writes.clear()
        read(bh1750, driver)
        assert wire.writes == [(0x5C, b"\x01"), (0x5C, b"\x20")] and Sleeps.ms == [181]


def test_each_call_may_fail():
    check_each_call_may_fail(bh1750, bh1750.Driver, ("8390",), 3)


def test_a_count_of_0_is_measured_once_more():
    wire = Wire("0000", "8390")
    assert read(bh1750, bh1750.Driver(wire)) == (28066.7,)
    assert len(wire.writes) == 4 and Sleeps.ms == [181, 181]
