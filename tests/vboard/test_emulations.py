"""What stands in for each driver: all are there, and show what they say they show."""

import contextlib
import json
from pathlib import Path

import pytest

import sensors
from node import config
from vboard import Air, Board, World, faults
from vboard.devices import EmulationError, emulations, load, with_pins

FIRMWARE = Path(__file__).parents[2] / "firmware"
ALL = emulations()
NODE = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 18, "sda": 19}},
}
# What a driver can't do without, and what makes its emulation's life harder.
MORE = {
    "digital": {"pin": 4, "device_class": "door", "invert": True},
    "pulse": {"pin": 5},
    "dht11": {"pin": 13},
    "dht22": {"pin": 14},
    "hcsr04": {"pin": 35, "trigger": 17, "celsius": 5},
    "ds18b20": {"pin": 16, "resolution": 9},
    "voltage": {"pin": 32, "ratio": 4, "attenuation": 2.5},
    "battery": {"pin": 33},
    "ntc": {"pin": 34},
    "moisture": {"pin": 36, "dry": 2.0, "wet": 1.0},
    "light": {"pin": 39, "bright": 3.0},
    "bmp280": {"address": 0x77},
    "sht4x": {"address": 0x46},
    "ina219": {"shunt_mohm": 50},
}

# Reads each sensor of a checked configuration once, and prints what it reads.
READ = """
import asyncio, json, sensors
from node.hardware import Buses

async def read(buses, sensor):
    module = sensors.load(sensor["driver"])
    bus = buses.of(module.BUS, sensor)
    stores = (buses.store(sensor),) if getattr(module, "KEPT", False) else ()
    driver = module.Driver(bus, *stores, **sensor["options"])
    await asyncio.sleep_ms(getattr(module, "READY_MS", 0))
    try:
        return sensor["name"], await driver.read()
    except (OSError, sensors.SensorError) as error:
        return sensor["name"], repr(error)

async def main():
    with open("checked.json") as file:
        found = json.load(file)
    buses = Buses(found["buses"])
    jobs = [read(buses, sensor) for sensor in found["sensors"]]
    for name, values in await asyncio.gather(*jobs):
        print(json.dumps([name, values]))

asyncio.run(main())
"""


def entry(name, **more):
    return {"driver": name, "name": name, **MORE.get(name, {}), **more}


def checked(*entries):
    found = config.check({**NODE, "sensors": list(entries)})
    return found, [with_pins(sensor, found["buses"]) for sensor in found["sensors"]]


@pytest.fixture
def board(tmp_path):
    with contextlib.closing(Air()) as air, contextlib.closing(Board(tmp_path / "n1", air)) as made:
        yield made


def test_there_is_one_for_each_driver():
    # The chip's own needs none: the board is the chip.
    assert sorted(ALL) == [name for name in sensors.names() if name != "chip"]


@pytest.mark.parametrize("name", ALL)
def test_it_fits_its_driver(name, board):
    module = sensors.load(name)
    assert ALL[name].bus == module.BUS
    _, (sensor,) = checked(entry(name))
    one = ALL[name].attach(board, World(1), sensor)
    limits = {quantity[0]: quantity[3:5] for quantity in module.QUANTITIES}
    assert one.truth(0).keys() == one.truth().keys() == limits.keys()
    for quantity, span in one.spans.items():
        lowest, highest = limits[quantity]
        assert span[0] < span[1]
        assert lowest is None or lowest <= span[0] and span[1] <= highest
        assert 0 <= one.tolerance(quantity) <= (span[1] - span[0]) / 20
        for value in span:
            one.set(quantity, value)
            assert one.truth()[quantity] == pytest.approx(value, abs=1e-6)
        one.set(quantity, None)
    with pytest.raises(ValueError, match="'colour' can't be set"):
        one.set("colour", 1)


def readings(board, found):
    """Returns {name: values} of one boot."""
    board.write_files({"checked.json": json.dumps(found)})
    since = board.mark()
    board.power_on()
    board.wait_state("repl", 20)
    board.power_off()
    told = board.console.splitlines()[since:]
    return dict(json.loads(line) for line in told if line.startswith("["))


def test_drivers_read_what_the_world_has(board):
    """All of them on one board, at both ends of what each can show and between."""
    # One that needs half a minute is for its own test, and so is one that has to warm up.
    names = [name for name in ALL if getattr(sensors.load(name), "READY_MS", 0) <= 2000]
    names.remove("scd4x")
    found, entries = checked(*(entry(name) for name in names))
    world = World(1)
    around = {one["name"]: ALL[one["driver"]].attach(board, world, one) for one in entries}
    files = {path.relative_to(FIRMWARE): path for path in FIRMWARE.rglob("*.py")}
    board.write_files({str(name): path.read_text() for name, path in files.items()})
    board.write_files({"boot.py": "", "main.py": READ})
    for share in (0.0, 0.37, 1.0):
        for one in around.values():
            for quantity, (low, high) in one.spans.items():
                one.set(quantity, low + share * (high - low) if high is not True else share > 0.5)
        truths = {name: one.truth() for name, one in around.items()}
        told = readings(board, found)
        for sensor in entries:
            check(sensor, around[sensor["name"]], truths[sensor["name"]], told[sensor["name"]])


