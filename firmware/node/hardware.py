"""The only room that touches pins and buses: makes what drivers are handed."""

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


def buses(config: dict) -> dict:
    """Returns an I2C bus for each name of the configuration. Raises ValueError for wrong pins."""
    # Sorted: MicroPython keeps no order of keys, and a bus should keep its number.
    return {name: _i2c(i, config[name]) for i, name in enumerate(sorted(config))}


def _i2c(number, bus):
    return I2C(number, scl=Pin(bus["scl"]), sda=Pin(bus["sda"]), freq=bus["frequency"])


def pin(sensor: dict) -> Pin:
    """Returns the input a sensor is wired to. Raises ValueError for a pin the chip hasn't."""
    return Pin(sensor["pin"], Pin.IN, PULLS[sensor["pull"]])


def boots() -> int:
    """Returns how often the board has booted, wake-ups apart; boot.py counts."""
    try:
        return NVS("fieldpost").get_i32("boots")
    except OSError:
        return 0
