"""What all faults have in common: the place where they are, a beginning and an end."""

import random
import threading

from ..peripherals.harm import Harm
from ..peripherals.i2c import I2CBus
from ..peripherals.onewire import OneWireBus
from ..peripherals.pins import PinLine

# What a place can be.
KINDS = ("i2c", "one_wire", "dht", "adc", "echo", "pin")
# What a fault is drawn from: the same seed, the same fault.
SEED = {"seed": (0, 0, 1 << 32)}


class FaultError(ValueError):
    """There is no such fault there; the text names what is wrong and what is allowed."""


class Place:
    """Where a fault is: something wired to a board, of one of KINDS.

    `device` is None where all of a bus are meant, on I2C it may be an address. `attached` is what
    knows how to unplug() and plug() it by itself.
    """

    def __init__(self, kind, wire, device=None, attached=None):
        if kind not in KINDS:
            raise FaultError(f"no kind {kind!r}: there are {', '.join(KINDS)}")
        self.kind, self.wire, self.device, self.attached = kind, wire, device, attached

    @property
    def devices(self):
        """The devices that are meant and are there now."""
        if isinstance(self.wire, PinLine):
            return [self.wire.device] if self.wire.device else []
        found = self.wire.devices
        every = list(found.values() if isinstance(found, dict) else found)
        return [one for one in every if self.device in (None, one, getattr(one, "address", one))]

    @property
    def address(self):
        """That on I2C; None: all are meant, or there are none."""
        return getattr(self.device, "address", self.device) if self.kind == "i2c" else None

    @property
    def pin(self):
        """The one wire of what has one."""
        return getattr(self.wire, "pin", self.wire)


def place_of(target):
    """Returns the Place of what a fault can be applied to. Raises FaultError."""
    if isinstance(target, Place):
        return target
    attached = target if hasattr(target, "bus") and hasattr(target, "device") else None
    if attached is not None:
        wire, device = attached.bus, attached.device
    else:
        wire, device = target if isinstance(target, tuple) else (target, None)
    for kind, known in (("i2c", I2CBus), ("one_wire", OneWireBus)):
        if isinstance(wire, known):
            return Place(kind, wire, device, attached)
    if isinstance(wire, PinLine):
        return Place(_kind_of_pin(device or wire.device), wire, device, attached)
    raise FaultError(f"{target!r} is no place for a fault")


def _kind_of_pin(device):
    # By what the device does to its pin.
    kinds = {"answer": "dht", "volts": "adc", "echo_us": "echo"}
    return next((kind for name, kind in kinds.items() if hasattr(device, name)), "pin")


class Fault(Harm):
    """A fault from its beginning to end().

    OPTIONS: name -> (what it is without, lowest, highest) of a number, or (what it is without,
    the words there are).
    """

    OPTIONS = {}

    @classmethod
    def check(cls, place):
        """Raises FaultError where there can be none."""

    def __init__(self, place, **options):
        self.place = place
        self.address = place.address
        self.options = {name: spec[0] for name, spec in self.OPTIONS.items()} | options
        # True from the beginning until it was ended, or has healed by itself.
        self.active = True
        # Held to end it: a test, the clock and what the board does may at the same time.
        self._lock = threading.RLock()
        self._begin()

    def end(self):
        """Ends it; once more does nothing."""
        with self._lock:
            if self.active:
                self.active = False
                self._end()

    def chance(self):
        """Returns the random numbers of its seed."""
        return random.Random(f"fault/{self.options['seed']}")

    def _begin(self):
        self.place.wire.harms.append(self)

    def _end(self):
        self.place.wire.harms.remove(self)
