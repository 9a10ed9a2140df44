"""A world's script, judged: the text of each fault names the key, the value, what is allowed."""

import math

# What can be said of a quantity; and, of a battery, in its place: % at the beginning, and what it
# loses and the sun gives in an hour, %.
WEATHER = ("base", "swing", "period_s", "noise")
BATTERY = {"charge": 80.0, "drain_per_h": 1.0, "sun_per_h": 0.0}


class ScriptError(ValueError):
    """A world's script has a fault; the text names the key, the value and what is allowed."""


def check(script, quantities, more=()) -> dict:
    """Returns the script; `quantities` are the names of those there are. Raises ScriptError.

    `more` are keys that whoever calls knows: they are named among those allowed.
    """
    if script is None:
        return {}
    _check_keys("script", script, ("seed", *quantities, "doors", "places", *more))
    if "seed" in script and not isinstance(script["seed"], (int, str)):
        raise ScriptError(f"script.seed is {script['seed']!r}: a number or a text is needed")
    _check_quantities("script", script, quantities)
    if "doors" in script:
        _check_doors(script["doors"], quantities)
    if "places" in script:
        _check_places(script["places"], quantities)
    return script


def _check_quantities(where, script, quantities):
    for name in quantities:
        if name in script:
            _check_course(f"{where}.{name}", name, script[name])


def _check_places(places, quantities):
    if not isinstance(places, dict):
        raise ScriptError(f"script.places is {places!r}: an object of places by name is needed")
    for name, shapes in places.items():
        _check_keys(f"script.places.{name}", shapes, quantities)
        _check_quantities(f"script.places.{name}", shapes, quantities)


def _check_keys(where, value, allowed):
    if not isinstance(value, dict):
        raise ScriptError(f"{where} is {value!r}: an object is needed")
    for key in value:
        if key not in allowed:
            raise ScriptError(f"{where} has no {key!r}: allowed are {', '.join(allowed)}")


def _check_course(where, name, shape):
    if hasattr(shape, "at"):
        # A recording: it was judged when it was read.
        return
    if name == "battery" and isinstance(shape, dict) and BATTERY.keys() & shape.keys():
        _check_battery(where, shape)
    else:
        _check_weather(where, shape, (*WEATHER, *BATTERY) if name == "battery" else WEATHER)


def _check_battery(where, shape):
    _check_keys(where, shape, tuple(BATTERY))
    for key, value in shape.items():
        most = 100 if key == "charge" else 1_000_000
        if not is_number(value) or not 0 <= value <= most:
            raise ScriptError(f"{where}.{key} is {value!r}: a number from 0 to {most} is needed")


def _check_weather(where, shape, allowed):
    _check_keys(where, shape, allowed)
    for key, value in shape.items():
        if not is_number(value):
            raise ScriptError(f"{where}.{key} is {value!r}: a number is needed")
        if key == "period_s" and value <= 0:
            raise ScriptError(f"{where}.{key} is {value!r}: seconds above 0 are needed")
        if key in ("swing", "noise") and value < 0:
            raise ScriptError(f"{where}.{key} is {value!r}: 0 or more is needed")


def _check_doors(doors, quantities):
    if not isinstance(doors, dict):
        raise ScriptError(f"script.doors is {doors!r}: an object of doors by name is needed")
    for name, shape in doors.items():
        where = f"script.doors.{name}"
        if not isinstance(name, str) or name in quantities:
            raise ScriptError(f"{where}: a door can't have this name")
        _check_keys(where, shape, ("open_s", "closed_s", "changes"))
        if "changes" in shape:
            _check_changes(where, shape)
        else:
            for key, value in shape.items():
                _check_stay(f"{where}.{key}", value)


def _check_stay(where, value):
    pair = isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value))
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
    return pair and is_number(change[0]) and change[1] in ("open", "closed")


def is_number(value) -> bool:
    """Returns whether a value is a finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
