"""Each driver on I2C with each fault: it reads a number or says why not, and gets over it."""

import math
import sys
from types import SimpleNamespace

import pytest
from sensor_bench import Bench

import sensors
from sensors import SensorError
from vboard.devices import emulations
from vboard.faults import apply, names

ALL = {name: one for name, one in emulations().items() if one.bus == "i2c"}
# Those whose answers have a check sum.
CHECKED = ("aht20", "scd4x", "sht3x", "sht4x")
# Readings until a driver must be itself again: one to notice, one to set it up anew.
TRIES = 3


# An SCD4x has its first values after 10 s.
INTERVALS_S = {"scd4x": 11.0}


class Nobody:
    """What a Bench begins with."""

    address = 0x00

    def __init__(self, world):
        pass

    def reset(self):
        pass


class Reader:
    """A driver on its emulation, and how it reads while time passes as it wants."""

    def __init__(self, name, patch):
        self.bench = Bench(Nobody)
        module = sensors.load(name)
        options = {option: spec[0] for option, spec in module.OPTIONS.items()}
        board = SimpleNamespace(hardware=SimpleNamespace(i2c=lambda scl, sda: self.bench.bus))
        sensor = {"driver": name, "name": None, "scl": 18, "sda": 19, "options": options}
        self.device = ALL[name].attach(board, self.bench.world, sensor)
        self.bench.now += getattr(module, "READY_MS", 0) / 1000
        self._driver = module.Driver(self.bench, **options)
        self._quantities = module.QUANTITIES
        # Where the driver's code is: what it has in common with others is elsewhere.
        for one in {sys.modules[one.__module__] for one in type(self._driver).__mro__}:
            patch.setattr(one, "asyncio", self.bench, raising=False)
            patch.setattr(one, "time", self.bench, raising=False)
        self._interval_s = INTERVALS_S.get(name, 1.0)

    def read(self):
        """Returns the values, None when it says that it can't."""
        self.bench.now += self._interval_s
        try:
            values = self.bench.read(SimpleNamespace(asyncio=None), self._driver)
            return None if None in values else values
        except (OSError, SensorError):
            return None

    def is_right(self, values):
        """True: they are what the world has."""
        if values is None:
            return False
        truth = self.device.truth(self.bench.now)
        for (name, _, decimals, *_), value in zip(self._quantities, values, strict=True):
            # The world has gone on a little since it was measured.
            slack = self.device.tolerance(name) + 10**-decimals + abs(truth[name]) / 100
            if truth[name] is not None and abs(value - truth[name]) > slack:
                return False
        return True


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", names("i2c"))
def test_a_driver_gets_over_it(name, fault, monkeypatch):
    reader = Reader(name, monkeypatch)
    # The second one: a sensor that measures by itself has none at first.
    before = [reader.read() for _ in range(2)][1]
    assert reader.is_right(before), (before, reader.device.truth())
    begun = apply(reader.device, fault)
    for _ in range(2 * TRIES):
        values = reader.read()
        assert values is None or all(math.isfinite(value) for value in values)
        assert values is None or fault != "crc" or name not in CHECKED
    begun.end()
    reader.bench.now += 60.0
    found = [reader.read() for _ in range(TRIES)]
    assert reader.is_right(found[-1]), (found, reader.device.truth())
