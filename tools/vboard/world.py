"""The physical world around a board: temperature, humidity, air pressure, light and doors.

Everything follows from a seed and the time alone, so that two worlds of the same seed are alike at
any moment, in whatever order they are asked. A script shapes it, `set()` overrides it.
"""

import bisect
import hashlib
import math
import random
import threading
import time

DAY_S = 86_400

# What a script may say of a quantity; without it the base is drawn from the range given here.
#   base: mean value, swing: half the height of the daily wave, period_s: its length,
#   noise: largest deviation by noise.
QUANTITIES = {
    "temperature": {"base": (19.0, 24.0), "swing": 1.5, "period_s": DAY_S, "noise": 0.4},
    "humidity": {"base": (38.0, 58.0), "swing": 5.0, "period_s": DAY_S, "noise": 1.5},
    "pressure": {"base": (995.0, 1028.0), "swing": 3.0, "period_s": 3 * DAY_S, "noise": 0.6},
    "illuminance": {"base": (180.0, 450.0), "swing": 120.0, "period_s": DAY_S, "noise": 6.0},
    "co2": {"base": (500.0, 900.0), "swing": 80.0, "period_s": DAY_S, "noise": 6.0},
}

# What the waves may not go beyond.
BOUNDS = {"humidity": (0.0, 100.0), "illuminance": (0.0, math.inf), "co2": (0.0, math.inf)}

# The seconds a door stays in either state: the shortest and the longest, all equally likely.
DOOR = {"closed_s": (15.0, 90.0), "open_s": (4.0, 30.0)}

# Seconds from one independent value of the noise to the next, and the share each has of it:
# draughts within a minute, people and heating within a quarter of an hour.
_NOISE = ((40.0, 0.3), (900.0, 0.7))


class ScriptError(ValueError):
    """A world's script has a fault; the text names the key, the value and what is allowed."""


