# A voltage at an ADC pin, behind a divider where it is higher than the pin can bear.

from sensors import Range, _adc

QUANTITIES = (("voltage", "V", 3, None, None, "voltage"),)
BUS = "adc"
# What the divider divides by: (above + below) / below, of its two resistors.
OPTIONS = dict(_adc.OPTIONS, ratio=(1.0, Range(1.0, 1000.0)))


class Driver:
    """The voltage before a divider by `ratio`."""

    def __init__(self, bus, samples: int = 20, ratio: float = 1.0):
        self._adc = bus
        self._samples = samples
        self._ratio = ratio

    async def read(self) -> tuple:
        """Returns (V,), rounded to 3 decimals. Takes 1 ms a sample, awaited.

        Raises OSError when the ADC fails, SensorError for more than it can measure.
        """
        return (round(await _adc.volts(self._adc, self._samples) * self._ratio, 3),)
