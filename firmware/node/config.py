"""The node's configuration: config.json, checked once at boot and by the host's tools alike.

Each fault is one line: the key, the value and what is allowed.
"""

import json

import sensors
from node import topics
from node.allowed import ClientId, Host, Level, Text

PATH = "config.json"

# The shortest time-out of the watchdog, s.
WATCHDOG_MIN = 30


class ConfigError(ValueError):
    """The configuration can't be used; `faults` has a line for each reason."""

    def __init__(self, faults):
        super().__init__("; ".join(faults))
        self.faults = faults


class Watchdog(sensors.Whole):
    """Seconds; less than resolving a name may block is a board that resets for ever."""

    def __init__(self):
        super().__init__(WATCHDOG_MIN, 3600)

    def __contains__(self, value):
        return value == 0 or super().__contains__(value)

    def __str__(self):
        return "0 or " + super().__str__()


# Key -> (default, allowed); NEEDED has no default.
NEEDED = sensors.NEEDED
PIN = sensors.Whole(0, 48)
IDENTITY = {
    level: (NEEDED if level in topics.REQUIRED else None, Level()) for level in topics.LEVELS
}
WIFI = {"ssid": (NEEDED, Text(1, 32)), "password": ("", Text(8, 64, True))}
BROKER = {
    "host": (NEEDED, Host()),
    "port": (1883, sensors.Whole(1, 65535)),
    # With the longest topic these two fit into the client's buffer.
    "user": (None, Text(1, 256)),
    "password": (None, Text(0, 384)),
    "keep_alive": (60, sensors.Whole(1, 65535)),
    "client_id": (None, ClientId()),
}
BUS = {
    "scl": (NEEDED, PIN),
    "sda": (NEEDED, PIN),
    "frequency": (100000, sensors.Whole(1000, 1000000)),
}
SENSOR = {
    "driver": (NEEDED, Text(1, 32)),
    "interval": (60.0, sensors.Range(0.1, 86400)),
    # Readings at multiples of the interval on the clock, UTC.
    "align": (False, (False, True)),
    # None: 1 for what happens, 0 for what is measured.
    "qos": (None, sensors.Whole(0, 1)),
    # True: the broker keeps the last value for late subscribers.
    "retain": (False, (False, True)),
}
TOP = {
    "payload": ("json", ("json", "value")),
    "time_server": ("pool.ntp.org", Host()),
    "watchdog": (120, Watchdog()),
}
SECTIONS = ("identity", "wifi", "broker", "buses", "sensors")
# The keys of a sensor that filter_rules.py judges.
FILTERED = ("derive", "filters")
ABSENT = "none, for this build has no filters: deploy this configuration"


def load(path: str = PATH) -> dict:
    """Reads and checks a file. Raises ConfigError."""
    try:
        with open(path) as file:
            data = json.load(file)
    except OSError:
        raise ConfigError(["%s: not found: copy one to the board's root" % path])
    except ValueError as error:
        raise ConfigError(["%s: no valid JSON: %s" % (path, error)])
    return check(data)


def check(data) -> dict:
    """Returns the configuration, its defaults filled in. Raises ConfigError with all faults."""
    return _Check().config(data)