class World:
    """One room and what happens in it. Times are seconds since the world began.

    `seed` names the room: an int or a str. `script` is a dict, all of it optional:

        {"seed": 7,
         "temperature": {"base": 21.5, "swing": 2.0, "period_s": 86400, "noise": 0.3},
         "humidity": {...}, "pressure": {...}, "illuminance": {...},
         "doors": {"door": {"open_s": [3, 20], "closed_s": [10, 60]},
                   "window": {"changes": [[12.5, "open"], [30, "closed"]]}}}

    The script's seed tells the weather, the argument the room in it: boards that share a script
    still differ. With "doors" there are these doors and no others; without, any name is a door.
    `clock` returns seconds. Raises ScriptError.
    """

    def __init__(self, seed: int | str = 0, script: dict | None = None, clock=time.monotonic):
        script = _checked_script(script)
        self._clock = clock
        self._started = clock()
        self._seed = f"{script.get('seed', 0)}/{seed}"
        self._quantities = {
            name: Weather(f"{self._seed}/{name}", {**shape, **script.get(name, {})})
            for name, shape in QUANTITIES.items()
        }
        self._doors = {}
        # False: a door springs into being when it is first asked for.
        self._doors_fixed = "doors" in script
        for name, shape in script.get("doors", {}).items():
            self._add_door(name, shape)
        # Quantities and doors that a test has taken in hand, by name.
        self._overrides = {}
        self._listeners = []

    def now(self) -> float:
        """Returns the seconds since the world began."""
        return self._clock() - self._started

    def temperature(self, at: float | None = None) -> float:
        """Returns °C, now or at a time."""
        return self.value("temperature", at)

    def humidity(self, at: float | None = None) -> float:
        """Returns % of relative humidity, 0 to 100, now or at a time."""
        return self.value("humidity", at)

    def pressure(self, at: float | None = None) -> float:
        """Returns hPa, now or at a time."""
        return self.value("pressure", at)

    def illuminance(self, at: float | None = None) -> float:
        """Returns lx, not below 0, now or at a time."""
        return self.value("illuminance", at)

    def value(self, name: str, at: float | None = None) -> float:
        """Returns a quantity, now or at a time (an override holds at all times).

        Raises ValueError: no such quantity.
        """
        if name not in self._quantities:
            raise ValueError(f"the world has no {name!r}: it has {', '.join(self._quantities)}")
        if name in self._overrides:
            return self._overrides[name]
        value = self._quantities[name].at(self.now() if at is None else at)
        lowest, highest = BOUNDS.get(name, (value, value))
        return min(max(value, lowest), highest)

    def door(self, name: str, at: float | None = None) -> bool:
        """Returns True if the door is open, now or at a time. Raises ValueError: no such door."""
        script = self._door(name)
        if name in self._overrides:
            return self._overrides[name]
        return script.open_at(self.now() if at is None else at)

    def next_change(self, name: str, after: float) -> float | None:
        """Returns the time of a door's next edge later than `after`; None if there is none.

        A door that was set() has none until it is given back. Raises ValueError: no such door.
        """
        script = self._door(name)
        return None if name in self._overrides else script.next_change(after)

    def set(self, name: str, value: float | bool | None) -> None:
        """Holds a quantity (a number) or a door (True: open) at a value; None gives it back.

        Raises ValueError for a value of the wrong kind or a door that isn't there.
        """
        if name in self._quantities:
            self._override(name, _checked_quantity(name, value))
            return
        if not (value is None or isinstance(value, bool)):
            raise ValueError(f"door {name!r} can't be {value!r}: True (open), False or None")
        before = self.door(name)
        self._override(name, value)
        after = self.door(name)
        if after != before:
            self._tell(name, after)

    def on_change(self, callback):
        """Calls callback(name, open) when set() changes a door; returns a function to end it."""
        self._listeners.append(callback)

        def forget():
            if callback in self._listeners:
                self._listeners.remove(callback)

        return forget

    def _override(self, name, value):
        if value is None:
            self._overrides.pop(name, None)
        else:
            self._overrides[name] = value

    def _tell(self, name, value):
        for callback in list(self._listeners):
            callback(name, value)

    def _door(self, name):
        if name not in self._doors:
            if self._doors_fixed or name in self._quantities:
                known = ", ".join(self._doors) or "none"
                raise ValueError(f"the world has no door {name!r}: its script has {known}")
            self._add_door(name, {})
        return self._doors[name]

    def _add_door(self, name, shape):
        if "changes" in shape:
            self._doors[name] = ScriptedDoor(shape["changes"])
        else:
            self._doors[name] = RandomDoor(f"{self._seed}/{name}", {**DOOR, **shape})


class Weather:
    """A quantity: a base, a slow wave and smooth noise."""

    def __init__(self, seed, shape):
        base = shape["base"]
        if isinstance(base, tuple):
            lowest, highest = base
            base = lowest + (highest - lowest) * _draw(seed, "base")
        self._seed, self._base = seed, base
        self._swing, self._period, self._noise = shape["swing"], shape["period_s"], shape["noise"]
        # Where in its period the wave stands at time 0.
        self._phase = _draw(seed, "phase")
        # The last values drawn for the noise, by grain and index: neighbours in time share them.
        self._drawn = {}

    def at(self, when: float) -> float:
        wave = math.sin(2 * math.pi * (when / self._period + self._phase))
        noise = sum(share * self._smooth(when / grain, grain) for grain, share in _NOISE)
        return self._base + self._swing * wave + self._noise * noise

    def _smooth(self, position, grain):
        # From one drawn value to the next on a curve without corners, within -1..1.
        index = math.floor(position)
        x = position - index
        left, right = self._point(grain, index), self._point(grain, index + 1)
        return left + (right - left) * x * x * (3 - 2 * x)

    def _point(self, grain, index):
        drawn = self._drawn.get((grain, index))
        if drawn is None:
            if len(self._drawn) > 16:
                self._drawn.clear()
            drawn = self._drawn[grain, index] = 2 * _draw(self._seed, grain, index) - 1
        return drawn


