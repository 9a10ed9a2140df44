# A thermistor (NTC) at an ADC pin, in a divider with a resistor.

import math

from sensors import Range, SensorError, _adc

OHM = Range(1.0, 10_000_000.0)


class Coefficients(Range):
    """[A, B, C] of the Steinhart-Hart equation, with the resistance in ohm."""

    def __contains__(self, value) -> bool:
        if not isinstance(value, list) or len(value) != 3:
            return False
        for one in value:
            if not super().__contains__(one):
                return False
        return value[0] > 0

    def __str__(self) -> str:
        return "[A, B, C] of the Steinhart-Hart equation"


QUANTITIES = (("temperature", "°C", 1, -60, 300, "temperature"),)
BUS = "adc"
OPTIONS = dict(
    _adc.OPTIONS,
    r25=(10_000.0, OHM),
    beta=(3950.0, Range(500.0, 20_000.0)),
    steinhart=(None, Coefficients(-1, 1)),
    series=(10_000.0, OHM),
    supply=(3.3, Range(0.1, 5.5)),
    to=("ground", ("ground", "supply")),
)
EVENTS = False

_KELVIN = 273.15
# Shares of the supply that no thermistor in use leaves.
_SHORT = 0.01
_OPEN = 0.99


class Driver:
    """A thermistor `to` ground or supply (V), the resistor of `series` ohm on the other side.

    It has `r25` ohm at 25 °C and the constant `beta` K, or the coefficients `steinhart`.
    """

    def __init__(
        self,
        bus,
        samples: int = 20,
        r25: float = 10_000.0,
        beta: float = 3950.0,
        steinhart=None,
        series: float = 10_000.0,
        supply: float = 3.3,
        to: str = "ground",
    ):
        self._adc = bus
        self._samples = samples
        self._series = series
        self._supply = supply
        self._to = to
        # A, B and C of the Steinhart-Hart equation: without C it is the one with beta.
        a = 1 / (25 + _KELVIN) - math.log(r25) / beta
        self._coefficients = steinhart or (a, 1 / beta, 0)

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 1 decimal. Takes 1 ms a sample, awaited.

        Raises OSError when the ADC fails, SensorError when the thermistor is open or shorted.
        """
        volts = await _adc.volts(self._adc, self._samples)
        ln = math.log(self._ohm(volts))
        a, b, c = self._coefficients
        return (round(1 / (a + b * ln + c * ln * ln * ln) - _KELVIN, 1),)

    def _ohm(self, volts):
        # Of the thermistor.
        share = volts / self._supply
        if self._to == "supply":
            share = 1 - share
        if share < _SHORT:
            raise SensorError("thermistor shorted: check its wires")
        if share > _OPEN:
            raise SensorError("thermistor open: check its wires")
        return self._series * share / (1 - share)
