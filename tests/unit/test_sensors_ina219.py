# INA219: its set-up, its counts and what becomes of a chip that misbehaves.

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, read

from raises import raises
from sensors import SensorError, ina219

# The configuration after a reset; 12 V, converted; 20 mV at the shunt.
GOOD = ("399f", "5dc2", "07d0")


def test_the_data_sheet_s_example():
    # 11.98 V, 20 mV at 2 milliohm are 10 A; the same at 10 milliohm are 2 A.
    wire = Wire("399f", "%04x" % (2995 << 3 | 2), "07d0")
    assert read(ina219, ina219.Driver(wire, shunt_mohm=10)) == (11.98, 2.0, 23.96)


def test_values_of_counts():
    for bus, shunt, shunt_mohm, expected in (
        ("5dc2", "07d0", 100, (12.0, 0.2, 2.4)),
        ("5dc2", "f830", 100, (12.0, -0.2, -2.4)),
        ("0002", "0000", 100, (0.0, 0.0, 0.0)),
        ("000a", "0001", 100, (0.004, 0.0001, 0.0)),
        ("cb22", "7cff", 10, (26.0, 31.999, 831.974)),
        ("cb22", "8301", 10, (26.0, -31.999, -831.974)),
    ):
        driver = ina219.Driver(Wire("399f", bus, shunt), shunt_mohm=shunt_mohm)
        assert read(ina219, driver) == expected, (bus, shunt)


def test_it_is_reset_once():
    wire = Wire(*GOOD, *GOOD[1:])
    driver = ina219.Driver(wire, address=0x4F)
    assert wire.writes == []
    read(ina219, driver)
    trigger = [b"\x00\x3d\xdb", b"\x02", b"\x01"]
    assert [data for _, data in wire.writes] == [b"\x00\x80\x00", b"\x00"] + trigger
    wire.writes.clear()
    read(ina219, driver)
    assert [data for _, data in wire.writes] == trigger and Sleeps.ms == [11]
    assert {address for address, _ in wire.writes} == {0x4F}


def test_a_slow_measurement_is_awaited_and_one_without_end_given_up():
    driver = ina219.Driver(Wire("399f", "5dc0", "5dc0", *GOOD[1:]))
    assert read(ina219, driver) == (12.0, 0.2, 2.4) and Sleeps.ms == [11, 5, 5]
    driver = ina219.Driver(Wire("399f", "5dc0"))
    assert "0x40 stays busy" in str(raises(SensorError, read, ina219, driver))
    assert sum(Sleeps.ms) < 50


def test_another_chip_is_told():
    for config in ("4127", "0000", "ffff"):
        driver = ina219.Driver(Wire(config))
        assert "0x40 is no INA219" in str(raises(SensorError, read, ina219, driver))


def test_too_much_current_is_told():
    for shunt in ("7d00", "8300"):
        driver = ina219.Driver(Wire("399f", "5dc2", shunt))
        assert "320 mV or more" in str(raises(SensorError, read, ina219, driver))


def test_each_call_may_fail():
    check_each_call_may_fail(ina219, ina219.Driver, GOOD, 5)


def test_a_reset_sets_it_up_anew():
    wire = Wire(*GOOD, *GOOD)
    driver = ina219.Driver(wire)
    read(ina219, driver)
    driver.reset()
    wire.writes.clear()
    read(ina219, driver)
    assert wire.writes[0] == (0x40, b"\x00\x80\x00")
