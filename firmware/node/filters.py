"""Reading filters: what becomes of a sensor's values between its driver and the outbox.

No I/O and no clock: the running time in ms is handed in. All memory is taken at the start, and
values in a window are single precision, as a chip's floats are.
"""

import math
from array import array

from sensors import Range, SensorError

# Beyond it a float of single precision is infinite.
LARGEST = 3.4e38


class Filters:
    """The filters of one sensor.

    `measured` are its driver's quantities, `published` the same as they leave the filters, derived
    ones behind them. `chains` has a list of (name in STEPS, arguments) for each of `published`.
    """

    def __init__(self, measured, published, chains):
        self.published = published
        self._chains = [[STEPS[name](*arguments) for name, arguments in one] for one in chains]
        self._measured = measured
        self._formulas = [DERIVED[quantity[0]] for quantity in published[len(measured) :]]

    def over(self, own) -> tuple:
        """Returns `published`, where it is as `measured` with what the driver has of its own."""
        made = []
        for i in range(len(own)):
            parts = zip(own[i], self._measured[i], self.published[i])
            made.append(tuple(mine if after == before else after for mine, before, after in parts))
        return tuple(made) + tuple(self.published[len(own) :])

    def derived(self, values) -> list:
        """Returns what is derived of a reading as it was measured, None where it lacks a part."""
        if not self._formulas:
            return []
        good = {}
        for value, (name, _, _, lowest, highest, _) in zip(values, self._measured):
            if name in ("temperature", "humidity") and value in Range(lowest, highest):
                good[name] = value
        if len(good) < 2:
            return [None] * len(self._formulas)
        return [formula(good["temperature"], good["humidity"]) for formula in self._formulas]

    def put(self, i: int, value, now_ms: int):
        """Returns what is published of a value of quantity i, None if nothing is.

        Raises SensorError for what comes to no number.
        """
        made = value
        try:
            for step in self._chains[i]:
                made = step(made, now_ms)
                if made is None:
                    return None
                if not -LARGEST < made < LARGEST:
                    # NaN, too.
                    raise ValueError
        except (ArithmeticError, TypeError, ValueError):
            name = self.published[i][0]
            raise SensorError("%s: its filters make no number of %r" % (name, value))
        return made


# ---- Steps: each is called with a value and ms, and returns a value or None ------------------


def linear(factor, offset):
    """Offset, scale and conversion of units."""
    return lambda value, now: value * factor + offset


def clamp(low, high):
    """The nearest value from low to high."""
    return lambda value, now: min(max(value, low), high)


def rounded(decimals):
    """To so many decimals, half a unit upwards."""
    units = 10**decimals
    return lambda value, now: math.floor(value * units + 0.5) / units


def points(table):
    """Straight lines through [measured, true], measured ascending; the outer ones go on."""

    def step(value, now):
        i = 1
        while i < len(table) - 1 and value > table[i][0]:
            i += 1
        (x, y), (next_x, next_y) = table[i - 1], table[i]
        return y + (value - x) * (next_y - y) / (next_x - x)

    return step


def polynomial(coefficients):
    """The first is the constant, the next are those of value, value squared and cubed."""

    def step(value, now):
        made = 0
        for coefficient in reversed(coefficients):
            made = made * value + coefficient
        return made

    return step


class Window:
    """What `pick` makes of the last `size` values; of fewer, as long as there are fewer."""

    def __init__(self, pick, size):
        self._pick = pick
        self._ring = array("f", [0.0] * size)
        # Values so far.
        self._count = 0

    def __call__(self, value, now):
        size = len(self._ring)
        self._ring[self._count % size] = value
        self._count += 1
        return self._pick(self._ring[: min(self._count, size)])


def median(values):
    """The middle one; of an even number the upper of the two."""
    return sorted(values)[len(values) // 2]


def mean(values):
    """Found from differences: in single precision a sum of values loses digits."""
    first = values[0]
    return first + sum([value - first for value in values]) / len(values)


class Exponential:
    """Moves by the share `alpha` of the way to each new value."""

    def __init__(self, alpha):
        self._alpha = alpha
        # Where it is, None before the first value.
        self._mean = None

    def __call__(self, value, now):
        mean = value if self._mean is None else self._mean
        mean += self._alpha * (value - mean)
        if -LARGEST < mean < LARGEST:
            # From anything else it would never come back.
            self._mean = mean
        return mean


class Delta:
    """Lets pass what is at least `delta` from what passed last, and what comes `ms` after it."""

    def __init__(self, delta, ms):
        self._delta = delta
        # None without heartbeat.
        self._ms = ms
        # What passed last, and when; None before the first.
        self._last = None
        self._since = 0

    def __call__(self, value, now):
        if self._last is not None and not self._due(now):
            # 20.2 - 20.0 is no 0.2 to a float: a millionth is on the safe side in both precisions.
            enough = self._delta - 1e-6 * (abs(value) + self._delta)
            if abs(value - self._last) < enough:
                return None
        self._last, self._since = value, now
        return value

    def _due(self, now):
        return self._ms is not None and now - self._since >= self._ms


class Throttle:
    """Lets nothing pass within `ms` of what passed last."""

    def __init__(self, ms):
        self._ms = ms
        # When something passed last, None before the first.
        self._since = None

    def __call__(self, value, now):
        if self._since is not None and now - self._since < self._ms:
            return None
        self._since = now
        return value


class Debounce:
    """Lets a value pass once it was the same for so many readings and `ms`."""

    def __init__(self, readings, ms):
        self._readings = readings
        self._ms = ms
        # The value that has to stay, how many readings it was there, and since when.
        self._value = None
        self._count = 0
        self._since = 0

    def __call__(self, value, now):
        if value != self._value:
            self._value, self._count, self._since = value, 0, now
        self._count += 1
        stayed = self._count >= self._readings and now - self._since >= self._ms
        return value if stayed else None


STEPS = {
    "linear": linear,
    "clamp": clamp,
    "round": rounded,
    "points": points,
    "polynomial": polynomial,
    "median": lambda size: Window(median, size),
    "average": lambda size: Window(mean, size),
    "min": lambda size: Window(min, size),
    "max": lambda size: Window(max, size),
    "exponential": Exponential,
    "delta": Delta,
    "throttle": Throttle,
    "debounce": Debounce,
}


# ---- Derived quantities: Magnus' formula over water, °C and % -------------------------------
# The constants are those of WMO-No. 8, annex 4.B: good from -45 to 60 °C.


def dew_point(celsius, percent):
    """Returns °C; NaN for air without any humidity, which has none."""
    if percent <= 0:
        return float("nan")
    exponent = math.log(percent / 100) + 17.62 * celsius / (243.12 + celsius)
    return 243.12 * exponent / (17.62 - exponent)


def absolute_humidity(celsius, percent):
    """Returns the mass of water vapour in the air, g/m³: e / (461.5 J/(kg K) * T)."""
    pascals = percent * 6.112 * math.exp(17.62 * celsius / (243.12 + celsius))
    return 1000 * pascals / (461.5 * (273.15 + celsius))


DERIVED = {"dew_point": dew_point, "absolute_humidity": absolute_humidity}
