# Bosch BMP280: temperature and pressure over I2C.
# Sections are those of the data sheet BST-BMP280-DS001.

from sensors import SensorError, _bosch280

# The ranges are what the chip can measure (1, table 2).
QUANTITIES = (
    ("temperature", "°C", 1, -40, 85, "temperature"),
    ("pressure", "hPa", 1, 300, 1100, "atmospheric_pressure"),
)
BUS = "i2c"
OPTIONS = {"address": (0x76, (0x76, 0x77))}
READY_MS = _bosch280.START_MS

_CONFIG = 0xF5
# A standby time, which forced mode doesn't use, and the filter off (4.3.5).
_MARK = b"\x20"
_MEASURE_MS = 8  # 6.4 at most at x1 (3.8.1), and one more: a sleep may end a little early


class Driver(_bosch280.Bosch280):
    """A BMP280 in forced mode: it measures when it is read and sleeps in between."""

    def __init__(self, bus, address: int = 0x76):
        super().__init__(bus, address, 11)

    async def read(self) -> tuple:
        """Returns (°C, hPa), each rounded to 1 decimal. Takes about 10 ms, awaited.

        Raises OSError when the bus fails, SensorError when the chip isn't a BMP280, isn't ready
        in time or tells nonsense. The next call sets the chip up anew.
        """
        try:
            if self._words is None:
                await self._set_up()
            await self._measure(_MEASURE_MS, 3, 0xFC, _MARK[0])
            return _bosch280.convert(self._words, self._results)[1:]
        except (OSError, SensorError):
            self.reset()
            raise

    async def _set_up(self):
        words = await self._restart(0x58)
        self._bus.writeto_mem(self._address, _CONFIG, _MARK)
        self._words = words
