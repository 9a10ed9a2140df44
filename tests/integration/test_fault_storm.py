"""A node whose sensors fail one after another: none is lost, and none says what isn't.

`make test` has some hundred faults; FIELDPOST_FAULTS=10000 is the long run.
"""

import os
import random
import time
from typing import NamedTuple

import pytest

import sensors
from fieldpost import surroundings
from node import config
from vboard.devices.ds18b20 import FAMILY
from vboard.devices.onewire import rom_code
from vboard.faults import apply, names, place_of
from vm import KINDS

# Only a virtual board's time leaps.
pytestmark = pytest.mark.parametrize("kind", KINDS[1:], indirect=True)

FAULTS = int(os.environ.get("FIELDPOST_FAULTS", "80"))
# Real time that they may take, s.
REAL_S = 60 + FAULTS / 4
INTERVAL_S = 2
# By how much a reading may be late beside its interval, s: conversions of its neighbours.
LATE_S = 1.0
# How long a fault lasts, and how long its place then has rest, s.
LASTS_S, REST_S = (0.2, 6.5), (0.1, 1.0)

SECOND_BUS = (22, 21)
ROMS = [rom_code(FAMILY, serial).hex() for serial in (1, 2)]
# Name -> configuration. What shares a bus has one fault at a time, told by what it is on.
SENSORS = {
    "bme280": {"driver": "bme280", "bus": "main"},
    "sht3x": {"driver": "sht3x", "bus": "main"},
    "aht20": {"driver": "aht20", "bus": "main"},
    "bh1750": {"driver": "bh1750", "bus": "main"},
    "scd4x": {"driver": "scd4x", "bus": "main"},
    "bmp280": {"driver": "bmp280", "bus": "second"},
    "sht4x": {"driver": "sht4x", "bus": "second"},
    "ads1115": {"driver": "ads1115", "bus": "second"},
    "ina219": {"driver": "ina219", "bus": "second"},
    "flow": {"driver": "ds18b20", "pin": 5, "rom": ROMS[0]},
    "return": {"driver": "ds18b20", "pin": 5, "rom": ROMS[1]},
    "boiler": {"driver": "ntc", "pin": 34},
}
# These have a check sum or refuse what can't be (a thermistor at ground or supply); what a bit
# that flips on the way makes of the others' answers looks like any other value.
CHECKED = {"sht3x", "aht20", "scd4x", "sht4x", "flow", "return", "boiler"}
UNSEEN = {"crc", "zeros", "ones"}
# A pin with nothing on it picks up some voltage or other.
NO_FAULTS = {"boiler": {"unplugged"}}
# An ADC's reading is the mean of 20 ms: a fault that begins or ends within them is a share of it.
MIXED = {"boiler"}
# Faults of all that is on the wire, and one that ends only when the node has clocked it out: at
# its third faulty reading.
OF_ALL = {"stuck", "shorted"}
CLOCKED = "stuck"
# An SCD4x that lost its power is found idle when it has nothing new for 6 s, and the second of
# its measurements, each 5 s, is the first that is published.
# A DS18B20 takes 0.75 s for a reading.
READY_S = {"scd4x": 6 + 10 + INTERVAL_S, "flow": 0.75, "return": 0.75}


class Past(NamedTuple):
    """A fault that is over: when by the board's clock, and whose readings it hindered."""

    name: str
    sensors: tuple
    begin: float
    end: float


class Wire:
    """What is on one bus, and its faults one after another."""

    def __init__(self, clock, attached, seed):
        self._clock, self._attached = clock, attached
        self._random = random.Random(seed)
        self.past = []
        # True: no fault begins any more.
        self.over = False
        self._rest()

    def _rest(self):
        if not self.over:
            self._clock.call_later(self._random.uniform(*REST_S), self._begin)

    def _begin(self):
        name = self._random.choice(sorted(self._attached))
        known = set(names(place_of(self._attached[name]).kind)) - NO_FAULTS.get(name, set())
        fault = self._random.choice(sorted(known if name in CHECKED else known - UNSEEN))
        made = apply(self._attached[name], fault)
        hit = tuple(self._attached) if fault in OF_ALL else (name,)
        lasts = self._random.uniform(*LASTS_S)
        if fault == CLOCKED:
            lasts = max(lasts, 4 * (INTERVAL_S + LATE_S))
        self._clock.call_later(lasts, self._end, made, fault, hit, self._clock.now())

    def _end(self, made, fault, hit, begin):
        made.end()
        self.past.append(Past(fault, hit, begin, self._clock.now()))
        # What was hit has the time to show that it is well again.
        ready = max(READY_S.get(name, 0) for name in hit)
        self._clock.call_later(INTERVAL_S + LATE_S + ready, self._rest)


