# Example: temperature as a voltage. Change: what sensor, by what data sheet.

from sensors import Range, SensorError, _adc

# Change: (name, unit, decimals, lowest, highest, Home Assistant's device class) of each value.
QUANTITIES = (("temperature", "°C", 1, -40, 125, "temperature"),)
BUS = "adc"
# Change: {keyword of Driver: (default, allowed)}, the sensor's own keys in config.json.
OPTIONS = dict(_adc.OPTIONS, offset=(0.5, Range(0.0, 3.3)))

# Change: V a °C. Here those of a TMP36, which has 0.5 V at 0 °C.
_STEP = 0.01
# Less is no sensor, V.
_LOWEST = 0.05


class Driver:
    """An example that gives `offset` V at 0 °C."""

    def __init__(self, bus, samples: int = 20, offset: float = 0.5):
        self._adc = bus
        self._samples = samples
        self._offset = offset

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 1 decimal. Takes 1 ms a sample, awaited.

        Raises OSError when the ADC fails, SensorError without a sensor or for more than the pin
        can measure.
        """
        volts = await _adc.volts(self._adc, self._samples)
        if volts < _LOWEST:
            raise SensorError(f"{volts:.2f} V: no sensor: check its wires")
        # Change: what a voltage means.
        return (round((volts - self._offset) / _STEP, 1),)
