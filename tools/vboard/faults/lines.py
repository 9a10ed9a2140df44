"""Faults of wires that have levels, pulses or volts."""

import math

from .base import SEED, Fault


class Shorted(Fault):
    """The wire is held low."""

    def _begin(self):
        self.place.pin.hold(self, 0)

    def _end(self):
        self.place.pin.let_go(self)


class Open(Fault):
    """Nothing is connected: the pin has the level of its pull."""

    def _begin(self):
        self.place.pin.hold(self, None)

    def _end(self):
        self.place.pin.let_go(self)


class Chatter(Fault):
    """A contact that touches and doesn't: levels by the seed, about `hertz` edges a second."""

    OPTIONS = {**SEED, "hertz": (100.0, 0.1, 500.0)}

    def _begin(self):
        self._random = self.chance()
        self._next = self._hold(0)

    def _hold(self, level):
        # Returns the next edge, a clock.Call.
        self.place.pin.hold(self, level)
        wait = self._random.uniform(0.5, 1.5) / self.options["hertz"]
        return self.place.pin.clock.call_later(wait, self._turn, 1 - level)

    def _turn(self, level):
        with self._lock:
            if self.active:
                self._next = self._hold(level)

    def _end(self):
        self._next.cancel()
        self.place.pin.let_go(self)


class Floating(Fault):
    """Nothing is connected: the ADC finds what is in the air, anything up to 3.3 V."""

    OPTIONS = SEED

    def _begin(self):
        self._random = self.chance()
        super()._begin()

    def volts(self, volts):
        return self._random.uniform(0.0, 3.3)


class Endless(Fault):
    """The answer begins and doesn't end before the fault does."""

    def echo(self, us):
        return math.inf

    def _end(self):
        super()._end()
        self.place.wire.cut_short()
