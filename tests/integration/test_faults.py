"""A sensor's fault as who watches a fleet sees it: retained; and what is done about it."""

import errno
import itertools

import pytest

from vboard.faults import apply

FAST = {"driver": "bme280", "interval": 0.1}
CHIP = {"driver": "chip", "interval": 0.1}
SDA = 19


def wait_fault(reader, one, sensor="temperature"):
    """Waits for a message that has the sensor at fault; returns what it says of it."""
    topic = one.of("faults")
    found = reader.wait_for(lambda m: m.topic == topic and sensor in m.data["sensors"])
    assert (found.qos, found.data["count"]) == (1, 1)
    return found.data["sensors"][sensor]


def wait_well(reader, one, known):
    """Waits for a message without faults behind so many messages."""
    topic = one.of("faults")
    reader.wait_for(lambda _: any(not m.data["count"] for m in reader.of(topic)[known:]))


def test_a_fault_and_its_end_are_published(broker, node, subscribe):
    server = broker()
    one = node(server, sensors=[FAST, CHIP])
    reader = subscribe(server, one.of("faults"), one.of("temperature"))
    first = reader.wait_topic(one.of("faults"))
    assert (first.payload, first.retain) == ('{"count":0,"sensors":{}}', 1)
    reader.wait_topic(one.of("temperature"))
    one.bus.detach(one.chip)
    told = wait_fault(reader, one)
    assert "no answer on the bus" in told["fault"] and "check wiring" in told["fault"]
    # Who comes later sees it, too.
    late = subscribe(server, one.of("faults"))
    assert wait_fault(late, one) == told and late.messages[0].retain
    known = len(reader.of(one.of("faults")))
    one.bus.attach(one.chip)
    wait_well(reader, one, known)
    # Since when is UTC, as a reading's time.
    readings = [message.data["time"] for message in reader.of(one.of("temperature"))]
    assert any(a < told["since"] < b for a, b in itertools.pairwise(readings))
    # The first, the fault, its end.
    assert len(reader.of(one.of("faults"))) == 3


def test_what_happened_without_a_link_is_told_behind_it(broker, node, subscribe):
    server = broker("persistence true")
    one = node(server, on=False, sensors=[FAST, CHIP])
    one.hurry()
    one.on()
    mark = one.board.mark()
    server.stop()
    one.wait("again in", since=mark)
    one.bus.detach(one.chip)
    one.wait("temperature: no answer", since=mark)
    server.start()
    reader = subscribe(server, one.of("faults"))
    wait_fault(reader, one)


def test_who_is_on_the_bus_of_a_sensor_that_was_never_there(broker, node, subscribe):
    server = broker()
    one = node(server, on=False, sensors=[FAST, CHIP])
    one.chip.address = 0x77
    one.bus.devices.clear()
    one.bus.attach(one.chip)
    one.on()
    reader = subscribe(server, one.of("faults"))
    told = wait_fault(reader, one)["fault"]
    assert told.endswith("supply and address; bus main has 0x77 (bme280, bmp280)"), told
    assert len(one.lines("bus main has")) == 1


def test_a_line_that_is_held_low_is_named(broker, node, subscribe):
    """What no clock frees, as a short, is told; the bus works again when it has gone."""
    server = broker()
    one = node(server, sensors=[FAST, CHIP])
    reader = subscribe(server, one.of("faults"), one.of("temperature"))
    reader.wait_topic(one.of("temperature"))
    short = apply(one.bus, "shorted")
    held = f"bus main: SDA (pin {SDA}) is held low: check wiring"
    reader.wait_for(lambda m: m.topic == one.of("faults") and held in m.payload)
    assert len(one.lines(held)) == 1
    known = len(reader.of(one.of("faults")))
    short.end()
    wait_well(reader, one, known)
    assert one.board.boots == [1]


@pytest.mark.parametrize("late", ["ETIMEDOUT", "ENODEV"])
def test_a_device_that_holds_the_bus_is_clocked_out(broker, node, subscribe, late):
    """Whatever the port says of a bus that hangs: each of its versions has its own word."""
    server = broker()
    one = node(server, sensors=[FAST, CHIP])
    one.board.hardware.i2c_late = getattr(errno, late)
    reader = subscribe(server, one.of("faults"), one.of("temperature"))
    reader.wait_topic(one.of("temperature"))
    for clocks in (1, 9):
        stuck = apply(one.bus, "stuck", clocks=clocks)
        # It reads on.
        count = len(reader.of(one.of("temperature")))
        reader.wait_for(lambda _, count=count: len(reader.of(one.of("temperature"))) > count + 3)
        assert not stuck.active
        reader.wait_for(lambda _: not reader.of(one.of("faults"))[-1].data["count"])
    assert one.board.boots == [1] and one.lines("held low") == []


def test_no_fault_of_a_life_before_stays(broker, node, subscribe):
    server = broker()
    one = node(server, on=False, sensors=[FAST])
    one.bus.devices.clear()
    one.on()
    reader = subscribe(server, one.of("faults"))
    wait_fault(reader, one)
    one.board.power_off()
    one.bus.attach(one.chip)
    known = len(reader.of(one.of("faults")))
    one.on()
    wait_well(reader, one, known)
