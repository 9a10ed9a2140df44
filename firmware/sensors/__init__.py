"""Sensor drivers, one a file. A driver knows its bus and its quantities, not the node."""

import os


class SensorError(Exception):
    """The sensor answered, but with nothing that may be published; the text says what to do."""


class Range:
    """The numbers from lowest to highest, both allowed; `value in range` is safe for any value."""

    def __init__(self, lowest: float, highest: float):
        self.lowest = lowest
        self.highest = highest

    def __contains__(self, value) -> bool:
        # True and False are numbers to Python, but not to who writes a configuration.
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return self.lowest <= value <= self.highest

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}"


def names() -> list:
    """Returns the names of the drivers that are there."""
    folder = __path__ if isinstance(__path__, str) else __path__[0]
    files = [file.rsplit(".", 1) for file in os.listdir(folder) if file[0] not in "_."]
    return sorted({file[0] for file in files if file[-1] in ("py", "mpy")})


def load(name: str):
    """Returns the module of a driver, None if there is none of that name."""
    return getattr(__import__("sensors." + name), name) if name in names() else None
