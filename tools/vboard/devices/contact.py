"""A reed contact at a door or window, between a pin with pull-up and ground."""

import random

from .emulation import Attached, Emulation, Shown, place_of

# Milliseconds a contact bounces after it was moved, at most, and its edges in that time.
BOUNCE_MS = 5.0
MOST_BOUNCES = 6


class Contact:
    """Its magnet is on the door: normally open, it is closed (level 0) while the door is.

    With `normally_closed` the levels are the other way round.
    """

    def __init__(self, world, door_name: str, normally_closed: bool = False):
        self.world, self.door_name = world, door_name
        self._normally_closed = normally_closed
        self._random = random.Random(f"contact/{door_name}")

    def level(self, is_open: bool) -> int:
        """Returns the pin's level, once it is quiet, for a door that is open or not."""
        return int(bool(is_open) != self._normally_closed)

    def level_at(self, now: float) -> int:
        """Returns the pin's level, once it is quiet, at a time of the world (s)."""
        return self.level(self.world.door(self.door_name, now))

    def edges(self, before: int, after: int) -> list:
        """Returns what the pin does when its level goes from `before` to `after`.

        A list of (offset_ms, level): the first at 0.0, then an even number of bounces within 5 ms,
        in the order of time; the last has the level `after`. Empty when nothing changes.
        """
        if before == after:
            return []
        count = 2 * self._random.randint(1, MOST_BOUNCES // 2)
        offsets = sorted(self._random.uniform(0.05, BOUNCE_MS) for _ in range(count))
        levels = [before, after] * (count // 2)
        return [(0.0, after), *zip(offsets, levels, strict=True)]


def _attach(board, place, sensor, contact, what, shown=None, derived=None):
    pin = sensor["pin"]
    # The wire while it is connected.
    wires = []
    return Attached(
        f"{what} at pin {pin}",
        *(contact, place, board.hardware.pins[pin]),
        lambda: wires.append(board.wire_contact(pin, contact)),
        lambda: board.unwire(wires.pop()),
        *(shown, derived),
    )


def _digital(board, world, sensor):
    place = place_of(world, sensor)
    door = sensor["name"] or f"door at pin {sensor['pin']}"
    contact = Contact(place, door, normally_closed=sensor["options"]["invert"])
    state = Shown(
        *(False, True, 0), lambda at: place.door(door, at), lambda value: place.set(door, value)
    )
    return _attach(board, place, sensor, contact, "a contact", {"state": state})


def _gauge(board, world, sensor):
    place = place_of(world, sensor)
    gauge = sensor["name"] or f"gauge at pin {sensor['pin']}"
    contact = Contact(place, gauge, normally_closed=sensor["options"]["active"] == "high")
    # What it has counted since when is the driver's.
    unknown = {name: (lambda _: None, 0) for name in ("rate", "total")}
    return _attach(board, place, sensor, contact, "a gauge", derived=unknown)


# Nobody can tell whose levels they are.
_BLIND = ("chatter", "shorted", "unplugged")
EMULATIONS = {
    "digital": Emulation("pin", _digital, blind=_BLIND),
    "pulse": Emulation("pin", _gauge, blind=_BLIND),
}
