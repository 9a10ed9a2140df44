"""The ADC: counts from the volts at its pins."""

# ADC.ATTN_11DB
DB_11 = 3


class Adc:
    """`volts` holds those of the pins, by number; a pin without is at 0 V."""

    def __init__(self, volts, chip):
        self._volts, self._chip = volts, chip
        self.reset()

    def reset(self):
        # Resolution of all pins together, bits; attenuation by pin.
        self.bits = self._chip.adc_bits[-1]
        self._attenuation = {}

    def set_up(self, number, attenuation=None):
        """What the ADC's constructor does: the highest resolution, and 11 dB if none is said."""
        self.bits = self._chip.adc_bits[-1]
        self.set_attenuation(number, DB_11 if attenuation is None else attenuation)

    def set_attenuation(self, number, value):
        if value not in range(len(self._chip.adc_full_scale)):
            raise ValueError("invalid attenuation")
        self._attenuation[number] = value

    def set_bits(self, bits):
        if bits not in self._chip.adc_bits:
            raise ValueError("invalid bit-width")
        self.bits = bits

    def uv(self, number):
        """Returns uV, as far as the attenuation lets the converter see."""
        uv = int(self._volts.get(number, 0.0) * 1_000_000)
        return max(0, min(uv, self._full_scale(number)))

    def count(self, number):
        return self.uv(number) * ((1 << self.bits) - 1) // self._full_scale(number)

    def _full_scale(self, number):
        return self._chip.adc_full_scale[self._attenuation.get(number, DB_11)]
