"""Sensors that fail: one line each, the others go on, and so do they when they are back."""

import pytest

from vboard.devices.ads1115 import ADS1115
from vboard.devices.aht20 import AHT20
from vboard.devices.bh1750 import BH1750
from vboard.devices.bmp280 import BMP280
from vboard.devices.contact import Contact
from vboard.devices.dht import DHT11, DHT22
from vboard.devices.ds18b20 import DS18B20, FAMILY
from vboard.devices.hcsr04 import HCSR04
from vboard.devices.ina219 import INA219
from vboard.devices.onewire import rom_code
from vboard.devices.scd4x import SCD4x
from vboard.devices.sht import SHT3x, SHT4x
from vboard.faults import apply

FAST = {"driver": "bme280", "interval": 0.1}
CHIP = {"driver": "chip", "interval": 0.1}
WIRE_PIN = 5
GAUGE_PIN = 16
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
    (
        {"driver": "scd4x", "name": "air", "interval": 0.3, "altitude": 500, "asc": False},
        lambda world: hurried(SCD4x(world)),
        {"co2": 612, **AIR},
    ),
)


def hurried(device):
    """Returns an SCD4x that needs no 10 s for its first two measurements."""
    device.period_s = 0.1
    return device


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


@pytest.mark.parametrize(
    ("name", "told"),
    [("unplugged", "ENODEV"), ("shorted", "ETIMEDOUT")],
)
def test_fault_is_told_once_and_heals(site, name, told):
    one, reader = site
    mark = one.board.mark()
    fault = apply(one.bus, name)
    line = one.wait("temperature: ", since=mark)
    assert told in line and "check wiring" in line
    silent = len(reader.of(one.of("temperature")))
    next_of(reader, one.of("uptime"), 5)
    assert len(reader.of(one.of("temperature"))) <= silent + 1
    assert len(one.lines("no answer on the bus")) == 1
    fault.end()
    one.wait("temperature: works again", since=mark)
    next_of(reader, one.of("temperature"))
    assert len(one.lines("temperature: works again")) == 1
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
    one.bus.attach(one.chip)
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
    one.tune("sensors/scd4x.py", _WARM_UP_MS=300)
    for _, device, _ in EVERY:
        one.bus.attach(device(one.world))
    one.world.set("temperature", 21.5)
    one.world.set("humidity", 40.0)
    one.world.set("pressure", 987.6)
    one.world.set("illuminance", 300.0)
    one.world.set("co2", 612.0)
    one.on()
    for entry, _, expected in EVERY:
        for quantity, value in expected.items():
            level = quantity if len(expected) == 1 else f"{entry['name']}-{quantity}"
            found = reader.wait_topic(one.of(level)).data["value"]
            assert found == pytest.approx(value, abs=0.1), level
    assert one.lines("check ") == []


def test_sensors_of_one_wire(broker, node, subscribe):
    """Two share a pin; one that is unplugged is told with the ROM code of who is left."""
    server = broker()
    reader = subscribe(server)
    roms = {"flow": rom_code(FAMILY, 1).hex(), "return": rom_code(FAMILY, 2).hex()}
    entry = {"driver": "ds18b20", "pin": WIRE_PIN, "resolution": 9, "interval": 0.3}
    entries = [dict(entry, name=name, rom=rom) for name, rom in roms.items()]
    one = node(server, on=False, sensors=entries)
    wire = one.board.hardware.one_wire(WIRE_PIN)
    flow, _ = (wire.attach(DS18B20(one.world, serial)) for serial in (1, 2))
    one.world.set("temperature", -10.5)
    one.on()
    for name in roms:
        assert reader.wait_topic(one.of(name)).data["value"] == -10.5
    wire.detach(flow)
    told = one.wait("flow: ")
    assert told.endswith("rom must be one of those that answer: " + roms["return"]), told
    next_of(reader, one.of("return"))
    wire.attach(flow)
    one.wait("flow: works again")
    assert len(one.lines("flow: ")) == 2 and one.lines("return: ") == []


