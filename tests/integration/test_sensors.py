"""Sensors that fail: one line each, the others go on, and so do they when they are back."""

import pytest

from vboard.devices.ads1115 import ADS1115
from vboard.devices.aht20 import AHT20
from vboard.devices.bh1750 import BH1750
from vboard.devices.bmp280 import BMP280
from vboard.devices.ina219 import INA219
from vboard.devices.sht import SHT3x, SHT4x

FAST = {"driver": "bme280", "interval": 0.1}
CHIP = {"driver": "chip", "interval": 0.1}
# Its configuration, its emulation, and what it reports of the test's room.
AIR = {"temperature": 21.5, "humidity": 40.0}
EVERY = (
    ({"driver": "sht3x", "name": "sht3x"}, SHT3x, AIR),
    (
        {"driver": "sht4x", "name": "sht4x", "address": "0x46"},
        lambda world: SHT4x(world, 0x46),
        AIR,
    ),
    (
        {"driver": "bmp280", "name": "bmp280", "address": "0x77"},
        lambda world: BMP280(world, 0x77),
        {"temperature": 21.5, "pressure": 987.6},
    ),
    (
        {"driver": "ads1115", "name": "adc"},
        lambda world: ADS1115(world, inputs=(0.0, 1.5, 3.3, 4.0)),
        {"ain0": 0.0, "ain1": 1.5, "ain2": 3.3, "ain3": 4.0},
    ),
    (
        {"driver": "ina219", "name": "solar", "shunt_mohm": 50},
        lambda world: INA219(world, volts=12.2, amperes=-1.5, shunt_ohm=0.05),
        {"voltage": 12.2, "current": -1.5, "power": -18.3},
    ),
    ({"driver": "aht20", "name": "aht20"}, AHT20, AIR),
    ({"driver": "bh1750", "name": "light"}, BH1750, {"light": 300.0}),
)


@pytest.fixture
def site(broker, node, subscribe):
    """A node that reads a BME280 and its chip ten times a second, and what a subscriber gets."""
    server = broker()
    one = node(server, sensors=[FAST, CHIP])
    topics = [one.of(level) for level in ("temperature", "humidity", "uptime")]
    reader = subscribe(server, *topics)
    reader.wait_topic(one.of("temperature"))
    return one, reader


def next_of(reader, topic, count=3, timeout=10):
    """Waits for so many more messages of a topic."""
    enough = len(reader.of(topic)) + count
    reader.wait_for(lambda _: len(reader.of(topic)) >= enough, timeout)


def unplug(one):
    one.bus.detach(one.chip)


def plug(one):
    one.bus.attach(one.chip)


def short(one):
    one.bus.stuck = True


def release(one):
    one.bus.stuck = False


@pytest.mark.parametrize(
    ("harm", "heal", "told"),
    [(unplug, plug, "ENODEV"), (short, release, "ETIMEDOUT")],
    ids=["unplugged", "stuck bus"],
)
def test_fault_is_told_once_and_heals(site, harm, heal, told):
    one, reader = site
    mark = one.board.mark()
    harm(one)
    line = one.wait("temperature: ", since=mark)
    assert told in line and "check wiring" in line
    silent = len(reader.of(one.of("temperature")))
    next_of(reader, one.of("uptime"), 5)
    assert len(reader.of(one.of("temperature"))) <= silent + 1
    assert len(one.lines("no answer on the bus")) == 1
    heal(one)
    one.wait("temperature: works again", since=mark)
    next_of(reader, one.of("temperature"))
    assert len(one.lines("temperature: ")) == 2
    # Numbers count readings: none was taken, none is missing.
    numbers = [message.data["seq"] for message in reader.of(one.of("temperature"))]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_missing_from_the_start(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[FAST, CHIP])
    one.chip.address = 0x77
    one.bus.devices.clear()
    one.on()
    one.wait("temperature: no answer on the bus")
    reader.wait_topic(one.of("uptime"))
    one.chip.address = 0x76
    plug(one)
    reader.wait_topic(one.of("pressure"))


def test_wrong_chip_is_told(broker, node):
    one = node(broker(), on=False, sensors=[FAST])
    one.chip.chip_id = 0x58
    one.on()
    assert "BMP280" in one.wait("temperature: ")


def test_value_out_of_its_limits_is_not_published(site):
    one, reader = site
    mark = one.board.mark()
    one.world.set("temperature", 120.0)
    line = one.wait("temperature: ", since=mark)
    assert "is not in -40 to 85: check the sensor" in line
    before = len(reader.of(one.of("temperature")))
    # The others of the same reading are.
    next_of(reader, one.of("humidity"))
    assert len(one.lines("check the sensor")) == 1
    assert len(reader.of(one.of("temperature"))) <= before + 1
    before = len(reader.of(one.of("temperature")))
    one.world.set("temperature", 20.0)
    next_of(reader, one.of("temperature"))
    values = [message.data["value"] for message in reader.of(one.of("temperature"))[before:]]
    assert all(19 < value < 21 for value in values), values


def test_each_driver_of_a_bus_reports(broker, node, subscribe):
    """One node with all of them costs little more than one with one."""
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[entry for entry, _, _ in EVERY])
    for _, device, _ in EVERY:
        one.bus.attach(device(one.world))
    one.world.set("temperature", 21.5)
    one.world.set("humidity", 40.0)
    one.world.set("pressure", 987.6)
    one.world.set("illuminance", 300.0)
    one.on()
    for entry, _, expected in EVERY:
        for quantity, value in expected.items():
            level = quantity if len(expected) == 1 else f"{entry['name']}-{quantity}"
            found = reader.wait_topic(one.of(level)).data["value"]
            assert found == pytest.approx(value, abs=0.1), level
    assert one.lines("check ") == []


def test_other_address(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[dict(FAST, address="0x77")])
    one.bus.detach(one.chip)
    one.chip.address = 0x77
    plug(one)
    one.on()
    reader.wait_topic(one.of("temperature"))


def test_a_value_that_is_no_number_is_told_and_not_sent(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[FAST])
    call = "convert(self._words, self._results)"
    one.patch("sensors/bme280.py", call, f"(float('nan'),) + {call}[1:]")
    one.on("temperature: temperature nan is no value to publish")
    reader.wait_topic(one.of("humidity"))
    assert reader.of(one.of("temperature")) == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("(1 // 0) or ", "its driver has a fault: ZeroDivisionError"),
        ("await __import__('asyncio').Event().wait() or ", "no reading within 1 s"),
    ],
)
def test_a_faulty_driver_stops_no_other_sensor(broker, node, subscribe, fault, told):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[FAST, CHIP])
    one.tune("node/sampler.py", READ_MS=1000)
    call = "convert(self._words, self._results)"
    one.patch("sensors/bme280.py", call, fault + call)
    one.on(f"temperature: {told}")
    next_of(reader, one.of("uptime"))
    assert one.board.boots == [1]
