# Bosch BME280: temperature, humidity and pressure over I2C.
# Sections and tables are those of the data sheet BST-BME280-DS002.

import asyncio
import struct

from sensors import SensorError

# The ranges are what the chip can measure (1.1 to 1.4).
QUANTITIES = (
    ("temperature", "°C", 1, -40, 85, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
    ("pressure", "hPa", 1, 300, 1100, "atmospheric_pressure"),
)
BUS = "i2c"
OPTIONS = {"address": (0x76, (0x76, 0x77))}
EVENTS = False
READY_MS = 2  # 1.1, table 1

# Registers (5.3, table 18).
_CALIBRATION_LOW = 0x88  # ..0xA1
_ID = 0xD0
_RESET = 0xE0
_CALIBRATION_HIGH = 0xE1  # ..0xE7
_CTRL_HUM = 0xF2
_CTRL_MEAS = 0xF4

_RESET_WORD = b"\xb6"  # 5.4.2
_BUSY = 0x09  # measuring or copying the calibration words (5.4.4)

# Oversampling x1 for each quantity, the filter off: the data sheet's weather monitoring (3.5.1).
_HUMIDITY_X1 = b"\x01"  # osrs_h (5.4.3)
_FORCED_X1 = b"\x25"  # osrs_t, osrs_p and mode "forced" (5.4.5)
_SETTINGS_X1 = 0x24  # the same after the measurement: mode "sleep" (3.3.3)

# A measurement takes 9.3 ms at most at x1 (9.1), a start 2 ms (1.1, table 1).
_MEASURE_MS = 10
_START_MS = READY_MS
# Looks at the status before giving up, and the pause between them.
_TRIES = 10
_PAUSE_MS = 5


class Driver:
    """A BME280 in forced mode: it measures when it is read and sleeps in between."""

    def __init__(self, bus, address: int = 0x76):
        self._bus = bus
        self._address = address
        # The calibration words; None until the chip is set up, and again after any error: it may
        # be another chip that is plugged in next.
        self._words = None
        # Registers 0xF2..0xFE as last read: settings, status and results in one burst.
        self._burst = bytearray(13)
        self._results = memoryview(self._burst)[5:]

    def reset(self):
        """Has the next read() set the chip up anew."""
        self._words = None

    async def read(self) -> tuple:
        """Returns (°C, %, hPa), each rounded to 1 decimal. Takes about 12 ms, awaited.

        Raises OSError when the bus fails, SensorError when the chip isn't a BME280, isn't ready
        in time or tells nonsense. The next call sets the chip up anew.
        """
        try:
            if self._words is None:
                self._words = await self._set_up()
            await self._measure()
            return convert(self._words, self._results)
        except (OSError, SensorError):
            self.reset()
            raise

    async def _set_up(self):
        self._check_id()
        self._bus.writeto_mem(self._address, _RESET, _RESET_WORD)
        await self._wait(_START_MS)
        words = calibration(self._load(_CALIBRATION_LOW, 26), self._load(_CALIBRATION_HIGH, 7))
        # Written only here, not before each measurement: a chip that lost its power in between
        # gives itself away by the lost setting.
        self._bus.writeto_mem(self._address, _CTRL_HUM, _HUMIDITY_X1)
        return words

    def _check_id(self):
        found = self._load(_ID, 1)[0]
        if found == 0x60:  # 5.4.1
            return
        if 0x56 <= found <= 0x58:
            raise self._error("is a BMP280, which has no humidity: use a BME280")
        raise self._error(f"has chip id 0x{found:02x}, not a BME280's 0x60: check the address")

    async def _measure(self):
        self._bus.writeto_mem(self._address, _CTRL_MEAS, _FORCED_X1)
        await self._wait(_MEASURE_MS)
        # A skipped quantity reads 0x80000 or 0x8000 (5.4.7 to 5.4.9), which is an ordinary count
        # as well: only the settings tell whether it was measured.
        if self._burst[0] & 7 != _HUMIDITY_X1[0] or self._burst[2] != _SETTINGS_X1:
            raise self._error("lost its settings: check its supply voltage and plug")

    async def _wait(self, first_ms):
        # Leaves the burst read in which the chip was found idle.
        await asyncio.sleep_ms(first_ms)
        for _ in range(_TRIES):
            self._bus.readfrom_mem_into(self._address, _CTRL_HUM, self._burst)
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


def calibration(low, high) -> tuple:
    """Returns the calibration words T1..T3, P1..P9, H1..H6 (4.2.2, table 16).

    `low` are the registers 0x88..0xA1, `high` 0xE1..0xE7. Raises SensorError for blank ones.
    """
    if low[:2] in (b"\x00\x00", b"\xff\xff"):
        # Values computed from these could look good.
        raise SensorError("the calibration words are blank: check supply voltage and wiring")
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", high)
    # H4 and H5 are 12 bits each, signed, and share register 0xE5.
    h4, h5 = e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4
    return struct.unpack("<HhhHhhhhhhhhxB", low) + (h2, h3, h4, h5, h6)


def convert(words: tuple, results) -> tuple:
    """Returns (°C, %, hPa), rounded to 1 decimal, from the registers 0xF7..0xFE (5.4.7 to 5.4.9).

    Raises SensorError for counts that no measurement leaves.
    """
    pressure = results[0] << 12 | results[1] << 4 | results[2] >> 4
    temperature = results[3] << 12 | results[4] << 4 | results[5] >> 4
    humidity = results[6] << 8 | results[7]
    if temperature == pressure == 0x80000:
        raise SensorError("nothing was measured: check the sensor's supply voltage and plug")
    fine = fine_temperature(words, temperature)
    # Integers up to here: single and double precision then make the same text of them.
    return (
        ((fine + 256) >> 9) / 10,
        ((relative_humidity(words, fine, humidity) * 10 + 512) >> 10) / 10,
        (air_pressure(words, fine, pressure) + 1280) // 2560 / 10,
    )


# The compensation formulas (4.2.3), integer version. Python's integers don't overflow; for what a
# working chip delivers the results are those of int32 and int64.


def fine_temperature(words: tuple, count: int) -> int:
    """Returns the temperature in 1/5120 °C, which the other two formulas need as well."""
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


def relative_humidity(words: tuple, fine: int, count: int) -> int:
    """Returns the relative humidity in 1/1024 %, from 0 to 100 % as the data sheet limits it."""
    h1, h2, h3, h4, h5, h6 = words[12:]
    t = fine - 76800
    level = ((count << 14) - (h4 << 20) - h5 * t + 16384) >> 15
    slope = ((((t * h6) >> 10) * (((t * h3) >> 11) + 32768)) >> 10) + 2097152
    h = level * ((slope * h2 + 8192) >> 14)
    h -= ((((h >> 15) * (h >> 15)) >> 7) * h1) >> 4
    return min(max(h, 0), 419430400) >> 12
