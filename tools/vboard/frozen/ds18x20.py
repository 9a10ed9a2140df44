# Thermometers of the DS18x20 family on a 1-Wire bus.

_CONVERT, _WRITE_SCRATCH, _READ_SCRATCH = 0x44, 0x4E, 0xBE

# Families: DS18S20, DS1822, DS18B20.
_DS18S20 = 0x10
_FAMILIES = (_DS18S20, 0x22, 0x28)


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        self._command(rom, _READ_SCRATCH)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        self._command(rom, _WRITE_SCRATCH)
        self.ow.write(buf)

    def read_temp(self, rom):
        data = self.read_scratch(rom)
        count = data[0] | data[1] << 8
        if count & 0x8000:
            count -= 0x10000
        if rom[0] != _DS18S20:
            return count / 16
        # Half degrees; what is left of the count says more (DS18S20's data sheet, "Operation").
        return (count >> 1) - 0.25 + (data[7] - data[6]) / data[7]

    def _command(self, rom, command):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(command)
