"""Faults of transactions and of the two wires of an I2C bus."""

import math

from . import devices
from .base import SEED, Fault


class Counted(Fault):
    """Hits the next `count` transactions, all of them without a count."""

    OPTIONS = {"count": (None, 1, 1_000_000)}

    def _begin(self):
        # How many are still hit.
        self._left = self.options["count"] or math.inf
        super()._begin()

    def _hit(self):
        self._left -= 1
        return self._left >= 0


class Nack(Counted):
    """The address isn't acknowledged."""

    def acknowledges(self):
        return not self._hit()


class NackData(Counted):
    """The byte with the number `byte`, from 0, of a write isn't acknowledged."""

    OPTIONS = {**Counted.OPTIONS, "byte": (0, 0, 1_000)}

    def taken(self, data):
        byte = self.options["byte"]
        return byte if len(data) > byte and self._hit() else len(data)


class Stuck(Fault):
    """A device was interrupted within a byte and holds SDA low until it has had its clocks.

    `clocks` of them, or 1 to 9 by the seed. A device that loses its power lets go, too.
    """

    OPTIONS = {**SEED, "clocks": (None, 1, 9)}

    def _begin(self):
        # Rising edges of SCL until it lets go.
        self.left = self.options["clocks"] or self.chance().randint(1, 9)
        self.place.wire.sda.hold(self, 0)
        self.place.wire.scl.on_rise.append(self._clock)
        self.place.wire.harms.append(self)

    def _end(self):
        self.place.wire.harms.remove(self)
        self.place.wire.scl.on_rise.remove(self._clock)
        self.place.wire.sda.let_go(self)

    def _clock(self):
        self.left -= 1
        if self.left == 0:
            self.end()

    def power_cycle(self):
        self.end()


class ShortedBus(Fault):
    """SDA or SCL is held low, whatever one does."""

    OPTIONS = {"line": ("sda", ("sda", "scl"))}

    def _begin(self):
        getattr(self.place.wire, self.options["line"]).hold(self, 0)

    def _end(self):
        getattr(self.place.wire, self.options["line"]).let_go(self)


class Stretch(Fault):
    """Each read finds SCL held low for `seconds`; beyond the bus' time-out it fails."""

    OPTIONS = {"seconds": (0.02, 0.0, 3600.0)}

    @property
    def stretch_s(self):
        return self.options["seconds"]


class BrownOut(devices.BrownOut):
    """As any: at once, or `after` so many transactions that are acknowledged.

    What the last of them began is lost.
    """

    OPTIONS = {"after": (0, 0, 1_000_000)}

    def _begin(self):
        # Transactions until then.
        self._left = self.options["after"]
        Fault._begin(self)
        if not self._left:
            self.dip()

    def done(self, device):
        self._left -= 1
        if self._left == 0:
            self.dip()
