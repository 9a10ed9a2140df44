"""check() of any JSON returns a configuration the node can use, or raises ConfigError."""

import copy
import json

import pytest
from hypothesis import given, strategies as st

import sensors
from mqtt import packet
from node import config, filters
from node.topics import Topics

KEYS = (
    "identity wifi broker buses sensors payload time_server watchdog company location building "
    "floor room device ssid password host port user keep_alive client_id scl sda frequency driver "
    "interval name bus pin pull address device_class invert debounce_ms main filters derive "
    "temperature offset median clamp low calibrate points delta heartbeat convert"
).split()
WORDS = "json value bme280 chip digital status main 0x77 0x none lab a/b \0 \ud800 ü".split(" ")
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from((0, 1, 4, 60, 118, 1883, 2**70)),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(WORDS),
    st.text(min_size=200, max_size=300),
)
JSON = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)
GOOD = {
    "identity": {"company": "acme", "room": "lab", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "h", "port": 1883, "user": "u", "password": "p", "client_id": "n1"},
    "buses": {"main": {"scl": 22, "sda": 21, "frequency": 100_000}},
    "sensors": [
        {
            "driver": "bme280",
            "interval": 5,
            "bus": "main",
            "address": 118,
            "name": "attic",
            "derive": ["dew_point"],
            "filters": {
                "temperature": [
                    {"calibrate": {"points": [[0, 1], [50, 50]]}},
                    {"clamp": {"low": -5, "high": 9}},
                    {"convert": "K"},
                    {"delta": 0.2, "heartbeat": 600},
                ],
                "dew_point": [{"debounce": {"readings": 3}}],
            },
        },
        {"driver": "digital", "pin": 4, "pull": "up", "name": "door", "debounce_ms": 5},
        {"driver": "chip", "interval": 0.5},
    ],
    "payload": "json",
    "watchdog": 60,
}


def places(data, path=()):
    """Returns the path of every value in GOOD."""
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        inner = isinstance(value, (dict, list))
        found += places(value, (*path, key)) if inner else [(*path, key)]
    return found


PLACES = places(GOOD)


@st.composite
def nearly_good(draw):
    """A good configuration with something else in a few places."""
    data = copy.deepcopy(GOOD)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        inner = data
        for key in path[:-1]:
            inner = inner[key] if isinstance(inner, (dict, list)) and has(inner, key) else None
        if isinstance(inner, (dict, list)) and has(inner, path[-1]):
            inner[path[-1]] = draw(JSON)
    return data


def has(container, key):
    if isinstance(container, dict):
        return key in container
    return isinstance(key, int) and key < len(container)


def check(data):
    """Returns the checked configuration or None; asserts what holds in either case."""
    before = repr(data)
    try:
        made = config.check(data)
    except config.ConfigError as error:
        assert error.faults
        assert all(isinstance(line, str) and ":" in line for line in error.faults)
        return None
    finally:
        assert repr(data) == before
    return made


def assert_usable(made):
    topics = Topics(made["identity"])
    broker = made["broker"]
    will = (topics.status, "offline", 1, True)
    client_id = broker["client_id"] or "x" * 23
    keep_alive, user, password = broker["keep_alive"], broker["user"], broker["password"]
    packet.connect((client_id, user, password, keep_alive, True, will))
    levels = [level for sensor in made["sensors"] for level in sensor["levels"]]
    assert levels and len(set(levels)) == len(levels)
    for sensor in made["sensors"]:
        assert len(sensor["quantities"]) == len(sensor["levels"])
        if sensor["filters"]:
            measured = sensors.load(sensor["driver"]).QUANTITIES
            filters.Filters(measured, sensor["quantities"], sensor["filters"])
    for level in levels:
        topics.of(level)


@given(JSON)
def test_any_json(data):
    assert check(data) is None or assert_usable(check(data)) is None


@given(nearly_good())
def test_nearly_good(data):
    made = check(data)
    if made:
        assert_usable(made)


def test_good_is_good():
    assert_usable(config.check(GOOD))


@given(st.text(), JSON, st.sampled_from(("wifi", "broker")))
def test_passwords_are_never_shown(text, other, section):
    secret = "gEhEiM" + text
    data = copy.deepcopy(GOOD)
    data[section]["password"] = [secret, {secret: other}]
    data["broker"]["port"] = 0
    with pytest.raises(config.ConfigError) as caught:
        config.check(data)
    assert "gEhEiM" not in str(caught.value)
    data[section]["password"] = secret
    with pytest.raises(config.ConfigError) as caught:
        config.check(data)
    assert "gEhEiM" not in str(caught.value)


@given(JSON)
def test_load_reads_what_check_takes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("config") / "config.json"
    path.write_text(json.dumps(data))
    try:
        config.load(str(path))
    except config.ConfigError as error:
        assert error.faults
