# What Bosch's BME280 and BMP280 have in common: registers, times, and two of the formulas.
# Sections are those of the BME280's data sheet, BST-BME280-DS002.

import asyncio
import struct

from sensors import SensorError

# Registers (5.3, table 18).
_CALIBRATION = 0x88
_ID = 0xD0
_RESET = 0xE0
CTRL_HUM = 0xF2  # reserved in the BMP280
_CTRL_MEAS = 0xF4

_RESET_WORD = b"\xb6"  # 5.4.2
_BUSY = 0x09  # measuring or copying the calibration words (5.4.4)

# Oversampling x1 for each quantity: the data sheet's weather monitoring (3.5.1).
_FORCED_X1 = b"\x25"  # osrs_t, osrs_p and mode "forced" (5.4.5)
_SETTINGS_X1 = 0x24  # the same after the measurement: mode "sleep" (3.3.3)

START_MS = 2  # 1.1, table 1
# Looks at the status before giving up, and the pause between them.
_TRIES = 10
_PAUSE_MS = 5


class Bosch280:
    """A chip in forced mode: it measures when it is read and sleeps in between."""

    def __init__(self, bus, address: int, size: int):
        self._bus = bus
        self._address = address
        # The calibration words; None until the chip is set up, and again after any error: it may
        # be another chip that is plugged in next.
        self._words = None
        # Registers 0xF2.. as last read: settings, status and results in one burst.
        self._burst = bytearray(size)
        self._results = memoryview(self._burst)[5:]

    def reset(self):
        """Has the next read() set the chip up anew."""
        self._words = None

    async def _restart(self, chip_id):
        # Returns the calibration words of a chip with that id (5.4.1).
        found = self._load(_ID, 1)[0]
        if found != chip_id:
            raise self._error(
                f"has chip id 0x{found:02x} (BME280: 0x60, BMP280: 0x58): check address and driver"
            )
        self._bus.writeto_mem(self._address, _RESET, _RESET_WORD)
        await self._wait(START_MS)
        return calibration(self._load(_CALIBRATION, 26))

    async def _measure(self, longest_ms, mark, mask, value):
        # A setting that is written at the set-up, and not before each measurement, gives a chip
        # away that lost its power in between. A skipped quantity reads 0x80000 or 0x8000 (5.4.7
        # to 5.4.9), an ordinary count as well: only the settings tell whether it was measured.
        self._bus.writeto_mem(self._address, _CTRL_MEAS, _FORCED_X1)
        await self._wait(longest_ms)
        if self._burst[mark] & mask != value or self._burst[2] != _SETTINGS_X1:
            raise self._error("lost its settings: check its supply voltage and plug")

    async def _wait(self, first_ms):
        # Leaves the burst read in which the chip was found idle.
        await asyncio.sleep_ms(first_ms)
        for _ in range(_TRIES):
            self._bus.readfrom_mem_into(self._address, CTRL_HUM, self._burst)
            if not self._burst[1] & _BUSY:
                return
            await asyncio.sleep_ms(_PAUSE_MS)
        raise self._error("stays busy: switch its supply off and on")

    def _load(self, register, count):
        data = bytearray(count)
        self._bus.readfrom_mem_into(self._address, register, data)
        return data

    def _error(self, text):
        return SensorError(f"0x{self._address:02x} {text}")


def calibration(registers) -> tuple:
    """Returns the calibration words T1..T3, P1..P9, H1 of 0x88..0xA1 (4.2.2, table 16).

    H1 means nothing in a BMP280. Raises SensorError for blank ones.
    """
    if registers[:2] in (b"\x00\x00", b"\xff\xff"):
        # Values computed from these could look good.
        raise SensorError("the calibration words are blank: check supply voltage and wiring")
    return struct.unpack("<HhhHhhhhhhhhxB", registers)


def convert(words: tuple, results) -> tuple:
    """Returns (fine temperature, °C, hPa), rounded to 1 decimal, of the registers 0xF7..0xFC.

    Raises SensorError for what they hold before any measurement.
    """
    pressure = results[0] << 12 | results[1] << 4 | results[2] >> 4
    temperature = results[3] << 12 | results[4] << 4 | results[5] >> 4
    if temperature == pressure == 0x80000:
        raise SensorError("nothing was measured: check the sensor's supply voltage and plug")
    fine = fine_temperature(words, temperature)
    # Integers up to here: single and double precision then make the same text of them.
    hectopascal = (air_pressure(words, fine, pressure) + 1280) // 2560 / 10
    return fine, ((fine + 256) >> 9) / 10, hectopascal


# The compensation formulas (4.2.3), integer version, of the words T1..T3, P1..P9. Python's
# integers don't overflow; for what a working chip delivers the results are those of int32 and
# int64.


def fine_temperature(words: tuple, count: int) -> int:
    """Returns the temperature in 1/5120 °C, which the other formulas need as well."""
    t1, t2, t3 = words[:3]
    linear = (((count >> 3) - (t1 << 1)) * t2) >> 11
    offset = (count >> 4) - t1
    return linear + ((((offset * offset) >> 12) * t3) >> 14)


def air_pressure(words: tuple, fine: int, count: int) -> int:
    """Returns the pressure in 1/256 Pa; 0 where the calibration words allow no answer."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = words[3:12]
    t = fine - 128000
    offset = t * t * p6 + ((t * p5) << 17) + (p4 << 35)
    scale = (((1 << 47) + ((t * t * p3) >> 8) + ((t * p2) << 12)) * p1) >> 33
    if scale <= 0:
        return 0
    p = ((((1048576 - count) << 31) - offset) * 3125) // scale
    square = (p9 * (p >> 13) * (p >> 13)) >> 25
    return ((p + square + ((p8 * p) >> 19)) >> 8) + (p7 << 4)
