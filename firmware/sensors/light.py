# A light-dependent resistor or a phototransistor at an ADC pin: no lux, how much of a scale.

from sensors import _adc, _percent

QUANTITIES = (("light", "%", 0, 0, 100, None),)
BUS = "adc"
# What every chip can tell apart with an attenuation of 11 dB.
OPTIONS = dict(
    _adc.OPTIONS,
    dark=(0.0, _percent.VOLTS),
    bright=(2.4, _percent.VOLTS),
)


class Driver:
    """A divider that gives `dark` V in the dark and `bright` V in full light."""

    def __init__(self, bus, samples: int = 20, dark: float = 0.0, bright: float = 2.4):
        self._adc = bus
        self._samples = samples
        self._dark = dark
        self._bright = bright

    async def read(self) -> tuple:
        """Returns (%,), a whole number; far beyond the two points it is beyond 0 to 100.

        Takes 1 ms a sample, awaited. Raises OSError when the ADC fails, SensorError for more than
        it can measure and for two points that are one.
        """
        volts = await _adc.volts(self._adc, self._samples)
        return (round(_percent.percent(volts, self._dark, self._bright)),)
