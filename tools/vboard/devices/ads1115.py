"""Texas Instruments ADS1115 on I2C (data sheet SBAS444), single conversions only."""

from collections.abc import Sequence

from ..weather import DAY_S, shape
from .emulation import Emulation, Shown, on_i2c
from .source import Source, value_at
from .wire import nack

CONVERSION, CONFIG = 0, 1
# Config register after power-on: single-shot mode, idle, AIN0 against AIN1, 2.048 V, 128 a second.
POWER_ON = 0x8583
OS = 0x8000

# Positive and negative input by MUX (None: ground), full scale in V by PGA, conversions a second
# by DR, of which a chip may be 10 % short.
INPUTS = ((0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None))
FULL_SCALE = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
RATES = (8, 16, 32, 64, 128, 250, 475, 860)
SLOWNESS = 1.1


class ADS1115:
    """`inputs` are the volts at AIN0 to AIN3: numbers, or functions of the world's seconds."""

    def __init__(
        self,
        world,
        address: int = 0x48,
        inputs: Sequence[Source] = (0.0, 0.0, 0.0, 0.0),
    ):
        self.world, self.address = world, address
        self.inputs = list(inputs)
        # Conversions take this many times as long.
        self.slowness = SLOWNESS
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        # Register that is read next.
        self._pointer = CONVERSION
        self._config, self._count = POWER_ON & ~OS, 0
        # When the conversion ends, s of the world; None without one.
        self._ends = None

    def write(self, data: bytes) -> None:
        """The register, then its word where one is written."""
        self._advance()
        if len(data) not in (0, 1, 3) or data and data[0] > 3:
            raise nack()
        if data:
            self._pointer = data[0]
        if len(data) == 3 and self._pointer == CONFIG:
            self._configure(int.from_bytes(data[1:], "big"))

    def read(self, count: int) -> bytes:
        """The word of the register: a count with its sign, or the settings and OS, 1 if idle."""
        self._advance()
        word = self._count & 0xFFFF
        if self._pointer == CONFIG:
            word = self._config | OS * (self._ends is None)
        elif self._pointer != CONVERSION:
            # The comparator's thresholds.
            word = 0x8000 if self._pointer == 2 else 0x7FFF
        return word.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    def _configure(self, word):
        self._config = word & ~OS
        if word & OS and self._ends is None:
            self._ends = self.world.now() + self.slowness / RATES[word >> 5 & 7]

    def _advance(self):
        ends = self._ends
        if ends is None or self.world.now() < ends:
            return
        positive, negative = INPUTS[self._config >> 12 & 7]
        volts = self._volts(positive, ends) - self._volts(negative, ends)
        count = round(volts * 32768 / FULL_SCALE[self._config >> 9 & 7])
        self._count, self._ends = min(max(count, -32768), 32767), None

    def _volts(self, number, at) -> float:
        return 0.0 if number is None else value_at(self.inputs[number], at)


AINS = tuple(f"ain{number}" for number in range(4))
# Inputs bear 0.3 V below ground and above the supply, which is 5.5 V at most.
LOWEST, HIGHEST = -0.3, 5.8


def _make(place, sensor):
    inputs = [place.source(name) for name in AINS]
    return ADS1115(place, sensor["options"]["address"], inputs)


def _shows(place, sensor):
    full = sensor["options"]["range_mv"] / 1000
    shown = Shown(max(LOWEST, -full), min(HIGHEST, full * 32767 / 32768), full / 65536)
    return {name: shown for name in AINS if not _minus(sensor, name)}


def _derives(place, sensor):
    def difference(name, minus):
        return lambda at: place.value(name, at) - place.value(minus, at)

    tolerance = sensor["options"]["range_mv"] / 1000 / 65536
    pairs = {name: _minus(sensor, name) for name in AINS}
    return {name: (difference(name, pairs[name]), tolerance) for name in AINS if pairs[name]}


def _minus(sensor, name):
    # Returns the input that is taken off that one, None for ground.
    number = sensor["options"].get(f"{name}_minus")
    return number and AINS[number]


# The world has no such voltages by itself: each input has one of its own.
_AIN = shape((0.2, 1.5), 0.1, DAY_S, 0.02)
EMULATIONS = {
    "ads1115": Emulation(
        "i2c", on_i2c("an ADS1115", _make, _shows, _derives), quantities=dict.fromkeys(AINS, _AIN)
    )
}
