"""The only room that touches pins and buses: makes what drivers are handed.

The rarer ones are in wires.py, which is loaded with the first of them; rescue.py is with the first
I2C bus that fails.
"""

import gc

import esp32
from esp32 import NVS
from machine import I2C, Pin, reset_cause

PULLS = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN, "none": None}


class Chip:
    """What the chip's own driver reads."""

    def __init__(self, wifi, clock):
        self.rssi = wifi.rssi
        self.reset_cause = reset_cause
        # Returns the chip's own °C, a whole number; None where it has no thermometer.
        self.celsius = _thermometer()
        self._clock = clock

    def free_heap(self) -> int:
        """Returns the free bytes, what can be collected included."""
        gc.collect()
        return gc.mem_free()

    def uptime(self) -> int:
        """Returns s since the start."""
        return self._clock.uptime() // 1000


def _thermometer():
    if hasattr(esp32, "raw_temperature"):
        # The first ESP32's tells °F.
        return lambda: ((esp32.raw_temperature() - 32) * 10 + 9) // 18
    return getattr(esp32, "mcu_temperature", None)


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
        """Returns {I2C bus: what answers on it} (rescue.py)."""
        from node import rescue

        found = {}
        for name in self._i2c:
            found[name] = await rescue.scan(self._i2c[name])
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
    """An I2C bus; what helps when it fails is in rescue.py."""

    def __init__(self, number: int, name: str, config: dict):
        self._number = number
        self.name = name
        # Its pins and frequency, as configured.
        self.config = config
        # What drivers are handed.
        self.i2c = self.made()

    def made(self):
        """Sets the bus up: the port has one object a number, so drivers keep what they have."""
        config = self.config
        scl, sda = Pin(config["scl"]), Pin(config["sda"])
        return I2C(self._number, scl=scl, sda=sda, freq=config["frequency"])

    def held(self) -> str:
        """Returns the line that is low though nobody talks, "scl" or "sda", '' if none is."""
        for line in ("scl", "sda"):
            # As it is, without taking the pin from the bus.
            if not Pin(self.config[line]).value():
                return line
        return ""

    def taken(self) -> list:
        """Takes SCL and SDA from the bus until made(): open drain, high."""
        return [Pin(self.config[line], Pin.OPEN_DRAIN, value=1) for line in ("scl", "sda")]

    def recover(self) -> str:
        """See rescue.py."""
        from node import rescue

        return rescue.recover(self)

    async def told(self) -> str:
        """See rescue.py."""
        from node import rescue

        return await rescue.told(self)


def boots() -> int:
    """Returns how often the board has booted, wake-ups apart; boot.py counts."""
    try:
        return NVS("fieldpost").get_i32("boots")
    except OSError:
        return 0
