"""Faults of devices: what they answer, their time, their power, and that they aren't there."""

from ..peripherals.pins import DHT_ZERO_US
from .base import SEED, Fault, FaultError

# What an ADC pin shows at most, V: more than any attenuation lets through.
ADC_FULL = 5.0
# Lengths of a DHT's bits, us (devices/dht.py).
SHORT_US, LONG_US = 27, 70


class Flipped(Fault):
    """Of each answer that is read, some bits are wrong: as many as `bits`, by the seed.

    On 1-Wire: a 0 read as 1, once after each reset pulse.
    """

    OPTIONS = {**SEED, "bits": (1, 1, 8)}
    # One of so many 0 after a reset pulse is wrong: there are more in each answer.
    ZEROS = 8

    def _begin(self):
        self._random = self.chance()
        # On 1-Wire: 0 that come before the wrong one, negative after it.
        self._zeros = -1
        super()._begin()

    def read(self, data):
        return self._flip(data)

    def pulses(self, lengths):
        bits = sum((us > DHT_ZERO_US) << place for place, us in enumerate(lengths))
        flipped = int.from_bytes(self._flip(bits.to_bytes(5, "big")), "big")
        return [_pulse(flipped >> place & 1) for place in range(len(lengths))]

    def present(self, found):
        self._zeros = self._random.randrange(self.ZEROS)
        return found

    def slot(self, level, pulled):
        if pulled:
            self._zeros -= 1
        return 1 if pulled and self._zeros == -1 else level

    def _flip(self, data):
        count = 8 * len(data)
        places = self._random.sample(range(count), min(self.options["bits"], count))
        flips = sum(1 << place for place in places)
        return (int.from_bytes(data, "big") ^ flips).to_bytes(len(data), "big")


class Zeros(Fault):
    """All that is read is 0: bytes, bits, volts."""

    BIT = 0

    def read(self, data):
        return bytes((0xFF * self.BIT,)) * len(data)

    def slot(self, level, pulled):
        # The bits that the master writes are what they are.
        return self.BIT

    def pulses(self, lengths):
        return [_pulse(self.BIT)] * len(lengths)

    def volts(self, volts):
        return ADC_FULL * self.BIT


class Ones(Zeros):
    """All that is read is 1, or full scale."""

    BIT = 1


class Slow(Fault):
    """The devices' own time passes `factor` times as slowly: all they do takes as many times."""

    OPTIONS = {"factor": (10.0, 1.0, 1_000_000.0)}

    @classmethod
    def check(cls, place):
        if place.devices and not any(hasattr(one, "world") for one in place.devices):
            raise FaultError("nothing there has a time of its own that could be slow")

    def _begin(self):
        # Each device with the world that it is to have again.
        self._slowed = [(one, one.world) for one in self.place.devices if hasattr(one, "world")]
        # What they have instead, in the same order.
        self._worlds = [_SlowWorld(world, self.options["factor"]) for _, world in self._slowed]
        for (device, _), slow in zip(self._slowed, self._worlds, strict=True):
            device.world = slow

    def _end(self):
        for (device, world), slow in zip(self._slowed, self._worlds, strict=True):
            # Another that began later has it for its own: it isn't slow from now on.
            slow.factor = 1.0
            if device.world is slow:
                device.world = world


class _SlowWorld:
    """A World whose seconds are longer from now on."""

    def __init__(self, world, factor):
        self._world, self.factor, self._since = world, factor, world.now()

    def now(self):
        return self._since + (self._world.now() - self._since) / self.factor

    def __getattr__(self, name):
        return getattr(self._world, name)


class BrownOut(Fault):
    """The devices' supply dips: they forget what they were about, as at power-on."""

    def _begin(self):
        super()._begin()
        self.dip()

    def dip(self):
        for device in self.place.devices:
            device.reset()


class Unplugged(Fault):
    """The devices aren't there; at its end they are plugged in again, as after power-on."""

    def _begin(self):
        self._devices = self.place.devices
        if self.place.attached:
            self.place.attached.unplug()
            return
        for device in self._devices:
            self.place.wire.detach(device)

    def _end(self):
        if self.place.attached:
            self.place.attached.plug()
            return
        for device in self._devices:
            self.place.wire.attach(device)


class Silent(Fault):
    """Nothing comes back, as by a broken wire; the devices keep their power."""

    def present(self, found):
        return False

    def slot(self, level, pulled):
        return 1

    def pulses(self, lengths):
        return []

    def echo(self, us):
        return None


def _pulse(bit):
    return LONG_US if bit else SHORT_US