class _Check:
    def __init__(self):
        # What was found wrong so far.
        self.faults = []
        # Topic level -> the sensor that has it.
        self.taken = {}
        # Pin, (bus, address) or (pin, ROM code) -> the key that uses it.
        self.used = {}
        # Pin -> the ROM codes of the sensors so far on its 1-Wire bus.
        self.roms = {}

    def config(self, data):
        if not isinstance(data, dict):
            raise ConfigError(["configuration: %s is no object" % _shown("", data)])
        config = self.section("", data, TOP, SECTIONS)
        config["wifi"] = self.section("wifi.", data.get("wifi"), WIFI)
        config["broker"] = self.broker(data.get("broker"))
        config["identity"] = self.section("identity.", data.get("identity"), IDENTITY)
        config["buses"] = self.buses(data.get("buses", {}))
        config["sensors"] = self.sensors(data.get("sensors"), config["buses"])
        self.lengths(config)
        if self.faults:
            raise ConfigError(self.faults)
        return config

    def fault(self, key, value, allowed):
        self.faults.append("%s: %s: allowed is %s" % (key, _shown(key, value), allowed))

    def section(self, prefix, data, fields, others=()):
        """Returns the values of an object's keys, defaults where there are none."""
        if not isinstance(data, dict):
            self.no_object(prefix[:-1], data, "an object with " + ", ".join(sorted(fields)))
            return {}
        for key in self.keys(prefix[:-1], data):
            if key not in fields and key not in others:
                known = sorted(fields) + sorted(others)
                self.fault(prefix + key, data[key], "one of these keys: " + ", ".join(known))
        return {key: self.value(prefix + key, data.get(key), *fields[key]) for key in fields}

    def no_object(self, key, data, allowed):
        if data is None:
            self.faults.append("%s: missing: needed is %s" % (key, allowed))
        else:
            self.fault(key, data, allowed)

    def use(self, key, what, value):
        """Notes that a pin or an address is used; twice is a fault."""
        if what in self.used:
            self.fault(key, value, "another than %s" % self.used[what])
        self.used[what] = key

    def keys(self, where, data):
        """Returns the sorted keys of an object."""
        keys = [key for key in data if isinstance(key, str)]
        if len(keys) < len(data):
            # MicroPython's json takes {1: 2}.
            self.fault(where or "configuration", data, "text for each key")
        return sorted(keys)

    def value(self, key, value, default, allowed):
        if value is None:
            if default is NEEDED:
                self.faults.append("%s: missing: needed is %s" % (key, listed(key, allowed)))
            return default
        if value not in allowed or not _alike(value, default):
            self.fault(key, value, listed(key, allowed))
        return value

    def broker(self, data):
        broker = self.section("broker.", data, BROKER)
        if broker.get("password") is not None and broker["user"] is None:
            # MQTT 3.1.1, 3.1.2.9.
            self.faults.append("broker.user: missing: needed with a broker.password")
        return broker

    def buses(self, data):
        if not isinstance(data, dict):
            self.fault("buses", data, "an object of buses by name")
            return {}
        return {name: self.bus("buses." + name, data[name]) for name in self.keys("buses", data)}

    def bus(self, key, data):
        bus = self.section(key + ".", data, BUS)
        for line in ("scl", "sda"):
            if bus.get(line) in PIN:
                self.use(key + "." + line, bus[line], bus[line])
        return bus

    def sensors(self, data, buses):
        if not isinstance(data, list) or not data:
            self.no_object("sensors", data, "a list with at least one sensor")
            return []
        found = (self.sensor("sensors[%d]" % i, entry, buses) for i, entry in enumerate(data))
        return [sensor for sensor in found if sensor]

    def sensor(self, key, data, buses):
        driver = data.get("driver") if isinstance(data, dict) else None
        module = sensors.load(driver) if isinstance(driver, str) else None
        if module is None:
            names = tuple(sensors.names())
            if isinstance(data, dict):
                self.value(key + ".driver", driver, NEEDED, names)
            else:
                self.fault(key + ".driver", None, "one of " + ", ".join(names))
            return None
        fields = dict(module.OPTIONS)
        for name in fields:
            data = _numeral(data, name)
        fields.update(SENSOR)
        fields["name"] = (None, Level())
        fields.update(wiring(module.BUS, buses))
        sensor = self.section(key + ".", data, fields, FILTERED)
        self.wires(key, sensor, module.BUS)
        sensor["options"] = {name: sensor.pop(name) for name in module.OPTIONS}
        sensor["quantities"], sensor["filters"] = self.filters(key, data, module)
        sensor["levels"] = self.levels(key, sensor["name"], sensor["quantities"])
        return sensor

    def filters(self, key, data, module):
        """Returns the quantities as they are published, and the filters' chains or None."""
        given = [name for name in FILTERED if data.get(name) is not None]
        if not given:
            return module.QUANTITIES, None
        try:
            # Late: a node without any needs none of it.
            from node import filter_rules
        except ImportError:
            self.fault(key + "." + given[0], data[given[0]], ABSENT)
            return module.QUANTITIES, None
        return filter_rules.check(self, key, data, module)

    def wires(self, key, sensor, kind):
        """Notes the pins or the address a sensor has."""
        if kind == "one_wire":
            self.one_wire(key, sensor)
            return
        for line in ("pin", "trigger"):
            if sensor.get(line) in PIN:
                self.use(key + "." + line, sensor[line], sensor[line])
        if isinstance(sensor.get("bus"), str) and isinstance(sensor.get("address"), int):
            self.use(key + ".address", (sensor["bus"], sensor["address"]), sensor["address"])

    def one_wire(self, key, sensor):
        """Notes a sensor on a 1-Wire bus: several share a pin if each has its ROM code."""
        pin, rom = sensor.get("pin"), sensor.get("rom")
        if pin not in PIN:
            return
        roms = self.roms.setdefault(pin, [])
        if not roms:
            self.use(key + ".pin", pin, pin)
        roms.append(rom)
        if isinstance(rom, str):
            self.use(key + ".rom", (pin, rom.lower()), rom)
        if len(roms) > 1 and (rom is None or roms == [None, rom]):
            self.faults.append("%s.rom: each on pin %d needs one: they share its bus" % (key, pin))

    def levels(self, key, name, quantities):
        """Returns the topic level of each quantity a driver delivers."""
        if name is not None and topics.level_fault(name):
            # Told already.
            return []
        levels = [_level(name, quantity[0], len(quantities)) for quantity in quantities]
        for level in levels:
            if level in topics.RESERVED:
                self.fault(key + ".name", level, "any name but " + ", ".join(topics.RESERVED))
            elif level in self.taken:
                other = "a name that %s hasn't" % self.taken[level]
                self.fault(key + ".name", level, other)
            self.taken[level] = key
        return levels

    def lengths(self, config):
        if self.faults:
            return
        try:
            made = topics.Topics(config["identity"])
            for level in sorted(self.taken):
                made.of(level)
        except topics.TopicError as error:
            self.faults.append("identity: %s" % error)


