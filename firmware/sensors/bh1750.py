# ROHM BH1750FVI: ambient light over I2C.
# Names are those of the data sheet BH1750FVI, 2011.11, Rev.D.

import asyncio

# What 16 bits can say; a light beyond reads the highest value.
QUANTITIES = (("illuminance", "lx", 1, 0, 54612.5, "illuminance"),)
BUS = "i2c"
OPTIONS = {"address": (0x23, (0x23, 0x5C))}  # ADDR low, high

_POWER_ON = b"\x01"
_ONE_TIME_H = b"\x20"  # steps of 0.83 lx; powers down by itself when it has measured
# "Measurement time": 180 ms at most, and one more: a sleep of n ms may end after n - 1.
_MEASURE_MS = 181


class Driver:
    """A BH1750 in one time H-resolution mode. It has neither check sum nor status."""

    def __init__(self, bus, address: int = 0x23):
        self._bus = bus
        self._address = address
        # The last answer.
        self._count = bytearray(2)

    async def read(self) -> tuple:
        """Returns (lx,), rounded to 1 decimal. Takes about 180 ms, awaited; 360 ms in the dark.

        Raises OSError when the bus fails.
        """
        count = 0
        for _ in range(2):
            self._bus.writeto(self._address, _POWER_ON)
            self._bus.writeto(self._address, _ONE_TIME_H)
            await asyncio.sleep_ms(_MEASURE_MS)
            self._bus.readfrom_into(self._address, self._count)
            count = self._count[0] << 8 | self._count[1]
            # 0 is no light, or no power for a moment since it began to measure: a second one is
            # the dark.
            if count:
                break
        # 1.2 counts a lux. Integers up to the last step: single and double precision then make
        # the same text of it.
        return ((count * 50 + 3) // 6 / 10,)
