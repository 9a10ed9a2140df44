# A battery at an ADC pin, behind a divider: its voltage and what is left.

from sensors import Range, SensorError, _adc, _percent

QUANTITIES = (
    ("voltage", "V", 2, 0, 1000, "voltage"),
    ("battery", "%", 0, 0, 100, "battery"),
)
BUS = "adc"
VOLTS = Range(0.0, 1000.0)
# The two points are those of a lithium cell.
OPTIONS = dict(
    _adc.OPTIONS,
    ratio=(2.0, Range(1.0, 1000.0)),
    empty=(3.3, VOLTS),
    full=(4.2, VOLTS),
)

# Less is no battery, V.
_LOWEST = 0.5


class Driver:
    """A battery before a divider by `ratio`, 0 % at `empty` and 100 % at `full` V."""

    def __init__(self, bus, samples=20, ratio=2.0, empty=3.3, full=4.2):
        self._adc = bus
        self._samples = samples
        self._ratio = ratio
        self._empty = empty
        self._full = full

    async def read(self) -> tuple:
        """Returns (V, %), rounded to 2 decimals and none. Takes 1 ms a sample, awaited.

        Raises OSError when the ADC fails, SensorError without a battery or for more than the pin
        can measure.
        """
        volts = await _adc.volts(self._adc, self._samples) * self._ratio
        if volts < _LOWEST:
            raise SensorError("%.2f V: no battery: check its wires and the divider" % volts)
        left = _percent.percent(volts, self._empty, self._full)
        return round(volts, 2), round(min(max(left, 0), 100))
