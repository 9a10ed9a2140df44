# A capacitive or resistive probe for soil moisture at an ADC pin, calibrated by two points.

from sensors import NEEDED, _adc, _percent

QUANTITIES = (("moisture", "%", 0, 0, 100, "moisture"),)
BUS = "adc"
OPTIONS = dict(_adc.OPTIONS, dry=(NEEDED, _percent.VOLTS), wet=(NEEDED, _percent.VOLTS))


class Driver:
    """A probe that gives `dry` V in air and `wet` V in water, whichever is more."""

    def __init__(self, bus, samples: int = 20, dry: float = 0, wet: float = 0):
        self._adc = bus
        self._samples = samples
        self._dry = dry
        self._wet = wet

    async def read(self) -> tuple:
        """Returns (%,), a whole number; far beyond the two points it is beyond 0 to 100.

        Takes 1 ms a sample, awaited. Raises OSError when the ADC fails, SensorError for more than
        it can measure and for two points that are one.
        """
        volts = await _adc.volts(self._adc, self._samples)
        return (round(_percent.percent(volts, self._dry, self._wet)),)
