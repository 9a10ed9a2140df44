"""Texas Instruments INA219 on I2C (data sheet SBOS448), measuring when it is triggered.

Its calibration, current and power registers hold what is written to them and 0: they are of use
only to drivers that leave the division to the chip.
"""

from .emulation import Emulation, Shown, on_i2c
from .source import Source, value_at
from .wire import nack

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
POWER_ON, RESET = 0x399F, 0x8000
CNVR = 0x02
# MODE: shunt and bus voltage, triggered.
TRIGGERED = 3

# Seconds by the lower three bits of BADC and SADC for 9 to 12 bits, and by those for 1 to 128
# samples, at most: 586 us where 532 are typical.
SLOWNESS = 586 / 532
BITS_S = (84e-6, 148e-6, 276e-6, 532e-6)
SAMPLES_S = tuple(532e-6 * (1 << power) for power in range(8))
# Full scale of the shunt's voltage in 10 uV by PG.
SHUNT_LIMITS = (4000, 8000, 16000, 32000)


class INA219:
    """`volts` and `amperes` are what it measures, through a shunt of so many ohms."""

    def __init__(
        self,
        world,
        address: int = 0x40,
        volts: Source = 0.0,
        amperes: Source = 0.0,
        shunt_ohm: float = 0.1,
    ):
        self.world, self.address = world, address
        self.volts, self.amperes, self.shunt_ohm = volts, amperes, shunt_ohm
        # What the configuration register holds after a reset: another chip has another.
        self.power_on_config = POWER_ON
        # Measurements take this many times as long.
        self.slowness = SLOWNESS
        self.reset()

    def reset(self) -> None:
        """Power-on, and what writing the reset bit does."""
        # Register that is read next.
        self._pointer = CONFIG
        self._config, self._calibration = self.power_on_config, 0
        # Words of the shunt and bus voltage registers, without CNVR.
        self._shunt = self._bus = 0
        # True from the end of a measurement to the next write of the configuration.
        self._converted = False
        # When the measurement ends, s of the world; None without one.
        self._ends = None

    def write(self, data: bytes) -> None:
        """The register, then its word where one is written."""
        self._advance()
        if len(data) not in (0, 1, 3) or data and data[0] > CALIBRATION:
            raise nack()
        if data:
            self._pointer = data[0]
        if len(data) == 3:
            self._write_register(int.from_bytes(data[1:], "big"))

    def read(self, count: int) -> bytes:
        """The word of the register."""
        self._advance()
        words = {
            CONFIG: self._config,
            SHUNT: self._shunt,
            BUS: self._bus | CNVR * self._converted,
            CALIBRATION: self._calibration,
        }
        word = words.get(self._pointer, 0)
        return word.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    @property
    def measure_s(self) -> float:
        """Seconds of one measurement as it is set now, at most."""
        settings = (self._config >> 7 & 15, self._config >> 3 & 15)
        return self.slowness * sum(
            SAMPLES_S[setting & 7] if setting & 8 else BITS_S[setting & 3] for setting in settings
        )

    def _write_register(self, word):
        if self._pointer == CONFIG and word & RESET:
            self.reset()
        elif self._pointer == CONFIG:
            self._config, self._converted = word, False
            triggered = word & 7 == TRIGGERED
            self._ends = self.world.now() + self.measure_s if triggered else None
        elif self._pointer == CALIBRATION:
            self._calibration = word & 0xFFFE

    def _advance(self):
        ends = self._ends
        if ends is None or self.world.now() < ends:
            return
        limit = SHUNT_LIMITS[self._config >> 11 & 3]
        shunt = round(value_at(self.amperes, ends) * self.shunt_ohm * 100_000)
        self._shunt = min(max(shunt, -limit), limit) & 0xFFFF
        highest = 8000 if self._config & 0x2000 else 4000
        self._bus = min(max(round(value_at(self.volts, ends) * 250), 0), highest) << 3
        self._converted, self._ends = True, None


def _shunt_ohm(sensor):
    return sensor["options"]["shunt_mohm"] / 1000


def _make(place, sensor):
    sources = place.source("voltage"), place.source("current")
    return INA219(place, sensor["options"]["address"], *sources, _shunt_ohm(sensor))


# Half a step of the voltage, V and, at the shunt, V.
_HALF, _HALF_SHUNT = 0.002, 0.000_005


def _shows(_, sensor):
    # Its full scale at the shunt, 320 mV, is more than it can measure.
    most = 0.3199 / _shunt_ohm(sensor)
    current = Shown(-most, most, _HALF_SHUNT / _shunt_ohm(sensor))
    return {"voltage": Shown(0, 26, _HALF), "current": current}


def _derives(place, sensor):
    def tolerance(_):
        volts, amperes = abs(place.value("voltage")), abs(place.value("current"))
        half = _HALF_SHUNT / _shunt_ohm(sensor)
        return volts * half + amperes * _HALF + half * _HALF

    truth = lambda at: place.value("voltage", at) * place.value("current", at)  # noqa: E731
    return {"power": (truth, tolerance)}


_ATTACH = on_i2c("an INA219", _make, _shows, _derives)
# Words have no check sum, and all ones are a small current.
EMULATIONS = {"ina219": Emulation("i2c", _ATTACH, blind=("crc", "ones"))}