def check(sensor, one, truth, values):
    module = sensors.load(sensor["driver"])
    assert isinstance(values, list), (one.told, values, truth)
    for (quantity, _, decimals, *_), value in zip(module.QUANTITIES, values, strict=True):
        true = truth[quantity]
        if isinstance(true, bool):
            assert value == ("open" if true else "closed")
        elif true is not None:
            tolerance = one.tolerance(quantity) + 0.5 * 10**-decimals + 1e-9
            assert abs(value - true) <= tolerance, (one.told, quantity, value, true)


def test_a_difference_follows_from_its_inputs(board):
    _, (sensor,) = checked(entry("ads1115", ain0_minus=3, ain2_minus=3))
    one = ALL["ads1115"].attach(board, World(1), sensor)
    assert sorted(one.spans) == ["ain1", "ain3"]
    one.set("ain3", 1.25)
    one.place.set("ain0", 0.5)
    assert one.truth()["ain0"] == -0.75 and one.tolerance("ain0") < 0.001


@pytest.mark.parametrize("name", ["bme280", "ds18b20", "dht22", "light", "hcsr04", "digital"])
def test_unplugged_it_is_gone(name, board):
    _, (sensor,) = checked(entry(name))
    one = ALL[name].attach(board, World(1), sensor)
    hardware, pin = board.hardware, sensor.get("pin")
    present = {
        "bme280": lambda: 0x76 in hardware.i2c(18, 19).devices,
        "ds18b20": lambda: one.device in hardware.one_wire(pin).devices,
        "dht22": lambda: hardware.pins[pin].device is one.device,
        "light": lambda: pin in hardware.volts,
        "hcsr04": lambda: hardware.pins[sensor.get("trigger")].on_fall is not None,
        "digital": lambda: hardware.pins[pin]._driven is not None,
    }[name]
    for plugged in (True, False, False, True, True):
        (one.plug if plugged else one.unplug)()
        assert one.plugged == present() == plugged


# A driver's kind of bus -> that of the place for faults, where it isn't called the same.
PLACES = {"dht11": "dht", "dht22": "dht"}


@pytest.mark.parametrize("name", ALL)
def test_it_has_the_faults_of_its_place(name, board):
    _, (sensor,) = checked(entry(name))
    one = ALL[name].attach(board, World(1), sensor)
    kind = faults.place_of(one).kind
    assert kind == PLACES.get(name, ALL[name].bus)
    for fault in faults.names(kind):
        faults.apply(one, fault).end()
    assert one.plugged and one.bus.harms == []
    two = faults.apply(one, "unplugged"), faults.apply(one, "unplugged")
    for fault in two:
        fault.end()
    assert one.plugged and one.bus.harms == []


OWN = """
from vboard.devices.emulation import Emulation, Shown, on_i2c
from vboard.weather import shape

class Nose:
    def __init__(self, world, address):
        self.world, self.address = world, address
    def reset(self): pass
    def read(self, count):
        return bytes([int(self.world.value("tvoc"))])

EMULATIONS = {
    "nose": Emulation(
        "i2c",
        on_i2c("a nose", lambda place, sensor: Nose(place, 0x52), {"tvoc": Shown(0, 255, 0.5)}),
        {"tvoc": shape(100, 5, 60, 1)},
    )
}
"""


def test_a_file_from_elsewhere_brings_its_own(board, tmp_path):
    path = tmp_path / "nose.py"
    path.write_text(OWN)
    found = load(path)
    sensor = {"driver": "nose", "name": None, "options": {}, "scl": 18, "sda": 19}
    one = found["nose"].attach(board, World(1), sensor)
    assert one.told == "a nose at 0x52 (scl 18, sda 19)"
    assert 90 < one.truth()["tvoc"] < 110
    one.set("tvoc", 7)
    assert one.bus.read(0x52, 1) == b"\x07"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no file of Python"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("EMULATION = 3", "EMULATIONS: needed is"),
        ("EMULATIONS = {'x': 3}", "EMULATIONS: needed is"),
        (OWN.replace('"i2c"', '"spi"'), "no bus 'spi': there are i2c, pin"),
    ],
)
def test_a_file_without_any_is_told(text, told, tmp_path):
    path = tmp_path / "own.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EmulationError, match=told):
        load(path)
