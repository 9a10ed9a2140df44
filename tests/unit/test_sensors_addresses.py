# The table of I2C addresses says what the drivers say.

import sensors
from sensors import _addresses


def test_the_table_is_that_of_the_drivers():
    table = dict(_addresses._DRIVERS)
    for name in sensors.names():
        module = sensors.load(name)
        if module.BUS == "i2c":
            found = table.pop(name, None)
            assert found is not None, "no row for " + name
            assert set(found) == set(module.OPTIONS["address"][1]), name
    assert not table, "no driver for these"


def test_all_drivers_of_an_address():
    assert _addresses.drivers(0x76) == "bme280, bmp280"
    assert _addresses.drivers(0x44) == "ina219, sht3x, sht4x"
    assert _addresses.drivers(0x38) == "aht20"
    assert _addresses.drivers(0x50) == ""


def test_no_driver_twice():
    names = [name for name, _ in _addresses._DRIVERS]
    assert names == sorted(set(names))
