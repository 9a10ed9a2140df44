"""The ADC: counts from volts."""

# ADC.ATTN_11DB
DB_11 = 3


class Adc:
    """The settings of one chip's converter, and what comes of them."""

    def __init__(self, chip):
        self._chip = chip
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

    def uv(self, number, volts):
        """Returns uV, as far as the pin's attenuation lets the converter see."""
        return max(0, min(int(volts * 1_000_000), self._full_scale(number)))

    def count(self, number, volts):
        return self.uv(number, volts) * ((1 << self.bits) - 1) // self._full_scale(number)

    def _full_scale(self, number):
        return self._chip.adc_full_scale[self._attenuation.get(number, DB_11)]
