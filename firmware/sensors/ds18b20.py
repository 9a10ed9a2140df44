# Maxim DS18B20: a thermometer on 1-Wire, with its supply at V_DD.
# Figures, tables and names are those of the data sheet 19-7487.

import asyncio
from binascii import hexlify, unhexlify

from sensors import SensorError, Text

_FAMILY = 0x28


class Rom(Text):
    """16 hexadecimal digits: family, serial number and check sum as they come on the wire."""

    def __contains__(self, value) -> bool:
        try:
            return super().__contains__(value) and unhexlify(value)[0] == _FAMILY
        except ValueError:
            return False

    def __str__(self) -> str:
        return "a ROM code: 16 hexadecimal digits that begin with 28"


QUANTITIES = (("temperature", "°C", 2, -55, 125, "temperature"),)
BUS = "one_wire"
OPTIONS = {"rom": (None, Rom(16, 16)), "resolution": (12, (9, 10, 11, 12))}

# ROM commands ("1-Wire Bus System") and function commands (table 3).
_MATCH = b"\x55"
_CONVERT = b"\x44"
_WRITE = b"\x4e"
_READ = b"\xbe"

# T_H and T_L, which nobody uses: only the scratchpad gets these, so that they are gone when the
# sensor was without supply in between ("Memory").
_MARK = b"\x5a\xa5"
# Table 2: a conversion with 12 bits takes 750 ms, half of it for each bit less.
_CONVERT_MS = 750
# The temperature register at power-on (table 1), and how near to it the last reading must have
# been for it to be believed at once, 1/16 °C.
_POWER_ON = 85 * 16
_NEAR = 10 * 16

_SILENT = "no DS18B20 answers: check its three wires and the pull-up of 4.7 kOhm"


class Driver:
    """One DS18B20. `bus` has `wire` (onewire.OneWire) and `lock`, which all on the wire share.

    `rom` is needed where there are several. Conversions run side by side, talks in turn. No
    parasite power.
    """

    def __init__(self, bus, rom=None, resolution: int = 12):
        self._wire = bus.wire
        self._lock = bus.lock
        # ROM code as configured; empty: whichever is alone on the wire.
        self._given = unhexlify(rom or "")
        # The one it is addressed by; empty until it was found.
        self._rom = self._given
        # Bits of the result that say nothing.
        self._unused = 12 - resolution
        # T_H, T_L and the configuration register (figure 10).
        self._settings = _MARK + bytes([(resolution - 9) << 5 | 0x1F])
        # True from the writing of the settings until something fails.
        self._ready = False
        # The last good result, or one that wasn't believed, 1/16 °C; far from any before that.
        self._last = 0
        self._data = bytearray(9)

    def reset(self):
        """Has the next read() look for the sensor and set it up anew."""
        self._ready = False
        self._rom = self._given

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 2 decimals. Takes 0.1 s (9 bits) to 0.8 s (12), awaited.

        Raises SensorError when the sensor is missing, isn't the only one without a `rom`, has no
        supply, tells a wrong check sum or what it tells before it has measured.
        """
        try:
            async with self._lock:
                await self._start()
            await asyncio.sleep_ms((_CONVERT_MS >> self._unused) + 2)
            async with self._lock:
                await self._command(_READ, self._data)
            return (self._celsius(),)
        except (OSError, SensorError):
            self.reset()
            raise

    async def _start(self):
        if not self._ready:
            if not self._rom:
                await self._find()
            await self._command(_WRITE + self._settings)
            self._ready = True
        await self._command(_CONVERT)
        # It holds the wire low while it converts ("Convert T"): nobody does if it isn't there.
        if self._wire.readbit():
            await self._find()
            raise SensorError("it doesn't begin to measure: connect V_DD to the supply")

    async def _command(self, data, answer=()):
        # Sends a command to the sensor and fills `answer`. A byte takes 0.6 ms in which nothing
        # else runs; between bytes the bus may wait at will.
        if not self._wire.reset():
            raise SensorError(_SILENT)
        for byte in _MATCH + self._rom + data:
            self._wire.writebyte(byte)
            await asyncio.sleep_ms(0)
        for i in range(len(answer)):
            answer[i] = self._wire.readbyte()
            await asyncio.sleep_ms(0)

    def _celsius(self):
        data = self._data
        if self._wire.crc8(data):
            raise SensorError("wrong check sum: check wires and pull-up, shorten the wire")
        if data[2:5] != self._settings:
            raise SensorError("it lost its settings: check its supply voltage and plug")
        count = ((data[0] | data[1] << 8) ^ 0x8000) - 0x8000
        count = count >> self._unused << self._unused
        last, self._last = self._last, count
        if count == _POWER_ON and abs(last - count) > _NEAR:
            # It had its supply and began to convert, so that the next 85 °C is one.
            raise SensorError("85 °C, what it tells before it has measured: it must do so twice")
        # Integers up to here: single and double precision then make the same text of it.
        return (count * 25 + 2) // 4 / 100

    async def _find(self):
        # Returns if the sensor is there, and is told from others. Loaded late: few nodes search.
        from sensors._onewire import search

        found = [rom for rom in await search(self._wire) if rom[0] == _FAMILY]
        if not found:
            raise SensorError(_SILENT)
        if not self._rom and len(found) == 1:
            self._rom = found[0]
        if self._rom not in found:
            known = ", ".join([hexlify(rom).decode() for rom in found])
            raise SensorError("rom must be one of those that answer: " + known)