# Of drivers on pins of their own: configuration, what is on the pin (a device or volts), what is
# reported.
PINS = (
    ({"driver": "dht11", "pin": 13}, DHT11, {"temperature": 22, "humidity": 40}),
    ({"driver": "dht22", "pin": 14}, DHT22, AIR),
    ({"driver": "voltage", "pin": 32, "ratio": 4, "attenuation": 2.5}, 1.2, {"voltage": 4.8}),
    ({"driver": "battery", "pin": 33}, 1.95, {"voltage": 3.9, "battery": 67}),
    ({"driver": "ntc", "pin": 34}, 1.65, {"temperature": 25.0}),
    ({"driver": "moisture", "pin": 35, "dry": 2.0, "wet": 1.0}, 1.25, {"moisture": 75}),
    ({"driver": "light", "pin": 36, "samples": 1}, 0.6, {"light": 25}),
)


def put_on_pin(one, pin, what):
    if isinstance(what, float):
        one.board.hardware.volts[pin] = what
    else:
        one.board.hardware.pins[pin].attach(what(one.world))


def test_each_driver_of_a_pin_reports(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    entries = [dict(entry, name=entry["driver"]) for entry, _, _ in PINS]
    one = node(server, on=False, sensors=entries)
    one.world.set("temperature", 21.5)
    one.world.set("humidity", 40.0)
    for entry, what, _ in PINS:
        put_on_pin(one, entry["pin"], what)
    one.on()
    for entry, _, expected in PINS:
        for quantity, value in expected.items():
            level = entry["driver"] + (f"-{quantity}" if len(expected) > 1 else "")
            assert reader.wait_topic(one.of(level)).data["value"] == value, level
    assert one.lines("check ") == []


def test_a_thermistor_that_comes_off_is_told(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[{"driver": "ntc", "pin": 34, "interval": 0.2}])
    one.board.hardware.volts[34] = 1.65
    one.on()
    next_of(reader, one.of("temperature"), 1)
    one.board.hardware.volts[34] = 3.3
    one.wait("temperature: more than the pin can measure: check wiring")
    one.board.hardware.volts[34] = 0
    one.wait("temperature: shorted: check its wires")


def test_pulses_are_counted_beyond_a_reset_and_a_loss_of_power(broker, node, subscribe):
    """A contact that bounces tips a gauge; its total is saved as the node is stopped."""
    server = broker()
    reader = subscribe(server)
    gauge = {"driver": "pulse", "pin": GAUGE_PIN, "name": "rain", "unit": "mm", "scale": 0.5}
    one = node(server, on=False, sensors=[dict(gauge, interval=0.1)])
    one.world.set("gauge", True)
    one.board.wire_contact(GAUGE_PIN, Contact(one.world, "gauge"))
    one.on()
    total = one.of("rain-total")
    next_of(reader, total, 1)
    for count in (1, 2):
        one.world.set("gauge", False)
        reader.wait_for(lambda m, count=count: m.topic == total and m.data["value"] == count / 2)
        one.world.set("gauge", True)
        # Longer than it bounces.
        next_of(reader, total)
    assert reader.of(total)[-1].data["unit"] == "mm"
    assert reader.wait_topic(one.of("rain-rate")).data["unit"] == "mm/h"
    one.board.interrupt()
    one.wait("node: stopped")
    one.board.power_off()
    before = len(reader.of(total))
    one.on()
    next_of(reader, total, 1)
    assert [message.data["value"] for message in reader.of(total)[before:]][:1] == [1.0]


def test_an_ultrasonic_sensor(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    entry = {"driver": "hcsr04", "pin": 35, "trigger": 17, "interval": 0.1, "samples": 1}
    one = node(server, on=False, sensors=[entry])
    one.world.set("temperature", 20.0)
    device = HCSR04(one.world, metres=1.234)
    one.board.wire_echo(17, 35, device)
    one.on()
    found = reader.wait_topic(one.of("distance")).data["value"]
    assert found == pytest.approx(123.4, abs=0.1)
    device.metres = 5
    one.wait("distance: no echo: nothing within 4 m")


def test_other_address(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[dict(FAST, address="0x77")])
    one.bus.detach(one.chip)
    one.chip.address = 0x77
    one.bus.attach(one.chip)
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
