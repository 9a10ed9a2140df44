# Bosch BME280: temperature, humidity and pressure over I2C.
# Sections and tables are those of the data sheet BST-BME280-DS002.

import struct

from sensors import SensorError, _bosch280

# The ranges are what the chip can measure (1.1 to 1.4).
QUANTITIES = (
    ("temperature", "°C", 1, -40, 85, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
    ("pressure", "hPa", 1, 300, 1100, "atmospheric_pressure"),
)
BUS = "i2c"
OPTIONS = {"address": (0x76, (0x76, 0x77))}
# The calibration words in one piece.
BLOCKS_MS = 6
READY_MS = _bosch280.START_MS

_CALIBRATION_HIGH = 0xE1  # ..0xE7
_HUMIDITY_X1 = b"\x01"  # osrs_h (5.4.3)
_MEASURE_MS = 10  # 9.3 at most at x1 (9.1)


class Driver(_bosch280.Bosch280):
    """A BME280 in forced mode: it measures when it is read and sleeps in between."""

    def __init__(self, bus, address: int = 0x76):
        super().__init__(bus, address, 13)

    async def read(self) -> tuple:
        """Returns (°C, %, hPa), each rounded to 1 decimal. Takes about 12 ms, awaited.

        Raises OSError when the bus fails, SensorError when the chip isn't a BME280, isn't ready
        in time or tells nonsense. The next call sets the chip up anew.
        """
        try:
            if self._words is None:
                await self._set_up()
            await self._measure(_MEASURE_MS, 0, 7, _HUMIDITY_X1[0])
            return convert(self._words, self._results)
        except (OSError, SensorError):
            self.reset()
            raise

    async def _set_up(self):
        words = await self._restart(0x60)
        words += humidity_words(self._load(_CALIBRATION_HIGH, 7))
        self._bus.writeto_mem(self._address, _bosch280.CTRL_HUM, _HUMIDITY_X1)
        self._words = words


def humidity_words(registers) -> tuple:
    """Returns the calibration words H2..H6 of 0xE1..0xE7 (4.2.2, table 16)."""
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", registers)
    # H4 and H5 are 12 bits each, signed, and share register 0xE5.
    return h2, h3, e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4, h6


def convert(words: tuple, results) -> tuple:
    """Returns (°C, %, hPa), rounded to 1 decimal, from the registers 0xF7..0xFE (5.4.7 to 5.4.9).

    Raises SensorError for counts that no measurement leaves.
    """
    fine, celsius, hectopascal = _bosch280.convert(words, results)
    humidity = relative_humidity(words, fine, results[6] << 8 | results[7])
    return celsius, ((humidity * 10 + 512) >> 10) / 10, hectopascal


def relative_humidity(words: tuple, fine: int, count: int) -> int:
    """Returns the relative humidity in 1/1024 %, from 0 to 100 % as the data sheet limits it.

    The integer formula of 4.2.3; the other two are in _bosch280.py.
    """
    h1, h2, h3, h4, h5, h6 = words[12:]
    t = fine - 76800
    level = ((count << 14) - (h4 << 20) - h5 * t + 16384) >> 15
    slope = ((((t * h6) >> 10) * (((t * h3) >> 11) + 32768)) >> 10) + 2097152
    h = level * ((slope * h2 + 8192) >> 14)
    h -= ((((h >> 15) * (h >> 15)) >> 7) * h1) >> 4
    return min(max(h, 0), 419430400) >> 12
