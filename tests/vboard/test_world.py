"""The physical world: the same for a seed and a time, shaped by a script, overridden by tests."""

import pytest

from vboard.weather import QUANTITIES, shape
from vboard.world import ScriptError, World


class Clock:
    def __init__(self, now=100.0):
        self.now = now

    def __call__(self):
        return self.now


PLAUSIBLE = {
    "temperature": (15, 28),
    "humidity": (25, 70),
    "pressure": (985, 1035),
    "illuminance": (50, 600),
    "co2": (400, 1000),
    "moisture": (25, 65),
    "distance": (39, 201),
    "battery": (51, 99),
    "voltage": (0.85, 1.95),
    "current": (0.01, 0.29),
}


def test_time_begins_with_the_world():
    clock = Clock(5_000.0)
    world = World(clock=clock)
    assert world.now() == 0
    clock.now += 2.5
    assert world.now() == 2.5


def test_same_seed_and_time_are_the_same_world():
    ours, others = World(7), World(7)
    times = [0, 0.1, 33, 12_345.6, 86_400, 1e6]
    for name in QUANTITIES:
        expected = [ours.value(name, t) for t in times]
        assert [others.value(name, t) for t in reversed(times)] == expected[::-1]
    for t in (50_000, 10, 700, 699):
        assert ours.door("door", t) == World(7).door("door", t)


def test_other_seeds_are_other_worlds():
    assert World(1).temperature(0) != World(2).temperature(0)
    assert World(0, {"seed": 1}).temperature(0) != World(0, {"seed": 2}).temperature(0)
    assert World("kitchen").temperature(0) != World("cellar").temperature(0)


def test_boards_that_share_a_script_differ():
    script = {"seed": 3}
    assert World(1, script).temperature(0) != World(2, script).temperature(0)


@pytest.mark.parametrize("name", QUANTITIES)
def test_quantities_are_plausible_and_drift_smoothly(name):
    lowest, highest = PLAUSIBLE[name]
    for seed in range(20):
        world = World(seed)
        values = [world.value(name, t) for t in range(0, 200_000, 500)]
        assert lowest < min(values) < max(values) < highest
        assert max(values) - min(values) > QUANTITIES[name]["swing"] / 3
        steps = [abs(world.value(name, t + 0.1) - world.value(name, t)) for t in range(0, 600, 7)]
        assert 0 < max(steps) < 0.02


def test_a_place_is_the_room_until_something_is_told_of_it():
    script = {"temperature": {"swing": 0, "noise": 0}}
    script["places"] = {"freezer": {"temperature": {"base": -18}}}
    world = World(script=script, clock=Clock())
    freezer, desk = world.place("freezer"), world.place("desk")
    assert freezer.temperature() == freezer.value("temperature", 50) == -18
    assert desk.temperature() == world.temperature() != -18
    assert freezer.value("humidity") == world.humidity()
    world.set("temperature", 30)
    assert (freezer.temperature(), desk.temperature()) == (-18, 30)
    freezer.set("humidity", 80)
    assert freezer.value("humidity") == 80 != world.humidity()
    freezer.set("humidity", None)
    assert freezer.source("humidity", 0.5)(7.0) == world.humidity(7.0) / 2
    freezer.set("door", True)
    assert desk.door("door") and world.door("door")


def test_quantities_can_be_brought_in():
    tvoc = {"tvoc": shape((100, 200), 10, 3600, 1, least=0)}
    world = World(script={"tvoc": {"base": 150}}, quantities=tvoc)
    assert world.value("tvoc") == pytest.approx(150, abs=11)
    other = World()
    other.add(tvoc)
    before = other.value("tvoc", 5)
    other.add({"tvoc": shape(0, 0, 1, 0)})
    assert other.value("tvoc", 5) == before > 80


def test_names_of_the_quantities():
    world = World(clock=Clock())
    assert world.temperature() == world.value("temperature", 0)
    assert world.humidity() == world.value("humidity", 0)
    assert world.pressure() == world.value("pressure", 0)
    assert world.illuminance() == world.value("illuminance", 0)


def test_light_ends_at_darkness():
    world = World(script={"illuminance": {"base": 0, "swing": 100}})
    values = [world.illuminance(t) for t in range(0, 90_000, 300)]
    assert min(values) == 0 and max(values) > 90


def test_script_shapes_a_quantity():
    world = World(script={"temperature": {"base": -5, "swing": 0, "noise": 0}})
    assert {world.temperature(t) for t in range(0, 9_000, 100)} == {-5}


def test_wave_has_its_height_and_length():
    world = World(script={"pressure": {"base": 1000, "swing": 8, "period_s": 60, "noise": 0}})
    values = [world.pressure(t / 10) for t in range(600)]
    assert max(values) == pytest.approx(1008, abs=0.01)
    assert min(values) == pytest.approx(992, abs=0.01)
    assert world.pressure(13) == pytest.approx(world.pressure(73))


def test_humidity_stays_between_0_and_100():
    world = World(script={"humidity": {"base": 100, "swing": 50, "period_s": 10}})
    values = [world.humidity(t / 10) for t in range(200)]
    assert max(values) == 100 and min(values) < 90


