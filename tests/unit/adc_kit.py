"""A scripted ADC for drivers' unit tests, which run on MicroPython too."""

from i2c_kit import read as read_with

from sensors import _adc


class Adc:
    """In place of machine.ADC: gives its volts one by one, the last one again and again."""

    # What the converter can tell, V.
    SCALE = 2.45

    def __init__(self, *volts):
        self.volts = list(volts)
        self.reads = 0

    def read_uv(self):
        self.reads += 1
        volts = self.volts.pop(0) if len(self.volts) > 1 else self.volts[0]
        # As an ESP32 does: calibrated, the lowest count isn't 0.
        return max(142_000, min(int(volts * 1_000_000), int(self.SCALE * 1_000_000)))

    def read_u16(self):
        return max(0, min(int(self.volts[-1] / self.SCALE * 0xFFFF), 0xFFFF))


def read(module, volts, **options):
    """Returns what a driver reads of one voltage."""
    return read_with(_adc, module.Driver(Adc(volts), **options))
