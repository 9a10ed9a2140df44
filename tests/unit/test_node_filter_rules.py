# What may stand under a sensor's filters: what becomes of it, and what each fault says.

from node import config, filters
from raises import raises

GOOD = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 22, "sda": 21}},
}
BEFORE = "sensors[0].filters.temperature[0]"


def sensor(**keys):
    """Returns a checked BME280 with these keys."""
    return config.check(dict(GOOD, sensors=[dict(keys, driver="bme280")]))["sensors"][0]


def steps(*chain):
    """Returns the steps that are made of a temperature's filters."""
    return sensor(filters={"temperature": list(chain)})["filters"][0]


def faults(driver="bme280", **keys):
    data = dict(GOOD, sensors=[dict(keys, driver=driver)])
    return raises(config.ConfigError, config.check, data).faults


def only_fault(line, *chain):
    found = faults(filters={"temperature": list(chain)})
    assert len(found) == 1 and line in found[0], (line, found)


def test_without_filters_nothing_changes():
    for keys in ({}, {"filters": None}, {"derive": []}, {"filters": []}, {"filters": {}}):
        made = sensor(**keys)
        assert made["filters"] is None
        assert made["quantities"] == config.sensors.load("bme280").QUANTITIES


def test_each_filter_has_its_step():
    for data, step in (
        ({"offset": -0.5}, ("linear", (1, -0.5))),
        ({"scale": 2}, ("linear", (2, 0))),
        ({"calibrate": {"points": [[0, 1], [9, 9]]}}, ("points", ([[0, 1], [9, 9]],))),
        ({"calibrate": {"polynomial": [0, 1]}}, ("polynomial", ([0, 1],))),
        ({"clamp": {"low": 0, "high": 5}}, ("clamp", (0, 5))),
        ({"clamp": {"low": 0}}, ("clamp", (0, 3.4e38))),
        ({"clamp": {"high": 0}}, ("clamp", (-3.4e38, 0))),
        ({"round": 2}, ("round", (2,))),
        ({"median": 5}, ("median", (5,))),
        ({"average": 30}, ("average", (30,))),
        ({"exponential": 0.1}, ("exponential", (0.1,))),
        ({"min": 2}, ("min", (2,))),
        ({"max": 2}, ("max", (2,))),
        ({"delta": 0.2}, ("delta", (0.2, None))),
        # A reading may be a tenth of a second early.
        ({"delta": 0.2, "heartbeat": 600}, ("delta", (0.2, 599900))),
        ({"throttle": 60}, ("throttle", (59900,))),
        ({"throttle": 0.5}, ("throttle", (450,))),
        ({"debounce": {"readings": 3}}, ("debounce", (3, 0))),
        ({"debounce": {"seconds": 30}}, ("debounce", (1, 29900))),
        ({"debounce": {"readings": 3, "seconds": 30}}, ("debounce", (3, 29900))),
        ({"convert": "K"}, ("linear", (1, 273.15))),
    ):
        made = steps(data)
        assert made == [step], (data, made)
        # And it is one that there is, with these arguments.
        filters.STEPS[step[0]](*step[1])(1, 0)


def test_order_is_kept():
    made = steps({"offset": 1}, {"median": 3}, {"round": 1}, {"delta": 1})
    assert [name for name, _ in made] == ["linear", "median", "round", "delta"]


def test_a_list_is_for_all_quantities():
    made = sensor(filters=[{"median": 5}])
    assert made["filters"] == [[("median", (5,))]] * 3
    # One of them twice over is another thing than one for two.
    made = sensor(filters={"humidity": [{"median": 5}]})
    assert made["filters"] == [[], [("median", (5,))], []]


def test_units_and_decimals_that_go_out():
    made = sensor(
        filters={
            "temperature": [{"convert": "°F"}, {"round": 0}],
            "pressure": [{"round": 0}, {"convert": "inHg"}],
        }
    )
    assert [quantity[1:3] for quantity in made["quantities"]] == [("°F", 0), ("%", 1), ("inHg", 1)]
    # What filters make has no range of its own.
    assert [quantity[3] for quantity in made["quantities"]] == [None, 0, None]


