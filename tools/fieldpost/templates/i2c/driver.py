# Example: temperature over I2C. Change: what sensor, by what data sheet.
# pyright: reportAttributeAccessIssue=false

import asyncio

from sensors import SensorError
from sensors._crc8 import crc8

# Change: (name, unit, decimals, lowest, highest, Home Assistant's device class) of each value.
QUANTITIES = (("temperature", "°C", 2, -40, 125, "temperature"),)
BUS = "i2c"
# Change: its address at first, and all that it can have.
OPTIONS = {"address": (0x48, (0x48, 0x49))}
# Change: ms from power-on until it can measure.
READY_MS = 5

# Change: its commands, and the ms that they take at most and one more: a sleep of n ms may end
# after n - 1.
_MEASURE = b"\xe3"
_MEASURE_MS = 11


class Driver:
    """An example that measures when it is told to."""

    def __init__(self, bus, address: int = 0x48):
        self._bus = bus
        self._address = address
        # The last answer: a word and its check sum.
        self._frame = bytearray(3)

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 2 decimals. Takes 11 ms, awaited.

        Raises OSError when the bus fails, SensorError when the check sum is wrong.
        """
        self._bus.writeto(self._address, _MEASURE)
        await asyncio.sleep_ms(_MEASURE_MS)
        self._bus.readfrom_into(self._address, self._frame)
        return (self._celsius(),)

    def _celsius(self):
        frame = self._frame
        if crc8(frame, 0, 2) != frame[2]:
            raise SensorError("wrong check sum: check wiring and pull-ups")
        # Change: what a word means. Here 0.01 °C with a sign.
        word = frame[0] << 8 | frame[1]
        return (word - 0x10000 if word & 0x8000 else word) / 100
