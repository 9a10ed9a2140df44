"""What a driver's file declares is held against the contract, and what is wrong is told."""

import re

import pytest

import sensors
from fieldpost import candidate, declarations, deviceclasses, new_driver


@pytest.fixture
def faults(tmp_path):
    def faults(old, new, bus="i2c"):
        """Returns what is wrong with a driver that is right but for one change."""
        template = new_driver.TEMPLATES / bus / "driver.py"
        text = new_driver.filled("thermo", template.read_text())
        assert old in text
        path = tmp_path / "thermo.py"
        path.write_text(text.replace(old, new))
        return list(declarations.faults(candidate.candidate(str(path))))

    return faults


@pytest.mark.parametrize("name", sensors.names())
def test_a_driver_of_the_project_has_none(name):
    found = candidate.candidate(name)
    assert declarations.faults(found) == []
    assert 0 < declarations.size(found, "esp32") <= declarations.MOST


@pytest.mark.parametrize("bus", ["i2c", "pin", "one_wire", "adc"])
def test_a_template_has_none(bus, faults):
    assert faults("BUS", "BUS", bus) == []


TEMPERATURE = '("temperature", "°C", 2, -40, 125, "temperature")'
ADDRESS = '{"address": (0x48, (0x48, 0x49))}'
INIT = "def __init__(self, bus, address: int = 0x48):"
READ = "async def read("
FRAME = "self._frame = bytearray(3)"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (TEMPERATURE, '"temperature", "°C"', "QUANTITIES: 'temperature': needed is (name, unit,"),
        (TEMPERATURE, f"{TEMPERATURE}, {TEMPERATURE}", "'temperature' is there twice: each has"),
        ("QUANTITIES =", "QUANTITY =", "QUANTITIES: needed is a tuple with a tuple for each"),
        ('("temperature",', '("air/temp",', "QUANTITIES, air/temp: the name has a '/': text wit"),
        ('("temperature",', '("status",', "QUANTITIES, status: the name is the node's own: any"),
        ('"°C"', '"C"', "temperature: unit 'C': for temperature Home Assistant takes °C, °F, K"),
        ('"°C"', "None", "unit None: for temperature Home Assistant takes °C"),
        ('"°C"', '" "', "unit ' ': a text is needed, None for none"),
        ('125, "temperature"', '125, "temp"', "'temp': Home Assistant has temperature, or None"),
        ('125, "temperature"', '125, "warmth"', "'warmth': Home Assistant has absolute_humidity"),
        ("2, -40", "2.0, -40", "decimals 2.0: 0 to 6 are allowed, None for a state"),
        ("2, -40", "None, -40", "without decimals it is a state: unit, lowest and highest are"),
        ("-40, 125", "125, -40", "lowest 125 is not below highest -40"),
        ("-40, 125", "None, 125", "lowest None, highest 125: two numbers, or None, None"),
        ('BUS = "i2c"', 'BUS = "spi"', "BUS: 'spi': one of 'i2c', 'pin', 'one_wire', 'adc', 'e"),
        ('BUS = "i2c"\n', "", "BUS: missing: one of 'i2c'"),
        ("READY_MS = 5", "READY_MS = 0.5", "READY_MS: 0.5: a whole number of ms is needed"),
        ("READY_MS = 5", "BLOCKS_MS = -1", "BLOCKS_MS: -1: a whole number of ms is needed"),
        ("READY_MS = 5", "DRIVES = 1", "DRIVES: 1: True or False is needed"),
        (ADDRESS, "[]", "OPTIONS: needed is {keyword of Driver: (default, allowed)}, {} for none"),
        (ADDRESS, ADDRESS.replace("(0x48,", "(0x50,", 1), "address: the default 80 isn't allow"),
        (ADDRESS, "{}", "OPTIONS: address is missing: sensors of one bus are told apart by it"),
        (ADDRESS, '{"address": 0x48}', "OPTIONS, address: 72: needed is (default, allowed)"),
        (ADDRESS, '{"address": (0x48, 0x48)}', "address: 72: a tuple, a Range, a Whole or a"),
        (ADDRESS, '{"address": (1, (1,)), "bus": (1, (1,))}', "'bus' is a key of each sensor"),
        (ADDRESS, '{"address": (1, (1,)), "if": (1, (1,))}', "'if': a keyword of Driver is ne"),
        (INIT, INIT.replace("address", "more, address"), "Driver() needs more, which OPTIONS ha"),
        (INIT, "def __init__(self, bus):", "Driver() takes no address: it is handed each of"),
        (INIT, "def __init__(self):", "Driver() takes no bus: Driver(bus, **options) is needed"),
        ("class Driver", "class Thermo", "Driver: there is no such class"),
        (READ, "async def get(", "Driver.read() is missing: async, it returns a tuple with a va"),
        (FRAME, f"import machine as _\n        {FRAME}", "imports machine: a driver knows its b"),
        (FRAME, f"import node.clock as _\n        {FRAME}", "imports node.clock: a driver knows"),
    ],
)
def test_what_is_wrong_is_told(old, new, told, faults):
    found = faults(old, new)
    assert any(told in line for line in found), found


def test_what_is_awaited_is_async(faults):
    assert faults(READ, "def read(", "pin") == ["Driver.read(): async def is needed"]


def test_a_sensor_on_1_wire_needs_its_rom(faults):
    found = faults('{"rom": (None, Text(16, 16))}', "{}", "one_wire")
    assert "OPTIONS: rom is missing: sensors of one wire are told apart by it" in found


def test_what_does_not_compile_is_told(faults, tmp_path):
    # Fine for CPython.
    path = tmp_path / "thermo.py"
    faults("BUS", "BUS")
    path.write_text(path.read_text() + "\nmatch BUS:\n    case _:\n        pass\n")
    found = candidate.candidate(str(path))
    with pytest.raises(declarations.firmware.CompileError, match="thermo.py: does not compile"):
        declarations.size(found, "esp32")


def test_what_drivers_share_counts_and_is_not_left_behind(tmp_path):
    driver = tmp_path / "thermo.py"
    text = (new_driver.TEMPLATES / "i2c" / "driver.py").read_text()
    driver.write_text(text.replace("sensors._crc8", "sensors._mine"))
    (tmp_path / "_mine.py").write_text("def crc8(*args):\n    return 0\n")
    found = candidate.candidate(str(driver))
    assert declarations.faults(found) == []
    alone = declarations.size(found, "esp32")
    (tmp_path / "_mine.py").write_text(
        "def crc8(*args):\n    return 0\n\n\ndef b():\n    return 1\n"
    )
    assert declarations.size(candidate.candidate(str(driver)), "esp32") > alone
    assert not hasattr(sensors, "_mine") and "thermo" not in sensors.names()


def test_units_are_home_assistants():
    for device_class, unit in (
        ("pm25", "µg/m³"),
        ("pm25", "\u03bcg/m³"),
        ("power_factor", None),
        ("ph", None),
        ("wind_speed", "km/h"),
    ):
        assert deviceclasses.fault(device_class, unit) == ""
    assert "for ph Home Assistant takes None" in deviceclasses.fault("ph", "pH")
    for device_class in deviceclasses.CLASSES:
        assert all(re.fullmatch(r"\S+", unit or "-") for unit in deviceclasses.units(device_class))
