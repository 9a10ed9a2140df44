"""What may stand under a sensor's `filters` and `derive`; loaded only for one that has some."""

from sensors import NEEDED, Range, Whole

# A chain has so many filters at most.
LONGEST = 8
# Unit -> {unit it may become: (factor, offset, decimals more)}.
UNITS = {
    "°C": {"°F": (1.8, 32, 0), "K": (1, 273.15, 1)},
    "hPa": {"inHg": (0.0295299831, 0, 1), "kPa": (0.1, 0, 1), "mmHg": (0.750061683, 0, 0)},
    "m/s": {"km/h": (3.6, 0, 0), "kn": (1.94384449, 0, 0), "mph": (2.23693629, 0, 0)},
    "mm": {"in": (0.0393700787, 0, 2)},
}
# As sensors.QUANTITIES; their formulas are those of filters.DERIVED.
DERIVED = {
    "dew_point": ("dew_point", "°C", 1, None, None, "temperature"),
    "absolute_humidity": ("absolute_humidity", "g/m³", 1, None, None, "absolute_humidity"),
}
STATE = "no filter: a state is no number"
EVENTS = "none for this driver: what happens is told as it happens"


class Odd(Whole):
    """An odd number of values has a middle one."""

    def __contains__(self, value):
        return super().__contains__(value) and value % 2 == 1

    def __str__(self):
        return "an odd number from %d to %d" % (self.lowest, self.highest)


class Numbers:
    """A list of so many numbers."""

    def __init__(self, fewest, most):
        self.fewest = fewest
        self.most = most

    def __contains__(self, value):
        if not isinstance(value, list) or not self.fewest <= len(value) <= self.most:
            return False
        return all(number in NUMBER for number in value)

    def __str__(self):
        return "a list of %d to %d numbers" % (self.fewest, self.most)


class Points:
    """What was measured, and what is true."""

    def __contains__(self, value):
        if not isinstance(value, list) or not 2 <= len(value) <= 8:
            return False
        if not all(point in PAIR for point in value):
            return False
        return all(value[i][0] < value[i + 1][0] for i in range(len(value) - 1))

    def __str__(self):
        return "a list of 2 to 8 points [measured, true], measured ascending"


NUMBER = Range(-1_000_000, 1_000_000)
PAIR = Numbers(2, 2)
SECONDS = Range(0.1, 86400)
SIZE = Whole(2, 30)
CLAMP = {"low": (None, NUMBER), "high": (None, NUMBER)}
CALIBRATE = {"points": (None, Points()), "polynomial": (None, Numbers(1, 4))}
DEBOUNCE = {"readings": (None, Whole(2, 100)), "seconds": (None, SECONDS)}
# Filter -> what is allowed for its value. Those whose value is an object judge it themselves.
FILTERS = {
    "offset": NUMBER,
    "scale": NUMBER,
    "round": Whole(0, 4),
    "median": Odd(3, 15),
    "average": SIZE,
    "min": SIZE,
    "max": SIZE,
    "exponential": Range(0.01, 1),
    "delta": Range(0.001, 1_000_000),
    "throttle": SECONDS,
    "convert": None,
    "clamp": None,
    "calibrate": None,
    "debounce": None,
}


def check(judge, key, data, module):
    """Returns (quantities as they are published, filters.Filters' chains) of a sensor.

    `judge` is config's, `key` and `data` the sensor's. Chains is None for no filters at all.
    """
    if hasattr(module.Driver, "wait"):
        for name in ("filters", "derive"):
            if data.get(name) is not None:
                judge.fault(key + "." + name, data[name], EVENTS)
        return module.QUANTITIES, None
    before = len(judge.faults)
    quantities = list(module.QUANTITIES) + derived(judge, key + ".derive", data, module)
    lists = by_quantity(judge, key + ".filters", data.get("filters"), quantities)
    made = []
    for quantity in quantities:
        place, filters = lists.get(quantity[0], ("", []))
        made.append(Chain(judge, quantity).take(place, filters))
    once(judge.faults, before)
    chains = [chain.steps for chain in made]
    if not any(chains) and len(chains) == len(module.QUANTITIES):
        return module.QUANTITIES, None
    return [chain.published() for chain in made], chains


def once(faults, start):
    """Takes a list's repeated lines out: a list of filters is judged for each quantity."""
    for i in range(len(faults) - 1, start, -1):
        if faults[i] in faults[:i]:
            del faults[i]


def derived(judge, key, data, module):
    """Returns the quantities that are derived."""
    names = data.get("derive")
    if names is None:
        return []
    if not isinstance(names, list):
        judge.fault(key, names, "a list of " + ", ".join(sorted(DERIVED)))
        return []
    units = {one[0]: one[1] for one in module.QUANTITIES if one[3] is not None}
    if units.get("temperature") != "°C" or units.get("humidity") != "%":
        judge.fault(key, names, "none: it needs a sensor of temperature and humidity")
        return []
    return [DERIVED[name] for i, name in enumerate(names) if fresh(judge, key, names, i)]


def fresh(judge, key, names, i):
    """Returns whether the name at i is one, for the first time."""
    rest = [name for name in sorted(DERIVED) if name not in names[:i]]
    if names[i] in rest:
        return True
    judge.fault("%s[%d]" % (key, i), names[i], ", ".join(rest) or "no more")
    return False


