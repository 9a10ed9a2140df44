"""Doors, and whatever else is open or closed."""

import bisect
import random
import threading

# The seconds a door stays in either state: the shortest and the longest, all equally likely.
DOOR = {"closed_s": (15.0, 90.0), "open_s": (4.0, 30.0)}


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