def test_set_overrides_and_none_gives_back():
    world = World(clock=Clock())
    before = world.temperature()
    world.set("temperature", 30.25)
    assert world.temperature() == world.temperature(at=99) == 30.25
    world.set("temperature", None)
    assert world.temperature() == before


def test_doors_open_and_close_by_themselves():
    for seed in range(20):
        world = World(seed)
        edges = [world.next_change("door", 0) or 0.0]
        while edges[-1] < 3_600:
            edges.append(world.next_change("door", edges[-1]) or 0.0)
        assert not world.door("door", 0)
        for number, (start, end) in enumerate(zip([0, *edges[:-1]], edges, strict=True)):
            is_open = number % 2 == 1
            assert world.door("door", start) == world.door("door", end - 0.001) == is_open
            low, high = (4, 30) if is_open else (15, 90)
            assert low <= end - start <= high


def test_doors_are_independent():
    world = World()
    assert world.next_change("door", 0) != world.next_change("window", 0)


def test_script_sets_a_doors_times():
    world = World(script={"doors": {"door": {"open_s": [1, 2], "closed_s": [3, 3]}}})
    assert world.next_change("door", 0) == 3
    assert 4 <= (world.next_change("door", 3) or 0) <= 5


def test_script_lists_a_doors_changes():
    changes = [[2, "open"], [3, "open"], [5.5, "closed"], [7, "open"]]
    world = World(script={"doors": {"door": {"changes": changes}}})
    assert [world.door("door", t) for t in (0, 1.9, 2, 5.4, 5.5, 7, 1e6)] == [
        *(False, False, True, True, False, True, True),
    ]
    assert world.next_change("door", 0) == 2
    assert world.next_change("door", 2) == 5.5
    assert world.next_change("door", 7) is None


def test_doors_of_a_script_are_all_there_are():
    world = World(script={"doors": {"window": {}}})
    with pytest.raises(ValueError, match="no door 'door'.*window"):
        world.door("door")
    with pytest.raises(ValueError, match="no door"):
        world.set("door", True)


def test_a_door_that_was_set_stays_until_given_back():
    clock = Clock()
    world = World(clock=clock)
    world.set("door", True)
    assert world.door("door") and world.next_change("door", 0) is None
    world.set("door", None)
    assert not world.door("door") and world.next_change("door", 0)


def test_changes_by_set_are_told_once():
    told = []
    world = World(clock=Clock())
    forget = world.on_change(lambda *change: told.append(change))
    for value in (True, True, False, False, None):
        world.set("door", value)
    world.set("temperature", 20)
    assert told == [("door", True), ("door", False)]
    forget()
    forget()
    world.set("door", True)
    assert len(told) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", "warm"), ("temperature", True), ("humidity", float("nan")), ("door", 1)],
)
def test_set_refuses_values_of_the_wrong_kind(name, value):
    with pytest.raises(ValueError, match=name):
        World().set(name, value)


def test_unknown_quantity_is_named():
    with pytest.raises(ValueError, match="'light'.*temperature"):
        World().value("light")


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ([], r"script is \[\]"),
        ({"wind": {}}, "no 'wind': allowed are seed, temperature"),
        ({"seed": 1.5}, "script.seed is 1.5"),
        ({"temperature": 20}, "script.temperature is 20"),
        ({"temperature": {"bse": 20}}, "no 'bse': allowed are base"),
        ({"humidity": {"base": "wet"}}, "script.humidity.base is 'wet': a number"),
        ({"pressure": {"noise": -1}}, "script.pressure.noise is -1"),
        ({"pressure": {"period_s": 0}}, "script.pressure.period_s is 0"),
        ({"pressure": {"base": float("inf")}}, "script.pressure.base"),
        ({"places": 3}, "script.places is 3: an object of places"),
        ({"places": {"roof": {"wind": {}}}}, "script.places.roof has no 'wind': allowed are temp"),
        ({"places": {"roof": {"co2": {"noise": -1}}}}, "script.places.roof.co2.noise is -1"),
        ({"doors": ["door"]}, "script.doors"),
        ({"doors": {"temperature": {}}}, "script.doors.temperature"),
        ({"doors": {"door": {"open": 3}}}, "no 'open': allowed are open_s"),
        ({"doors": {"door": {"open_s": 3}}}, "door.open_s is 3"),
        ({"doors": {"door": {"open_s": [3, 2]}}}, "door.open_s"),
        ({"doors": {"door": {"closed_s": [0, 2]}}}, "door.closed_s"),
        ({"doors": {"door": {"changes": 5}}}, "door.changes is 5"),
        ({"doors": {"door": {"changes": [[1, "ajar"]]}}}, "'ajar'"),
        ({"doors": {"door": {"changes": [[2, "open"], [1, "closed"]]}}}, "order of time"),
        ({"doors": {"door": {"changes": [], "open_s": [1, 2]}}}, "no place"),
    ],
)
def test_faults_of_a_script_are_named(script, text):
    with pytest.raises(ScriptError, match=text):
        World(script=script)
