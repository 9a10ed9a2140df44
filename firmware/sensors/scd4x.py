# Sensirion SCD40 and SCD41: CO2, temperature and humidity over I2C.
# Sections are those of the data sheet SCD4x, version 1.3.

import asyncio
import time

from sensors import Range, SensorError, Whole
from sensors._crc8 import crc8
from sensors._sht import Sht, celsius

# The ranges are what the sensor is specified for (1.1, 1.2); CO2 that is less than half of the
# open air's is a fault.
QUANTITIES = (
    ("co2", "ppm", 0, 200, 40_000, "carbon_dioxide"),
    ("temperature", "°C", 2, -10, 60, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
)
BUS = "i2c"
OPTIONS = {
    # It has no other; here it is for the check that an address is used once.
    "address": (0x62, (0x62,)),
    # Automatic self-calibration: right where it gets fresh air (400 ppm) once a week.
    "asc": (True, (False, True)),
    # Of the place, m above the sea, which makes up for the thinner air.
    "altitude": (0, Whole(0, 3000)),
    # By which it warms itself and its box, °C.
    "temperature_offset": (4.0, Range(0.0, 20.0)),
}
READY_MS = 1000  # 2.1

# Commands (3.4, table 9).
_START, _STOP = b"\x21\xb1", b"\x3f\x86"
_DATA_READY, _READ = b"\xe4\xb8", b"\xec\x05"
_PERSIST = b"\x36\x15"
# Times they take at most, and one more: a sleep of n ms may end after n - 1.
_COMMAND_MS, _STOP_MS, _PERSIST_MS = 2, 501, 801
# It measures each 5 s. The first time behind a start is the least accurate: the second counts.
_WARM_UP_MS = 9_500
# So long without a new value, it doesn't measure any more: 5 s, and some for its clock.
_LOST_MS = 6_000
_NOT_YET = (None, None, None)


class Driver(Sht):
    """An SCD4x that measures by itself, each 5 s; its second reading is the first with values.

    `asc` is its self-calibration, `altitude` in m that of the place, `temperature_offset` in °C
    by how much it warms itself. They are written into its EEPROM where they differ.
    """

    DRIEST, SPAN = 0, 100  # 3.5.2

    def __init__(
        self,
        bus,
        address: int = 0x62,
        asc: bool = True,
        altitude: int = 0,
        temperature_offset: float = 4.0,
    ):
        super().__init__(bus, address)
        # Commands to read and to write a setting, and its word (3.6.1 to 3.6.4, 3.7.2, 3.7.3).
        self._settings = (
            (b"\x23\x18", b"\x24\x1d", round(temperature_offset * 65535 / 175)),
            (b"\x23\x22", b"\x24\x27", altitude),
            (b"\x23\x13", b"\x24\x16", int(asc)),
        )
        # The last answer: words with a CRC behind each.
        self._frame = bytearray(9)
        # The part of it that one word takes.
        self._one = memoryview(self._frame)[:3]
        # ticks_ms() of the start, then of the last values; True until there were some.
        self._since = 0
        self._cold = True

    async def read(self) -> tuple:
        """Returns (ppm, °C, %), rounded to 0, 2 and 1 decimals; None each while there are no new
        ones: for 10 s from the set-up, then for 5 s. Takes 4 ms, awaited; a set-up up to 1.4 s.

        Raises OSError when the bus fails, SensorError when a check sum is wrong, both of which
        have the next call set it up, or when it was found idle and was set up anew.
        """
        try:
            if not self._ready:
                await self._set_up()
                return _NOT_YET
            quiet_ms = time.ticks_diff(time.ticks_ms(), self._since)
            await self._command(_DATA_READY)
            if self._answer() & 0x7FF:
                await self._command(_READ)
                self._bus.readfrom_into(self._address, self._frame)
                return self._values(quiet_ms)
            if quiet_ms < _LOST_MS:
                return _NOT_YET
            # Idle, as after a loss of power: it measures again for the next call.
            await self._set_up()
        except (OSError, SensorError):
            self._ready = False
            raise
        raise SensorError("0x62 had ceased to measure: check its supply voltage and plug")

    def _values(self, quiet_ms):
        values = self._word(0), celsius(self._word(3)), self._percent(self._word(6))
        self._since = time.ticks_ms()
        cold, self._cold = self._cold, False
        return _NOT_YET if cold and quiet_ms < _WARM_UP_MS else values

    async def _set_up(self):
        # It may measure since before a reset, and takes no other command then.
        await self._command(_STOP, _STOP_MS)
        changed = False
        for get, put, word in self._settings:
            changed |= await self._set(get, put, word)
        if changed:
            # Its EEPROM bears 2000 times (3.9.1).
            await self._command(_PERSIST, _PERSIST_MS)
        await self._command(_START)
        self._since = time.ticks_ms()
        self._ready = self._cold = True

    async def _set(self, get, put, word):
        # Returns True if a setting was another one and is kept now.
        await self._command(get)
        if self._answer() == word:
            return False
        data = word.to_bytes(2, "big")
        await self._command(put + data + bytes([crc8(data, 0, 2)]))
        await self._command(get)
        return self._answer() == word

    def _answer(self):
        self._bus.readfrom_into(self._address, self._one)
        return self._word(0)

    def _command(self, data, ms=_COMMAND_MS):
        # Returns what is to be awaited until it has been obeyed.
        self._bus.writeto(self._address, data)
        return asyncio.sleep_ms(ms)
