"""A scripted 1-Wire bus for drivers' unit tests, which run on MicroPython too."""

import struct


class Turns:
    # In place of asyncio.Lock: nobody else is there, and it is a fault to talk without it.

    def __init__(self):
        self.held = False

    async def __aenter__(self):
        assert not self.held
        self.held = True

    async def __aexit__(self, *_):
        self.held = False


def crc8(data):
    crc = 0
    for byte in data:
        for place in range(8):
            mixed = (crc ^ byte >> place) & 1
            crc = crc >> 1 ^ (0x8C if mixed else 0)
    return crc


def rom_code(serial, family=0x28):
    code = bytes([family]) + bytes([serial >> 8 * place & 0xFF for place in range(6)])
    return code + bytes([crc8(code)])


class Chip:
    """A DS18B20 whose next result is `count`, in 1/16 °C."""

    def __init__(self, serial=1, count=0, family=0x28):
        self.rom = rom_code(serial, family)
        self.count = count
        # False: it has no supply at V_DD, and holds the wire low for nobody.
        self.supplied = True
        # Turned over in the check sum.
        self.garbled = 0
        # Function commands it got.
        self.commands = []
        self.power_on()

    def power_on(self):
        self.register, self.settings = 0x550, b"\x4b\x46\x7f"

    def command(self, data):
        self.commands.append(data[:1])
        if data[0] == 0x44 and self.supplied:
            self.register = self.count
        elif data[0] == 0x4E and len(data) == 4:
            self.settings = data[1:3] + bytes([data[3] & 0x60 | 0x1F])

    def scratchpad(self):
        data = struct.pack("<h", self.register) + self.settings + b"\xff\x0c\x10"
        return data + bytes([crc8(data) ^ self.garbled])


class Bus:
    """In place of what hardware.py makes: a lock, and a onewire.OneWire with chips on it."""

    def __init__(self, *chips):
        self.chips = list(chips)
        self.wire, self.lock = self, Turns()
        # True: the wire is shorted to ground.
        self.low = False
        # Called before each reset pulse.
        self.before_reset = None

    def reset(self, required=False):
        assert self.lock.held
        if self.before_reset:
            self.before_reset()
        self._sent, self._heard, self._place = b"", self.chips, 0
        return bool(self.chips) or self.low

    def writebyte(self, value):
        self._sent += bytes([value])
        if self._sent[0] == 0x55 and len(self._sent) == 9:
            self._heard = [chip for chip in self.chips if chip.rom == self._sent[1:]]
        if len(self._sent) == (13 if self._sent[9:10] == b"\x4e" else 10):
            for chip in self._heard:
                chip.command(self._sent[9:])

    def readbyte(self):
        value = 0xFF
        for chip in self._heard:
            value &= chip.scratchpad()[self._place]
        self._place += 1
        return 0 if self.low else value

    def readbit(self):
        if self.low:
            return 0
        if self._sent[0] != 0xF0:
            return int(not any(chip.supplied for chip in self._heard))
        # A bit and its complement in turn.
        self._place += 1
        inverted = 1 - self._place % 2
        return int(all(self._bit(chip) != inverted for chip in self._heard))

    def writebit(self, value):
        if not self.low:
            self._heard = [chip for chip in self._heard if self._bit(chip) == value]

    def _bit(self, chip):
        place = (self._place - 1) // 2
        return chip.rom[place >> 3] >> (place & 7) & 1

    def crc8(self, data):
        return crc8(data)
