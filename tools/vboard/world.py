"""The physical world around a board: air, light, soil, batteries, doors.

Everything follows from a seed and the time alone, so that two worlds of the same seed are alike at
any moment, in whatever order they are asked. A script shapes it, `set()` overrides it.
"""

import functools
import time

from . import script as scripts
from .doors import DOOR, RandomDoor, ScriptedDoor
from .recording import Recording
from .weather import QUANTITIES, Battery, Weather

ScriptError = scripts.ScriptError


class World:
    """One room and what happens in it. Times are seconds since the world began.

    `seed` names the room: an int or a str. `script` is a dict, all of it optional:

        {"seed": 7,
         "temperature": {"base": 21.5, "swing": 2.0, "period_s": 86400, "noise": 0.3},
         "humidity": {...}, "pressure": {...}, ... (weather.QUANTITIES),
         "battery": {"charge": 80, "drain_per_h": 1.5, "sun_per_h": 6},
         "co2": recording.Recording([(0, 420), (60, 900)]),
         "places": {"freezer": {"temperature": {"base": -18}}},
         "doors": {"door": {"open_s": [3, 20], "closed_s": [10, 60]},
                   "window": {"changes": [[12.5, "open"], [30, "closed"]]}}}

    The script's seed tells the weather, the argument the room in it: boards that share a script
    still differ, but for batteries and recordings. With "doors" there are these doors and no
    others; without, any name is a door. `clock` returns seconds. `quantities` are more than there
    are by themselves, as weather.QUANTITIES has them. Raises ScriptError.
    """

    def __init__(
        self,
        seed: int | str = 0,
        script: dict | None = None,
        clock=time.monotonic,
        quantities: dict | None = None,
    ):
        # Name -> what it is like without a script.
        self._shapes = {**(quantities or {}), **QUANTITIES}
        self._script = scripts.check(script, tuple(self._shapes))
        self._clock = clock
        self._started = clock()
        self._seed = f"{self._script.get('seed', 0)}/{seed}"
        # (place or None, quantity) -> its course: the room's, and those that the script tells of
        # a place.
        self._courses: dict[tuple[str | None, str], Weather | Battery | Recording] = {
            (None, name): self._course(name) for name in self._shapes
        }
        for place, shapes in self._script.get("places", {}).items():
            for name in shapes:
                self._courses[place, name] = self._course(name, place)
        self._doors = {}
        # False: a door springs into being when it is first asked for.
        self._doors_fixed = "doors" in self._script
        for name, shape in self._script.get("doors", {}).items():
            self._add_door(name, shape)
        # What a test has taken in hand: values by (place or None, quantity) and by door.
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

    def value(self, name: str, at: float | None = None, place: str | None = None) -> float:
        """Returns a quantity, now or at a time (an override holds at all times).

        At a `place` it is the room's where nothing else is told or set of it. Raises ValueError:
        no such quantity.
        """
        if name not in self._shapes:
            raise ValueError(f"the world has no {name!r}: it has {', '.join(self._shapes)}")
        told = (place, name) in self._overrides or (place, name) in self._courses
        key = place if told else None, name
        if key in self._overrides:
            return self._overrides[key]
        return self._courses[key].at(self.now() if at is None else at)

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

    def set(self, name: str, value: float | bool | None, place: str | None = None) -> None:
        """Holds a quantity (a number) or a door (True: open) at a value; None gives it back.

        With a `place` a quantity is held there alone. Raises ValueError for a value of the wrong
        kind or a door that isn't there.
        """
        if name in self._shapes:
            if value is not None and not scripts.is_number(value):
                raise ValueError(f"{name} can't be {value!r}: a number, or None for the script's")
            self._override((place, name), value)
            return
        if not (value is None or isinstance(value, bool)):
            raise ValueError(f"door {name!r} can't be {value!r}: True (open), False or None")
        before = self.door(name)
        self._override(name, value)
        after = self.door(name)
        if after != before:
            self._tell(name, after)

    def place(self, name: str) -> "Place":
        """Returns the world as it is at a place: a sensor's, by its name."""
        return Place(self, name)

    def add(self, quantities: dict) -> None:
        """Brings in quantities (as weather.QUANTITIES has them) that aren't there yet."""
        for name, shape in quantities.items():
            if name not in self._shapes:
                self._shapes[name] = shape
                self._courses[None, name] = self._course(name)

    def on_change(self, callback):
        """Calls callback(name, open) when set() changes a door; returns a function to end it."""
        self._listeners.append(callback)

        def forget():
            if callback in self._listeners:
                self._listeners.remove(callback)

        return forget

    def _course(self, name, place=None):
        # What is said of a quantity; at a place, and there of the room where it is weather, too.
        room = self._script.get(name, {})
        told = self._script["places"][place][name] if place else room
        if hasattr(told, "at"):
            return told
        if scripts.BATTERY.keys() & told.keys():
            light = functools.partial(self._light, place)
            return Battery(**{**scripts.BATTERY, **told}, light=light)
        if hasattr(room, "at"):
            room = {}
        weather = {key: room[key] for key in scripts.WEATHER if key in room}
        seed = f"{self._seed}/{place}/{name}" if place else f"{self._seed}/{name}"
        return Weather(seed, {**self._shapes[name], **weather, **told})

    def _light(self, place, when):
        return self.value("illuminance", when, place)

    def _override(self, key, value):
        if value is None:
            self._overrides.pop(key, None)
        else:
            self._overrides[key] = value

    def _tell(self, name, value):
        for callback in list(self._listeners):
            callback(name, value)

    def _door(self, name):
        if name not in self._doors:
            if self._doors_fixed or name in self._shapes:
                known = ", ".join(self._doors) or "none"
                raise ValueError(f"the world has no door {name!r}: its script has {known}")
            self._add_door(name, {})
        return self._doors[name]

    def _add_door(self, name, shape):
        if "changes" in shape:
            self._doors[name] = ScriptedDoor(shape["changes"])
        else:
            self._doors[name] = RandomDoor(f"{self._seed}/{name}", {**DOOR, **shape})


class Place:
    """A World as a sensor at one place has it: what is set here is so for this one alone."""

    def __init__(self, world: World, name: str):
        self.world, self.name = world, name
        self.now, self.door = world.now, world.door
        self.next_change, self.on_change = world.next_change, world.on_change

    def temperature(self, at: float | None = None) -> float:
        """Returns °C, now or at a time."""
        return self.value("temperature", at)

    def value(self, name: str, at: float | None = None) -> float:
        """Returns a quantity, now or at a time. Raises ValueError: no such quantity."""
        return self.world.value(name, at, self.name)

    def source(self, name: str, scale: float = 1.0):
        """Returns a function of the world's seconds: the quantity, times `scale`."""
        return lambda at: self.value(name, at) * scale

    def set(self, name: str, value: float | bool | None) -> None:
        """Holds a quantity here, or a door; None gives it back. Raises ValueError."""
        self.world.set(name, value, self.name)
