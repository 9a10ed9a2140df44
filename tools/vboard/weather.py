"""Quantities that go up and down like weather, by a seed and the time alone."""

import hashlib
import math
import threading

DAY_S = 86_400


def shape(base, swing, period_s, noise, least=-math.inf, most=math.inf) -> dict:
    """Returns what a quantity is like while no script says otherwise.

    `base` is its mean, a number or a range from which each seed draws its own, `swing` half the
    height of the daily wave, `period_s` its length, `noise` the largest deviation by noise.
    Nothing goes below `least` and beyond `most`, which no script changes.
    """
    words = {"base": base, "swing": swing, "period_s": period_s, "noise": noise}
    return {**words, "least": least, "most": most}


# What every world has, in the units of the readings: °C, % of relative humidity, hPa, lx, ppm;
# % of water in soil, cm to what is nearest, % of charge; V and A of whatever is measured.
QUANTITIES = {
    "temperature": shape((19.0, 24.0), 1.5, DAY_S, 0.4),
    "humidity": shape((38.0, 58.0), 5.0, DAY_S, 1.5, 0.0, 100.0),
    "pressure": shape((995.0, 1028.0), 3.0, 3 * DAY_S, 0.6),
    "illuminance": shape((180.0, 450.0), 120.0, DAY_S, 6.0, 0.0),
    "co2": shape((500.0, 900.0), 80.0, DAY_S, 6.0, 0.0),
    "moisture": shape((30.0, 60.0), 4.0, 3 * DAY_S, 0.5, 0.0, 100.0),
    "distance": shape((60.0, 180.0), 20.0, DAY_S / 2, 0.5, 0.0),
    "battery": shape((60.0, 90.0), 8.0, DAY_S, 0.2, 0.0, 100.0),
    "voltage": shape((1.0, 1.8), 0.1, DAY_S, 0.02),
    "current": shape((0.05, 0.25), 0.02, DAY_S, 0.01),
}

# lx of full light to what the sun charges, and the seconds in which it is taken for constant.
FULL_LIGHT_LX = 1000
BATTERY_STEP_S = 10

# Seconds from one independent value of the noise to the next, and the share each has of it:
# draughts within a minute, people and heating within a quarter of an hour.
_NOISE = ((40.0, 0.3), (900.0, 0.7))


class Weather:
    """A quantity by its shape (QUANTITIES): a base, a slow wave and smooth noise."""

    def __init__(self, seed, shape):
        base = shape["base"]
        if isinstance(base, tuple):
            lowest, highest = base
            base = lowest + (highest - lowest) * _draw(seed, "base")
        self._seed, self._base = seed, base
        self._swing, self._period, self._noise = shape["swing"], shape["period_s"], shape["noise"]
        self._least, self._most = shape["least"], shape["most"]
        # Where in its period the wave stands at time 0.
        self._phase = _draw(seed, "phase")
        # The last values drawn for the noise, by grain and index: neighbours in time share them.
        self._drawn = {}

    def at(self, when: float) -> float:
        wave = math.sin(2 * math.pi * (when / self._period + self._phase))
        noise = sum(share * self._smooth(when / grain, grain) for grain, share in _NOISE)
        value = self._base + self._swing * wave + self._noise * noise
        return min(max(value, self._least), self._most)

    def _smooth(self, position, grain):
        # From one drawn value to the next on a curve without corners, within -1..1.
        index = math.floor(position)
        x = position - index
        left, right = self._point(grain, index), self._point(grain, index + 1)
        return left + (right - left) * x * x * (3 - 2 * x)

    def _point(self, grain, index):
        drawn = self._drawn.get((grain, index))
        if drawn is None:
            if len(self._drawn) > 16:
                self._drawn.clear()
            drawn = self._drawn[grain, index] = 2 * _draw(self._seed, grain, index) - 1
        return drawn


class Battery:
    """A battery that drains and that the sun charges, % of its charge.

    It begins with `charge`, loses `drain_per_h` and gains up to `sun_per_h` in full light;
    `light(when)` returns lx.
    """

    def __init__(self, charge, drain_per_h, sun_per_h, light):
        self._drain, self._sun, self._light = drain_per_h / 3600, sun_per_h / 3600, light
        # Its charge at the beginning of each step, as far as it was asked for.
        self._charges = [charge]
        # Boards ask from threads of their own.
        self._lock = threading.Lock()

    def at(self, when: float) -> float:
        step = max(0, int(when // BATTERY_STEP_S))
        with self._lock:
            while len(self._charges) <= step:
                self._charges.append(self._after(len(self._charges) - 1, BATTERY_STEP_S))
        return self._after(step, max(0, when - step * BATTERY_STEP_S))

    def _after(self, step, seconds):
        # Light is what it is at the beginning of the step.
        light = self._light(step * BATTERY_STEP_S) if self._sun else 0
        rate = self._sun * min(light / FULL_LIGHT_LX, 1) - self._drain
        return min(max(self._charges[step] + rate * seconds, 0.0), 100.0)


def _draw(*key):
    # A number in 0..1 that depends on the key alone, the same on every machine and version.
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