def test_derived_quantities_have_levels():
    made = sensor(derive=["dew_point", "absolute_humidity"], name="attic")
    assert made["levels"][3:] == ["attic-dew_point", "attic-absolute_humidity"]
    assert [quantity[1] for quantity in made["quantities"]][3:] == ["°C", "g/m³"]
    assert made["filters"] == [[]] * 5
    made = sensor(derive=["dew_point"], filters={"dew_point": [{"convert": "°F"}]})
    assert made["quantities"][3][1] == "°F" and len(made["filters"][3]) == 1


def test_there_is_a_formula_for_each_that_is_derived():
    from node import filter_rules

    assert sorted(filters.DERIVED) == sorted(filter_rules.DERIVED)
    for name in filter_rules.DERIVED:
        assert filter_rules.DERIVED[name][0] == name


def test_values_that_are_not_allowed():
    number = "allowed is -1000000 to 1000000"
    for data, line in (
        ({"offset": "1"}, ".offset: '1': " + number),
        ({"scale": True}, ".scale: True: " + number),
        ({"offset": float("nan")}, ".offset: nan: " + number),
        ({"scale": float("inf")}, ".scale: inf: " + number),
        ({"median": None}, ".median: missing: needed is an odd number from 3 to 15"),
        ({"median": 4}, ".median: 4: allowed is an odd number from 3 to 15"),
        ({"median": 17}, ".median: 17: allowed is an odd"),
        ({"average": 1}, ".average: 1: allowed is a whole number from 2 to 30"),
        ({"average": 2.5}, ".average: 2.5: allowed is a whole"),
        ({"round": 5}, ".round: 5: allowed is a whole number from 0 to 4"),
        ({"exponential": 0}, ".exponential: 0: allowed is 0.01 to 1"),
        ({"delta": 0}, ".delta: 0: allowed is 0.001 to 1000000"),
        ({"delta": 1, "heartbeat": 0}, ".heartbeat: 0: allowed is 0.1 to 86400"),
        ({"throttle": "60s"}, ".throttle: '60s': allowed is 0.1 to 86400"),
        ({"clamp": 5}, ".clamp: 5: allowed is an object with high, low"),
        ({"clamp": {}}, ".clamp: an object: allowed is an object with high, low"),
        ({"clamp": {"low": 1, "high": 1}}, ".clamp.high: 1: allowed is more than low, 1"),
        ({"clamp": {"min": 1}}, ".clamp.min: 1: allowed is one of these keys: high, low"),
        ({"debounce": 3}, ".debounce: 3: allowed is an object with readings, seconds"),
        ({"debounce": {"readings": 1}}, ".debounce.readings: 1: allowed is a whole number from 2"),
        ({"convert": "K "}, ".convert: 'K ': allowed is K, °F from °C"),
        ({"convert": ["K"]}, ".convert: a list: allowed is K, °F from °C"),
    ):
        only_fault(BEFORE + line, data)


def test_calibrations_that_are_not_allowed():
    table = ".calibrate.points: a list: allowed is a list of 2 to 8 points [measured, true]"
    for points in ([], [[0, 1]], [[0, 1]] * 2, [[1, 1], [0, 0]], [[i, i] for i in range(9)]):
        only_fault(BEFORE + table, {"calibrate": {"points": points}})
    for points in ([[0, 1], [1]], [[0, 1], [1, "2"]], [[0, 1], 5], [[0, 1], [1, 2, 3]]):
        only_fault(BEFORE + table, {"calibrate": {"points": points}})
    for numbers in ([], [1, 2, 3, 4, 5], ["1"], [None]):
        line = ".calibrate.polynomial: a list: allowed is a list of 1 to 4 numbers"
        only_fault(BEFORE + line, {"calibrate": {"polynomial": numbers}})
    both = {"points": [[0, 1], [1, 2]], "polynomial": [1]}
    only_fault(BEFORE + ".calibrate: an object: allowed is either", {"calibrate": both})
    only_fault(BEFORE + ".calibrate: a list: allowed is an object", {"calibrate": [[0, 1]]})


