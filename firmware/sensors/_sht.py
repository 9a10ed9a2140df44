# What Sensirion's humidity sensors have in common: a command, a wait, two words with a check sum
# each. The data sheets' numbers are in sht3x.py and sht4x.py.

import asyncio

from sensors import SensorError
from sensors._crc8 import crc8


class Sht:
    """A sensor that measures when it is told to and sleeps in between."""

    # Commands, and the ms they take at most and one more: a sleep of n ms may end after n - 1.
    RESET = MEASURE = b""
    RESET_MS = MEASURE_MS = 0
    # Humidity at the lowest count, and from there to the highest, %.
    DRIEST = SPAN = 0

    def __init__(self, bus, address: int = 0x44):
        self._bus = bus
        self._address = address
        # True from a soft reset until something fails.
        self._ready = False
        # The last answer: temperature, humidity, a CRC behind each.
        self._frame = bytearray(6)

    def reset(self):
        """Has the next read() reset the sensor first."""
        self._ready = False

    async def read(self) -> tuple:
        """Returns (°C, %), rounded to 2 decimals and 1. Takes up to 20 ms, awaited.

        Raises OSError when the bus fails, SensorError when a check sum is wrong.
        """
        try:
            if not self._ready:
                self._bus.writeto(self._address, self.RESET)
                await asyncio.sleep_ms(self.RESET_MS)
                self._ready = True
            self._bus.writeto(self._address, self.MEASURE)
            await asyncio.sleep_ms(self.MEASURE_MS)
            self._bus.readfrom_into(self._address, self._frame)
            return celsius(self._word(0)), self._percent(self._word(3))
        except (OSError, SensorError):
            self._ready = False
            raise

    def _word(self, first):
        frame = self._frame
        if crc8(frame, first, first + 2) != frame[first + 2]:
            raise SensorError(f"0x{self._address:02x} wrong check sum: check wiring and pull-ups")
        return frame[first] << 8 | frame[first + 1]

    def _percent(self, word):
        tenths = (20 * self.SPAN * word + 65535) // 131070 + 10 * self.DRIEST
        return min(max(tenths, 0), 1000) / 10


def celsius(word: int) -> float:
    """Returns -45 + 175 * word / 65535, rounded to 2 decimals."""
    # Integers up to the last step: single and double precision then make the same text of it.
    return ((35000 * word + 65535) // 131070 - 4500) / 100
