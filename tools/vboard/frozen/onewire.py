# The 1-Wire bus as the ESP32's image brings it: ROM commands and the search for devices.

import _onewire


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM, MATCH_ROM, SKIP_ROM = 0xF0, 0x55, 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        present = _onewire.reset(self.pin)
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        return _onewire.readbit(self.pin)

    def readbyte(self):
        return _onewire.readbyte(self.pin)

    def readinto(self, buf):
        for place in range(len(buf)):
            buf[place] = self.readbyte()

    def writebit(self, value):
        return _onewire.writebit(self.pin, value)

    def writebyte(self, value):
        return _onewire.writebyte(self.pin, value)

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        # Each turn follows the last one's way to its last fork and goes the other way there, as
        # Maxim application note 187 has it. 255 devices are far more than a wire carries.
        found, rom, fork = [], None, -1
        while len(found) < 0xFF:
            rom, fork = self._search(rom, fork)
            if rom is None:
                break
            found.append(rom)
            if fork < 0:
                break
        return found

    def _search(self, last, fork):
        # Returns a ROM code and the last place at which a 0 was taken where devices had both
        # bits (-1: none, the search is over), or (None, -1): nobody answers any more.
        if not self.reset():
            return None, -1
        self.writebyte(self.SEARCH_ROM)
        rom, last_zero = bytearray(8), -1
        for place in range(64):
            bit, complement = self.readbit(), self.readbit()
            if bit and complement:
                return None, -1
            if bit == complement:
                if place < fork:
                    bit = last[place >> 3] >> (place & 7) & 1
                else:
                    bit = int(place == fork)
                if not bit:
                    last_zero = place
            self.writebit(bit)
            rom[place >> 3] |= bit << (place & 7)
        return rom, last_zero

    def crc8(self, data):
        return _onewire.crc8(data)