def _alike(value, default):
    # To Python True is 1 and 1.0 is 1; to who writes a configuration they are three things.
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return not (isinstance(value, float) and isinstance(default, int))


def _level(name, quantity, count):
    if name is None:
        return quantity
    return name if count == 1 else name + "-" + quantity


def wiring(kind, buses):
    """Returns {key: (default, allowed)} of where a sensor is connected, by its driver's BUS."""
    if kind == "i2c":
        names = tuple(sorted(buses))
        return {"bus": (names[0] if len(names) == 1 else NEEDED, names)}
    if kind == "pin":
        return {"pin": (NEEDED, PIN), "pull": ("up", ("up", "down", "none"))}
    if kind == "one_wire":
        return {"pin": (NEEDED, PIN)}
    if kind == "echo":
        return {"pin": (NEEDED, PIN), "trigger": (NEEDED, PIN)}
    if kind == "adc":
        # dB; a whole number will do as well.
        return {"pin": (NEEDED, PIN), "attenuation": (11.0, (0, 2.5, 6, 11))}
    return {}


def _numeral(data, name):
    # JSON has no hexadecimal numbers, but I2C addresses are written so everywhere.
    value = data.get(name)
    if not isinstance(value, str) or value[:2] != "0x":
        return data
    try:
        return dict(data, **{name: int(value, 16)})
    except ValueError:
        return data


def listed(key, allowed):
    """Returns what is allowed for a key, as a text."""
    if not isinstance(allowed, tuple):
        return allowed
    return ", ".join(_json(key, value) for value in allowed) or "a bus defined under buses"


def _json(key, value):
    # As people write it in the file.
    if key.endswith("address") and isinstance(value, int):
        return "0x%02x" % value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(key, value):
    # A password is no text for a console, mistyped or in a section that is.
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    hidden = any(word in key.lower() for word in ("pas", "psk", "secret"))
    if hidden and value is not None:
        return "(hidden)"
    return _json(key, value) if type(value) is int else repr(value)
