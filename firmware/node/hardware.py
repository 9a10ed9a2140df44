"""The only room that touches pins and buses: makes what drivers are handed.

The rarer ones are in wires.py, which is loaded with the first of them; rescue.py is with the first
I2C bus that fails.
"""

import gc

from esp32 import NVS
from machine import I2C, Pin

PULLS = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN, "none": None}


class Chip:
    """What the chip's own driver reads."""

    def __init__(self, wifi, clock):
        self.rssi = wifi.rssi
        self._clock = clock

    def free_heap(self) -> int:
        """Returns the free bytes, what can be collected included."""
        gc.collect()
        return gc.mem_free()

    def uptime(self) -> int:
        """Returns s since the start."""
        return self._clock.uptime() // 1000


class Buses:
    """Makes what drivers are handed. `config` are the I2C buses by name.

    All of it raises ValueError for pins that the chip hasn't.
    """

    def __init__(self, config: dict):
        # Sorted: MicroPython keeps no order of keys, and a bus should keep its number.
        self._i2c = {name: Line(i, name, config[name]) for i, name in enumerate(sorted(config))}
        # What makes the others; None until one is needed.
        self._wires = None

    def of(self, kind: str, sensor: dict):
        """Returns what a sensor's driver is handed, by its BUS."""
        if kind == "i2c":
            return self.line(sensor).i2c
        if kind == "pin":
            return Pin(sensor["pin"], Pin.IN, PULLS[sensor["pull"]])
        return getattr(self._others(), kind)(sensor)

    def line(self, sensor: dict):
        """Returns the Line of a sensor with an I2C bus."""
        return self._i2c[sensor["bus"]]

    async def scan(self) -> dict:
        """Returns {I2C bus: {address: drivers it could be of} or why it can't be scanned}."""
        found = {}
        for name in sorted(self._i2c):
            found[name] = await self._i2c[name].scan()
        return found

    def store(self, sensor: dict):
        """Returns what keeps a number for a sensor."""
        return self._others().store(sensor)

    def _others(self):
        if self._wires is None:
            # Late: few nodes have any.
            from node.wires import Wires

            self._wires = Wires()
        return self._wires


class Line:
    """An I2C bus, and what helps when it fails."""

    def __init__(self, number: int, name: str, config: dict):
        self._number = number
        self._name = name
        self._config = config
        # What drivers are handed: the port has one object a number, however often it is made.
        self.i2c = self._made()

    def held(self) -> str:
        """Returns the line that is low though nobody talks, "scl" or "sda", '' if none is."""
        for line in ("scl", "sda"):
            # As it is, without taking the pin from the bus.
            if not Pin(self._config[line]).value():
                return line
        return ""

    def recover(self) -> str:
        """Frees SDA if a device holds it low, and sets the bus up anew. Takes 1 ms.

        Returns what is wrong with the bus then, '' if nothing is to be seen.
        """
        if not self.held():
            self._made()
            return ""
        from node import rescue

        lines = [Pin(self._config[one], Pin.OPEN_DRAIN, value=1) for one in ("scl", "sda")]
        held = rescue.free(*lines)
        self._made()
        return rescue.told(self._name, held, self._config[held]) if held else ""

    async def scan(self):
        """Returns {address: drivers it could be of}, or why there can be no scan. Awaited."""
        from node import rescue

        held = self.held()
        if held:
            return rescue.told(self._name, held, self._config[held])
        return await rescue.scan(self.i2c)

    async def told(self) -> str:
        """Returns in words what a scan has found."""
        found = await self.scan()
        if not isinstance(found, dict):
            return found
        names = ["%s (%s)" % (one, found[one] or "unknown") for one in sorted(found)]
        return "bus %s has %s" % (self._name, ", ".join(names) or "nobody who answers")

    def _made(self):
        config = self._config
        scl, sda = Pin(config["scl"]), Pin(config["sda"])
        return I2C(self._number, scl=scl, sda=sda, freq=config["frequency"])


def boots() -> int:
    """Returns how often the board has booted, wake-ups apart; boot.py counts."""
    try:
        return NVS("fieldpost").get_i32("boots")
    except OSError:
        return 0
