# Example: temperature on 1-Wire. Change: what sensor, by what data sheet.
# pyright: reportAttributeAccessIssue=false

import asyncio
from binascii import unhexlify

from sensors import SensorError, Text

# Change: (name, unit, decimals, lowest, highest, Home Assistant's device class) of each value.
QUANTITIES = (("temperature", "°C", 2, -55, 125, "temperature"),)
BUS = "one_wire"
# Sensors of one wire are told apart by their ROM code, 16 hexadecimal digits.
OPTIONS = {"rom": (None, Text(16, 16))}

# Without a ROM code: whichever is alone on the wire (Skip ROM); with one: Match ROM.
_SKIP, _MATCH = b"\xcc", b"\x55"
# Change: its commands, and the ms that they take at most and one more: a sleep of n ms may end
# after n - 1.
_CONVERT, _READ = b"\x44", b"\xbe"
_CONVERT_MS = 101


class Driver:
    """One example.

    `bus` has `wire` (onewire.OneWire) and `lock`, which all on the wire share.
    """

    def __init__(self, bus, rom=None):
        self._wire = bus.wire
        self._lock = bus.lock
        self._address = _MATCH + unhexlify(rom) if rom else _SKIP
        # The last answer: a word and its check sum.
        self._frame = bytearray(3)

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 2 decimals. Takes 0.1 s, awaited.

        Raises SensorError when nobody answers or the check sum is wrong.
        """
        async with self._lock:
            await self._command(_CONVERT)
        await asyncio.sleep_ms(_CONVERT_MS)
        async with self._lock:
            await self._command(_READ)
            for i in range(len(self._frame)):
                self._frame[i] = self._wire.readbyte()
                await asyncio.sleep_ms(0)
        return (self._celsius(),)

    async def _command(self, data):
        if not self._wire.reset():
            raise SensorError("nobody answers: check its three wires and the pull-up of 4.7 kOhm")
        # A byte takes 0.6 ms in which nothing else runs.
        for byte in self._address + data:
            self._wire.writebyte(byte)
            await asyncio.sleep_ms(0)

    def _celsius(self):
        frame = self._frame
        if self._wire.crc8(frame):
            raise SensorError("wrong check sum: check wires and pull-up, shorten the wire")
        # Change: what a word means. Here 0.01 °C from -100 °C on, and 0 before it has measured;
        # zeros are what a shorted wire reads, and their check sum is right.
        word = frame[0] | frame[1] << 8
        if not word:
            raise SensorError("it has not measured: check its supply, and the wire for a short")
        return (word - 10_000) / 100
