"""The only room that touches pins and buses: makes what drivers are handed."""

import asyncio
import gc

from esp32 import NVS
from machine import ADC, I2C, Pin, time_pulse_us

PULLS = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN, "none": None}
# Attenuations of the ADC, dB and what the port calls them.
ATTENUATIONS = (
    (0, ADC.ATTN_0DB),
    (2.5, ADC.ATTN_2_5DB),
    (6, ADC.ATTN_6DB),
    (11, ADC.ATTN_11DB),
)


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
    """Makes what drivers are handed: a method for each BUS of theirs, which takes a sensor.

    `config` are the I2C buses by name. All raise ValueError for pins that the chip hasn't.
    """

    def __init__(self, config: dict):
        # Sorted: MicroPython keeps no order of keys, and a bus should keep its number.
        self._i2c = {name: _i2c(i, config[name]) for i, name in enumerate(sorted(config))}
        # The 1-Wire buses by pin: sensors share them.
        self._wires = {}

    def i2c(self, sensor: dict) -> I2C:
        """Returns the bus that has the sensor's name for it."""
        return self._i2c[sensor["bus"]]

    def pin(self, sensor: dict) -> Pin:
        """Returns the input that a sensor is wired to."""
        return Pin(sensor["pin"], Pin.IN, PULLS[sensor["pull"]])

    def one_wire(self, sensor: dict):
        """Returns the OneWireBus of the sensor's pin."""
        number = sensor["pin"]
        if number not in self._wires:
            self._wires[number] = OneWireBus(Pin(number))
        return self._wires[number]

    def adc(self, sensor: dict) -> ADC:
        """Returns the ADC of the sensor's pin, at its attenuation."""
        atten = [name for decibel, name in ATTENUATIONS if decibel == sensor["attenuation"]]
        return ADC(Pin(sensor["pin"]), atten=atten[0])

    def echo(self, sensor: dict):
        """Returns the EchoPins of the sensor's two pins."""
        return EchoPins(Pin(sensor["trigger"], Pin.OUT, value=0), Pin(sensor["pin"], Pin.IN))

    def store(self, sensor: dict):
        """Returns the Store of the sensor's pin."""
        return Store("pin%d" % sensor["pin"])


class EchoPins:
    """A pin that asks and a pin that is answered on."""

    def __init__(self, trigger: Pin, echo: Pin):
        self.trigger = trigger
        self.echo = echo

    def pulse_us(self, timeout_us: int) -> int:
        """Returns the length of a high pulse; -2 when none begins in time, -1 when it lasts."""
        return time_pulse_us(self.echo, 1, timeout_us)


class Store:
    """A whole number in NVS. What isn't there, or can't be read, is 0."""

    def __init__(self, key: str):
        self._nvs = NVS("fieldpost")
        self._key = key

    def load(self) -> int:
        """Returns the number."""
        try:
            return self._nvs.get_i32(self._key)
        except OSError:
            return 0

    def save(self, number: int):
        """Writes the number, below 2^31. Raises OSError."""
        self._nvs.set_i32(self._key, number)
        self._nvs.commit()


class OneWireBus:
    """A 1-Wire bus, and the lock by which its sensors take turns."""

    def __init__(self, pin):
        # Loaded late: few nodes have one.
        from onewire import OneWire

        self.wire = OneWire(pin)
        self.lock = asyncio.Lock()


def _i2c(number, bus):
    return I2C(number, scl=Pin(bus["scl"]), sda=Pin(bus["sda"]), freq=bus["frequency"])


def boots() -> int:
    """Returns how often the board has booted, wake-ups apart; boot.py counts."""
    try:
        return NVS("fieldpost").get_i32("boots")
    except OSError:
        return 0
