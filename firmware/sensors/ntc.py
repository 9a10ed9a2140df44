# A thermistor (NTC) at an ADC pin, in a divider with a resistor.

import math

from sensors import Range, SensorError, _adc

OHM = Range(1.0, 10_000_000.0)


class Coefficients(Range):
    """[A, B, C] of the Steinhart-Hart equation, with the resistance in ohm."""

    def __contains__(self, value) -> bool:
        if not isinstance(value, list) or len(value) != 3:
            return False
        return all(map(super().__contains__, value)) and value[0] > 0

    def __str__(self) -> str:
        return "[A, B, C] of Steinhart-Hart"


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
        self._divider = series, supply, to
        # A, B and C of the Steinhart-Hart equation: without C it is the one with beta.
        self._abc = steinhart or (1 / 298.15 - math.log(r25) / beta, 1 / beta, 0)

    async def read(self) -> tuple:
        """Returns (°C,), rounded to 1 decimal. Takes 1 ms a sample, awaited.

        Raises OSError when the ADC fails, SensorError when the thermistor is open or shorted.
        """
        ln = math.log(self._ohm(await _adc.volts(self._adc, self._samples)))
        a, b, c = self._abc
        return (round(1 / (a + b * ln + c * ln * ln * ln) - 273.15, 1),)

    def _ohm(self, volts):
        # Of the thermistor. None in use leaves less than a hundredth of the supply.
        series, supply, to = self._divider
        share = volts / supply if to == "ground" else 1 - volts / supply
        if not 0.01 <= share <= 0.99:
            raise SensorError(("open" if share > 0.5 else "shorted") + ": check its wires")
        return series * share / (1 - share)
