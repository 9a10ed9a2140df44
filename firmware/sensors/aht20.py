# Aosong AHT20 (and AHT21): temperature and humidity over I2C.
# Sections are those of the AHT20 product manual, version A1.

import asyncio

from sensors import SensorError
from sensors._crc8 import crc8

# The ranges are what the sensor is specified for (1.1, 1.2).
QUANTITIES = (
    ("temperature", "°C", 1, -40, 85, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
)
BUS = "i2c"
# It has no other; here it is for the check that an address is used once.
OPTIONS = {"address": (0x38, (0x38,))}
READY_MS = 100  # 5.4: 40 ms; 100 in later versions

_RESET = b"\xba"  # 5.5
_INITIALISE = b"\xbe\x08\x00"  # 5.4, step 1
_MEASURE = b"\xac\x33\x00"  # 5.4, step 2
_BUSY, _CALIBRATED = 0x80, 0x08  # 5.3

# Longest times, and one more: a sleep of n ms may end after n - 1.
_RESET_MS = 21
_INITIALISE_MS = 11
_MEASURE_MS = 81
# Looks at the status before giving up, and the pause between them.
_TRIES = 5
_PAUSE_MS = 10


class Driver:
    """An AHT20, which measures when it is told to."""

    def __init__(self, bus, address: int = 0x38):
        self._bus = bus
        self._address = address
        # True from the set-up until something fails.
        self._ready = False
        # The last answer: status, 20 bits of humidity, 20 bits of temperature, CRC.
        self._frame = bytearray(7)

    def reset(self):
        """Has the next read() set the sensor up anew."""
        self._ready = False

    async def read(self) -> tuple:
        """Returns (°C, %), each rounded to 1 decimal. Takes about 80 ms, awaited.

        Raises OSError when the bus fails, SensorError when the sensor isn't ready in time, lost
        its calibration or a check sum is wrong. The next call sets it up anew.
        """
        try:
            if not self._ready:
                await self._set_up()
            self._bus.writeto(self._address, _MEASURE)
            await asyncio.sleep_ms(_MEASURE_MS)
            if self._busy():
                await self._wait()
            return self._values()
        except (OSError, SensorError):
            self._ready = False
            raise

    async def _set_up(self):
        self._bus.writeto(self._address, _RESET)
        await self._wait(_RESET_MS)
        if not self._frame[0] & _CALIBRATED:
            self._bus.writeto(self._address, _INITIALISE)
            await self._wait(_INITIALISE_MS)
        self._ready = True

    async def _wait(self, first_ms=_PAUSE_MS):
        # Leaves the frame in which the sensor was found idle.
        await asyncio.sleep_ms(first_ms)
        for _ in range(_TRIES):
            if not self._busy():
                return
            await asyncio.sleep_ms(_PAUSE_MS)
        raise SensorError("0x38 stays busy: switch its supply off and on")

    def _busy(self):
        self._bus.readfrom_into(self._address, self._frame)
        return self._frame[0] & _BUSY

    def _values(self):
        frame = self._frame
        if crc8(frame, 0, 6) != frame[6]:
            raise SensorError("0x38 wrong check sum: check wiring and pull-ups")
        if not frame[0] & _CALIBRATED:
            raise SensorError("0x38 is not calibrated: check its supply voltage, or replace it")
        humidity = frame[1] << 12 | frame[2] << 4 | frame[3] >> 4
        temperature = (frame[3] & 15) << 16 | frame[4] << 8 | frame[5]
        # 6.1 and 6.2, in integers: single and double precision then make the same text of them.
        return (
            (((2000 * temperature + 524288) >> 20) - 500) / 10,
            ((1000 * humidity + 524288) >> 20) / 10,
        )