def test_one_object_is_one_filter():
    one = ': allowed is an object with one filter, as {"median": 5}'
    only_fault(BEFORE + ": an object" + one, {"median": 5, "offset": 1})
    only_fault(BEFORE + ": an object" + one, {})
    only_fault(BEFORE + ": 'median'" + one, "median")
    only_fault(BEFORE + ".heartbeat: 600: allowed is with delta only", {"heartbeat": 600})
    only_fault(BEFORE + ".multiply: 2: allowed is one of these keys: average", {"multiply": 2})


def test_lists_that_are_none():
    for value in (5, None, {"median": 5}):
        line = "sensors[0].filters.temperature: %s: allowed is a list of up to 8 filters"
        shown = "an object" if isinstance(value, dict) else value
        assert faults(filters={"temperature": value}) == [line % shown]
    assert "up to 8" in faults(filters={"temperature": [{"offset": 1}] * 9})[0]
    assert "filters: 5: allowed is a list of filters, or an object" in faults(filters=5)[0]
    line = "filters.temp: a list: allowed is one of these keys: temperature, humidity, pressure"
    assert line in faults(filters={"temp": []})[0]


def test_a_fault_in_a_list_for_all_is_told_once():
    assert len(faults(filters=[{"median": 4}])) == 1
    found = faults(filters=[{"convert": "K"}])
    assert len(found) == 2
    assert "filters[0].convert: 'K': allowed is nothing from %" in found[0]


def test_nothing_may_hold_back_what_a_delta_let_pass():
    for late in ({"throttle": 5}, {"debounce": {"readings": 2}}, {"delta": 1}):
        name = list(late)[0]
        line = "sensors[0].filters.temperature[1].%s: " % name
        only_fault(line, {"delta": 1, "heartbeat": 60}, late)
        if name != "delta":
            assert len(steps(late, {"delta": 1})) == 2


def test_a_unit_is_converted_from_what_it_was_made():
    only_fault("temperature[1].convert: 'K': allowed is nothing from °F", *units("°F", "K"))


def units(*names):
    return [{"convert": name} for name in names]


def test_events_are_not_filtered():
    found = faults(driver="digital", pin=4, filters=[{"median": 5}], derive=["dew_point"])
    reason = "allowed is none for this driver: what happens is told as it happens"
    assert found == ["sensors[0].%s: a list: %s" % (key, reason) for key in ("filters", "derive")]


def test_a_state_has_no_filters():
    from node import filter_rules

    class Module:
        QUANTITIES = (
            ("state", None, None, None, None, None),
            ("count", None, 0, None, None, None),
        )
        Driver = None

    judge = config._Check()
    filter_rules.check(judge, "s", {"filters": [{"offset": 1}]}, Module)
    assert judge.faults == ["s.filters: a list: allowed is no filter: a state is no number"]


def test_derived_that_is_not_allowed():
    for names, line in (
        ("dew_point", "derive: 'dew_point': allowed is a list of absolute_humidity, dew_point"),
        (["dewpoint"], "derive[0]: 'dewpoint': allowed is absolute_humidity, dew_point"),
        ([["dew_point"]], "derive[0]: a list: allowed is absolute_humidity, dew_point"),
        (["dew_point", "dew_point"], "derive[1]: 'dew_point': allowed is absolute_humidity"),
    ):
        found = faults(derive=names)
        assert found == ["sensors[0]." + line]
    found = faults(driver="chip", derive=["dew_point"])
    assert found == [
        "sensors[0].derive: a list: allowed is none: it needs a sensor of temperature and humidity"
    ]


def test_keys_that_are_no_text():
    # MicroPython's json takes {1: 2}.
    assert "text for each key" in faults(filters={1: []})[0]
    assert "text for each key" in faults(filters={"temperature": [{1: 2}]})[0]