def by_quantity(judge, key, data, quantities):
    """Returns {quantity: (key, list of filters)}."""
    names = [quantity[0] for quantity in quantities]
    if data is None:
        return {}
    if isinstance(data, list):
        return dict.fromkeys(names, (key, data))
    if not isinstance(data, dict):
        judge.fault(key, data, "a list of filters, or an object of lists by quantity")
        return {}
    found = {}
    for name in judge.keys(key, data):
        if name in names:
            found[name] = key + "." + name, data[name]
        else:
            judge.fault(key + "." + name, data[name], "one of these keys: " + ", ".join(names))
    return found


class Chain:
    """One quantity's filters, judged in their order."""

    def __init__(self, judge, quantity):
        self._judge = judge
        self._quantity = quantity
        # Unit and decimals as the filters so far leave them.
        self._unit, self._decimals = quantity[1:3]
        # True behind a delta.
        self._decided = False
        # [(name in filters.STEPS, arguments)].
        self.steps = []

    def take(self, key, filters):
        """Judges a list of filters; returns self."""
        if not isinstance(filters, list) or len(filters) > LONGEST:
            self._judge.fault(key, filters, "a list of up to %d filters" % LONGEST)
        elif filters and self._quantity[2] is None:
            self._judge.fault(key, filters, STATE)
        else:
            for i, data in enumerate(filters):
                self._add("%s[%d]" % (key, i), data)
        return self

    def published(self):
        """Returns the quantity as it is published; what filters make has no range of its own."""
        name, _, _, lowest, highest, kind = self._quantity
        if self.steps:
            lowest = highest = None
        return name, self._unit, self._decimals, lowest, highest, kind

    def _add(self, key, data):
        name = self._name(key, data)
        if not name:
            return
        key += "." + name
        if self._decided and name in ("delta", "throttle", "debounce"):
            # What it holds back the delta believes to be published.
            self._judge.fault(key, data[name], "%s before delta only" % name)
            return
        before, allowed = len(self._judge.faults), FILTERS[name]
        if allowed is not None:
            self._judge.value(key, data[name], NEEDED, allowed)
        if len(self._judge.faults) == before:
            make = getattr(self, "_" + name, None)
            self.steps.append(make(key, data) if make else (name, (data[name],)))

    def _name(self, key, data):
        # Returns the name of a filter, None if it isn't exactly one.
        names = self._judge.keys(key, data) if isinstance(data, dict) else []
        if names == ["heartbeat"]:
            allowed = 'with delta only: {"delta": 0.2, "heartbeat": 600}'
            self._judge.fault(key + ".heartbeat", data["heartbeat"], allowed)
        elif len(names) == 1 and names[0] not in FILTERS:
            allowed = "one of these keys: " + ", ".join(sorted(FILTERS))
            self._judge.fault(key + "." + names[0], data[names[0]], allowed)
        elif len(names) == 1 or names == ["delta", "heartbeat"]:
            return names[0]
        else:
            # Two in one object would have no order.
            self._judge.fault(key, data, 'an object with one filter, as {"median": 5}')

    def _section(self, key, data, fields):
        # Returns the object of a filter, None if it is faulty or empty.
        before = len(self._judge.faults)
        made = self._judge.section(key + ".", data, fields)
        if len(self._judge.faults) > before:
            return None
        if all(value is None for value in made.values()):
            self._judge.fault(key, data, "an object with " + ", ".join(sorted(fields)))
            return None
        return made

    def _offset(self, key, data):
        return "linear", (1, data["offset"])

    def _scale(self, key, data):
        return "linear", (data["scale"], 0)

    def _round(self, key, data):
        self._decimals = data["round"]
        return "round", (data["round"],)

    def _throttle(self, key, data):
        return "throttle", (milliseconds(data["throttle"]),)

    def _delta(self, key, data):
        self._decided = True
        beat = self._judge.value(key[:-5] + "heartbeat", data.get("heartbeat"), None, SECONDS)
        return "delta", (data["delta"], milliseconds(beat))

    def _clamp(self, key, data):
        made = self._section(key, data["clamp"], CLAMP)
        if not made:
            return None
        low, high = made["low"], made["high"]
        if low is not None and high is not None and low >= high:
            self._judge.fault(key + ".high", high, "more than low, %s" % low)
        # Beyond these no value goes on anyway (filters.LARGEST).
        return "clamp", (-3.4e38 if low is None else low, 3.4e38 if high is None else high)

    def _calibrate(self, key, data):
        made = self._section(key, data["calibrate"], CALIBRATE)
        if not made:
            return None
        if made["points"] and made["polynomial"]:
            self._judge.fault(key, data["calibrate"], "either points or polynomial")
        kind = "points" if made["points"] else "polynomial"
        return kind, (made[kind],)

    def _debounce(self, key, data):
        made = self._section(key, data["debounce"], DEBOUNCE)
        if not made:
            return None
        return "debounce", (made["readings"] or 1, milliseconds(made["seconds"]) or 0)

    def _convert(self, key, data):
        units, wanted = UNITS.get(self._unit, {}), data["convert"]
        names = sorted(units)
        if wanted not in names:
            allowed = ", ".join(names) or "nothing"
            self._judge.fault(key, wanted, "%s from %s" % (allowed, self._unit or "no unit"))
            return None
        factor, offset, more = units[wanted]
        self._unit = wanted
        self._decimals += more
        return "linear", (factor, offset)


def milliseconds(seconds):
    """Returns ms that have passed when that many seconds have, for a reading may be a bit early.

    A tenth of the time, 0.1 s at most, is let off. None for None.
    """
    if not isinstance(seconds, (int, float)):
        # Told already, or not there.
        return None
    ms = int(seconds * 1000)
    return ms - min(100, ms // 10)
