"""What a device is told to measure where it isn't the room's air: a number, or how it goes."""

from collections.abc import Callable

# A function is asked with the world's seconds.
Source = float | Callable[[float], float]


def value_at(source: Source, when: float) -> float:
    """Returns what a source is at a time of the world (s)."""
    return source(when) if callable(source) else source