class RandomDoor:
    """A door that starts closed and is opened and closed at random, by its seed."""

    def __init__(self, seed, shape):
        self._random = random.Random(seed)
        self._stays = (shape["closed_s"], shape["open_s"])
        # The times of all edges drawn so far, the first one an opening.
        self._edges = []
        # Boards ask from threads of their own, and the order of the draws makes the script.
        self._lock = threading.Lock()

    def open_at(self, when: float) -> bool:
        self._draw_until(when)
        return bisect.bisect_right(self._edges, when) % 2 == 1

    def next_change(self, after):
        self._draw_until(after)
        return self._edges[bisect.bisect_right(self._edges, after)]

    def _draw_until(self, when):
        with self._lock:
            while not self._edges or self._edges[-1] <= when:
                shortest, longest = self._stays[len(self._edges) % 2]
                last = self._edges[-1] if self._edges else 0.0
                self._edges.append(last + self._random.uniform(shortest, longest))


class ScriptedDoor:
    """A door that starts closed and changes at the times of a list of [time, state]."""

    def __init__(self, changes):
        # Times at which the state really becomes another.
        self._edges = []
        is_open = False
        for when, state in changes:
            if (state == "open") != is_open:
                is_open = not is_open
                self._edges.append(when)

    def open_at(self, when: float) -> bool:
        return bisect.bisect_right(self._edges, when) % 2 == 1

    def next_change(self, after):
        index = bisect.bisect_right(self._edges, after)
        return self._edges[index] if index < len(self._edges) else None


def _draw(*key):
    # A number in 0..1 that depends on the key alone, the same on every machine and version.
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


# -- the script


def _checked_script(script):
    if script is None:
        return {}
    _check_keys("script", script, ("seed", *QUANTITIES, "doors"))
    if "seed" in script and not isinstance(script["seed"], (int, str)):
        raise ScriptError(f"script.seed is {script['seed']!r}: a number or a text is needed")
    for name in QUANTITIES:
        if name in script:
            _check_weather(f"script.{name}", script[name])
    if "doors" in script:
        _check_doors(script["doors"])
    return script


def _check_keys(where, value, allowed):
    if not isinstance(value, dict):
        raise ScriptError(f"{where} is {value!r}: an object is needed")
    for key in value:
        if key not in allowed:
            raise ScriptError(f"{where} has no {key!r}: allowed are {', '.join(allowed)}")


def _check_weather(where, shape):
    _check_keys(where, shape, ("base", "swing", "period_s", "noise"))
    for key, value in shape.items():
        if not _is_number(value):
            raise ScriptError(f"{where}.{key} is {value!r}: a number is needed")
        if key == "period_s" and value <= 0:
            raise ScriptError(f"{where}.{key} is {value!r}: seconds above 0 are needed")
        if key in ("swing", "noise") and value < 0:
            raise ScriptError(f"{where}.{key} is {value!r}: 0 or more is needed")


def _check_doors(doors):
    if not isinstance(doors, dict):
        raise ScriptError(f"script.doors is {doors!r}: an object of doors by name is needed")
    for name, shape in doors.items():
        where = f"script.doors.{name}"
        if not isinstance(name, str) or name in QUANTITIES:
            raise ScriptError(f"{where}: a door can't have this name")
        _check_keys(where, shape, ("open_s", "closed_s", "changes"))
        if "changes" in shape:
            _check_changes(where, shape)
        else:
            for key, value in shape.items():
                _check_stay(f"{where}.{key}", value)


def _check_stay(where, value):
    pair = isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value))
    if not pair or not 0 < value[0] <= value[1]:
        raise ScriptError(f"{where} is {value!r}: [shortest, longest] in s, above 0, is needed")


def _check_changes(where, shape):
    if len(shape) > 1:
        raise ScriptError(f"{where} has changes: open_s and closed_s have no place beside them")
    last = 0
    if not isinstance(shape["changes"], (list, tuple)):
        raise ScriptError(f"{where}.changes is {shape['changes']!r}: a list is needed")
    for change in shape["changes"]:
        if not _is_change(change) or change[0] < last:
            raise ScriptError(
                f'{where}.changes has {change!r}: [seconds, "open" or "closed"] is needed, '
                "in the order of time"
            )
        last = change[0]


def _is_change(change):
    pair = isinstance(change, (list, tuple)) and len(change) == 2
    return pair and _is_number(change[0]) and change[1] in ("open", "closed")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _checked_quantity(name, value):
    if value is not None and not _is_number(value):
        raise ValueError(f"{name} can't be {value!r}: a number, or None for the script's")
    return value
