# What each driver declares: the contract at the top of sensors/__init__.py.

import sensors
from sensors import NEEDED, Range, Text

DRIVERS = [(name, sensors.load(name)) for name in sensors.names()]


def test_there_are_drivers():
    assert {"aht20", "bme280", "chip", "digital", "sht3x"} <= set(sensors.names())
    assert all(name[0] != "_" for name in sensors.names())


def test_quantities_are_whole():
    for driver, module in DRIVERS:
        names = [quantity[0] for quantity in module.QUANTITIES]
        assert names and len(set(names)) == len(names), driver
        for name, unit, decimals, lowest, highest, device_class in module.QUANTITIES:
            assert unit is None or unit, name
            assert decimals is None or 0 <= decimals <= 6, name
            assert (lowest is None) == (highest is None), name
            assert lowest is None or lowest < highest and decimals is not None, name
            assert device_class is None or device_class == device_class.lower(), name


def test_options_allow_their_defaults():
    for driver, module in DRIVERS:
        for name, (default, allowed) in module.OPTIONS.items():
            assert default in (None, NEEDED) or default in allowed, (driver, name)
            assert isinstance(allowed, (tuple, Range)), (driver, name)


def test_the_rest_is_of_its_kind():
    for driver, module in DRIVERS:
        assert module.BUS in ("i2c", "pin", "one_wire", "adc", "echo", None), driver
        assert getattr(module, "DRIVES", False) in (False, module.BUS == "pin"), driver
        assert getattr(module, "KEPT", False) in (False, module.BUS == "pin"), driver
        # Below what the sampler gives a reading, and a loop that MQTT's keep alive runs in.
        assert 0 <= getattr(module, "READY_MS", 0) < 10_000, driver
        assert 0 < getattr(module, "BLOCKS_MS", 5) < 1_000, driver


def test_i2c_drivers_have_an_address():
    for driver, module in DRIVERS:
        if module.BUS == "i2c":
            default, allowed = module.OPTIONS["address"]
            assert all(0x08 <= address <= 0x77 for address in allowed), driver


def test_one_wire_drivers_have_a_rom_code():
    for driver, module in DRIVERS:
        if module.BUS == "one_wire":
            default, allowed = module.OPTIONS["rom"]
            assert default is None and "28ffffff00000010" in allowed, driver


def test_text():
    allowed = Text(1, 3)
    for value in ("l", "m³", "abc"):
        assert value in allowed
    for value in ("", "abcd", "a\n", 5, None, True, ["a"], b"a"):
        assert value not in allowed
    assert str(allowed) == "text of 1 to 3 characters"
