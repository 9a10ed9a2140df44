"""Maxim DS18B20, a thermometer on 1-Wire, at the level of bits (data sheet 19-7487).

It has its supply on V_DD: there is no parasite power.
"""

import math
import struct
from collections.abc import Generator

from .emulation import Attached, Emulation, Shown, place_of
from .onewire import OneWireDevice, crc8, receive_bytes, rom_code, send

FAMILY = 0x28

# Function commands (table 3).
CONVERT, WRITE, READ, COPY, RECALL = 0x44, 0x4E, 0xBE, 0x48, 0xB8

# 85 °C in 1/16 °C: what the temperature register holds at power-on (table 1).
POWER_ON = 85 * 16
# The range, 1/16 °C (page 1).
LOWEST, HIGHEST = -55 * 16, 125 * 16
# T_H, T_L and configuration as the memory leaves the factory: 75 °C, 70 °C, 12 bits.
FACTORY = bytes((75, 70, 0x7F))
# Of the configuration register only R1 and R0 can be written (figure 10).
RESOLUTION, FIXED = 0x60, 0x1F
# The bytes 5 to 7 of the scratchpad, reserved (figure 8).
RESERVED = bytes((0xFF, 0x0C, 0x10))

# Seconds of a conversion with 12 bits, half of it for each bit less (table 2), and of a write to
# the EEPROM (table "AC Electrical Characteristics: NV Memory").
CONVERT_S, COPY_S = 0.750, 0.010


class DS18B20(OneWireDevice):
    """Feels the temperature of a World; `serial` tells it from others on its wire.

    `eeprom` is what outlives the power: T_H, T_L and configuration, 3 bytes.
    """

    def __init__(self, world, serial: int = 1):
        self.world = world
        self.eeprom = FACTORY
        super().__init__(rom_code(FAMILY, serial))

    def reset(self) -> None:
        """Power-on: 85 °C, and the alarms and the resolution of the EEPROM."""
        super().reset()
        self._temperature, self._settings = POWER_ON, self.eeprom
        # When the conversion or the write to the EEPROM ends, s of the world, and what is then;
        # None while nothing is under way.
        self._busy = None

    @property
    def bits(self) -> int:
        """The resolution, 9 to 12."""
        return 9 + (self._settings[2] >> 5 & 3)

    @property
    def convert_s(self) -> float:
        """Seconds of a conversion, the data sheet's maximum."""
        return CONVERT_S / (1 << 12 - self.bits)

    @property
    def scratchpad(self) -> bytes:
        """The 9 bytes as they are read (figure 8)."""
        self._advance()
        data = struct.pack("<h", self._temperature) + self._settings + RESERVED
        return data + bytes([crc8(data)])

    @property
    def alarmed(self) -> bool:
        """True when the last temperature was at T_H or above, or at T_L or below."""
        self._advance()
        high, low = struct.unpack("bb", self._settings[:2])
        whole = self._temperature >> 4
        return whole >= high or whole <= low

    def function(self, command: int) -> Generator:
        if command == CONVERT:
            self._begin(self.convert_s, self._convert)
            yield from self._show_busy()
        elif command == READ:
            yield from send(self.scratchpad)
        elif command == WRITE:
            high, low, configuration = yield from receive_bytes(3)
            self._settings = bytes((high, low, configuration & RESOLUTION | FIXED))
        elif command == COPY:
            self._begin(COPY_S, self._copy)
            yield from self._show_busy()
        elif command == RECALL:
            self._settings = self.eeprom
        # Read Power Supply: with a supply of its own it leaves the wire alone, which reads 1.

    def _begin(self, seconds, done):
        self._advance()
        self._busy = (self.world.now() + seconds, done)

    def _show_busy(self):
        # The master reads 0 while it lasts and 1 from then on ("Convert T", "Copy Scratchpad").
        while True:
            yield self._idle

    def _idle(self):
        self._advance()
        return int(self._busy is None)

    def _advance(self):
        # What happened since the last look.
        if self._busy and self.world.now() >= self._busy[0]:
            when, done = self._busy
            self._busy = None
            done(when)

    def _convert(self, when):
        sixteenths = math.floor(self.world.value("temperature", when) * 16 + 0.5)
        # With less than 12 bits the lowest ones say nothing (figure 2): they are 0 here.
        unused = (1 << 12 - self.bits) - 1
        self._temperature = min(max(sixteenths, LOWEST), HIGHEST) & ~unused

    def _copy(self, _):
        self.eeprom = self._settings


def _attach(board, world, sensor):
    place, pin, rom = place_of(world, sensor), sensor["pin"], sensor["options"]["rom"]
    serial = int.from_bytes(bytes.fromhex(rom)[1:7], "little") if rom else pin
    device, bus = DS18B20(place, serial), board.hardware.one_wire(pin)
    # It rounds to 1/16 °C, and with less bits it drops the lowest.
    step = 2.0 ** (8 - sensor["options"]["resolution"])
    return Attached(
        f"a DS18B20 at pin {pin}, its rom {device.rom.hex()}",
        *(device, place, bus),
        *(lambda: bus.attach(device), lambda: bus.detach(device)),
        {"temperature": Shown(-55, 125, step)},
    )


# One that measures for longer than it may tells the former value: it can't be asked whether it is
# ready, for others talk on the wire meanwhile.
EMULATIONS = {"ds18b20": Emulation("one_wire", _attach, blind=("slow",))}
