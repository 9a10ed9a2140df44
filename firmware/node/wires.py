"""The rest of hardware.py: what few drivers are handed, loaded when there is one."""

import asyncio

from esp32 import NVS
from machine import ADC, Pin, time_pulse_us

# Attenuations of the ADC, dB and what the port calls them.
ATTENUATIONS = (
    (0, ADC.ATTN_0DB),
    (2.5, ADC.ATTN_2_5DB),
    (6, ADC.ATTN_6DB),
    (11, ADC.ATTN_11DB),
)


class Wires:
    """A method for each BUS, which takes a sensor; ValueError for a pin that the chip hasn't."""

    def __init__(self):
        # The 1-Wire buses by pin: sensors share them.
        self._one_wire = {}

    def one_wire(self, sensor: dict):
        """Returns the OneWireBus of the sensor's pin."""
        number = sensor["pin"]
        if number not in self._one_wire:
            self._one_wire[number] = OneWireBus(Pin(number))
        return self._one_wire[number]

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


class OneWireBus:
    """A 1-Wire bus, and the lock by which its sensors take turns."""

    def __init__(self, pin: Pin):
        # The image's own; only this kind needs it.
        from onewire import OneWire

        self.wire = OneWire(pin)
        self.lock = asyncio.Lock()


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