@pytest.fixture
def site(broker, node, subscribe):
    """Returns the node, its sensors by name, and the reader that has what it publishes."""
    server = broker()
    reader = subscribe(server, "acme/#")
    entries = [dict(entry, name=name, interval=INTERVAL_S) for name, entry in SENSORS.items()]
    buses = {"second": dict(zip(("scl", "sda"), SECOND_BUS, strict=True))}
    one = node(server, on=False, leaps=True, sensors=entries, buses=buses)
    one.board.heap = one.board.profile.heap
    one.bus.detach(one.chip)
    found = config.check({**one.config, "sensors": entries})
    attached = dict(zip(SENSORS, surroundings.attach(one.board, found, one.world), strict=True))
    for device in attached.values():
        for quantity, (lowest, highest) in device.spans.items():
            device.set(quantity, lowest + (highest - lowest) * 0.4)
    return one, attached, reader


@pytest.mark.timeout(120 + REAL_S)
def test_no_fault_costs_more_than_its_own_time(site, wait_until):
    """Each value is the world's, and each sensor reads well an interval after its fault's end."""
    one, attached, reader = site
    clock, began = one.board.clock, time.monotonic()
    opened, ahead = clock.now(), node_ahead(one, attached["bh1750"].device, reader)
    wires = [Wire(clock, group, seed) for seed, group in enumerate(by_wire(attached))]
    wait_until(lambda: sum(len(wire.past) for wire in wires) >= FAULTS, REAL_S, "so many faults")
    for wire in wires:
        wire.over = True
    end = clock.now() + 30 + max(LASTS_S) + 4 * INTERVAL_S
    wait_until(lambda: clock.now() > end, 30, "the end")
    past = [fault for wire in wires for fault in wire.past]
    found = readings(one, reader, ahead)
    print(
        f"{len(past)} faults in {end - opened:.0f} s of the board, "
        f"{time.monotonic() - began:.0f} s of ours; "
        f"{sum(map(len, found.values()))} readings"
    )
    values_are_the_world_s(attached, found, past)
    waits = [(n, recovery(fault, n, found)) for fault in past for n in fault.sensors]
    others = [wait for name, wait in waits if name not in READY_S]
    print(
        f"back {max(others):.2f} s after a fault's end at worst, by an interval of {INTERVAL_S} s"
    )
    assert {name for name, taken in found.items() if taken[-1][0] > end - 4 * INTERVAL_S} == set(
        SENSORS
    ), "a sensor has ended"
    assert one.lines("has a fault") == one.lines("Traceback") == []
    assert len(one.lines("mqtt: online")) == 1 and one.board.boots == [1]


def node_ahead(one, device, reader):
    """Returns the s that the node's UTC is ahead of the board's clock: when is a device read?"""
    moments, read = [], device.read

    def timed(count):
        moments.append(one.board.clock.now())
        return read(count)

    device.read = timed
    one.on()
    message = reader.wait_topic(one.of("bh1750"))
    device.read = read
    return message.data["time"] / 1000 - moments[message.data["seq"]]


def by_wire(attached):
    """Yields {name: Attached} of what is on each bus or pin."""
    for bus in {id(device.bus): device.bus for device in attached.values()}.values():
        yield {name: one for name, one in attached.items() if one.bus is bus}


def readings(one, reader, ahead):
    """Returns {sensor: [(when by the board's clock, quantity, value), ...]}."""
    found = {name: [] for name in SENSORS}
    for message in list(reader.messages):
        level = message.topic.removeprefix(one.topic + "/")
        name, _, quantity = level.partition("-")
        if name in SENSORS:
            module = sensors.load(SENSORS[name]["driver"])
            quantity = quantity or module.QUANTITIES[0][0]
            when = message.data["time"] / 1000 - ahead
            found[name].append((when, quantity, message.data["value"]))
    return found


def values_are_the_world_s(attached, found, past):
    edges = {name: [] for name in SENSORS}
    for fault in past:
        for name in fault.sensors:
            edges[name] += [fault.begin, fault.end]
    wrong = []
    for name, device in attached.items():
        truth = device.truth()
        for quantity, _, decimals, *_ in sensors.load(SENSORS[name]["driver"]).QUANTITIES:
            slack = device.tolerance(quantity) + 10**-decimals
            wrong += [
                (name, quantity, truth[quantity], when, value)
                for when, one, value in found[name]
                if one == quantity
                and abs(value - truth[quantity]) > slack
                and not (name in MIXED and any(abs(when - edge) < 0.1 for edge in edges[name]))
            ]
    assert not wrong, (len(wrong), wrong[:20])


def recovery(fault, name, found):
    """Returns the s from a fault's end to the sensor's next reading, and judges them."""
    after = [when for when, *_ in found[name] if when >= fault.end]
    wait = after[0] - fault.end if after else 1e9
    allowed = INTERVAL_S + LATE_S + READY_S.get(name, 0)
    assert wait <= allowed, (name, fault, wait)
    return wait
