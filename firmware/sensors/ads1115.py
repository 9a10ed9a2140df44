# Texas Instruments ADS1115: four voltages over I2C, against ground or each other.
# Names are those of the data sheet SBAS444.

import asyncio

from sensors import SensorError

# An input must stay between ground - 0.3 V and supply + 0.3 V, the supply is 5.5 V at most.
QUANTITIES = tuple([("ain%d" % i, "V", 5, -0.3, 5.8, "voltage") for i in range(4)])
BUS = "i2c"
OPTIONS = {
    "address": (0x48, (0x48, 0x49, 0x4A, 0x4B)),
    # Full scale in mV: what is beyond reads as full scale (PGA).
    "range_mv": (4096, (6144, 4096, 2048, 1024, 512, 256)),
    # The input that is taken off; without one it is ground.
    "ain0_minus": (None, (1, 3)),
    "ain1_minus": (None, (3,)),
    "ain2_minus": (None, (3,)),
}
READY_MS = 1  # 50 us

_CONVERSION, _CONFIG = 0x00, 0x01
# Config register: start one conversion (OS); single-shot mode (MODE); 128 a second (DR) and no
# comparator (COMP_QUE). OS reads 1 when it is idle.
_START, _SINGLE_SHOT, _NO_COMPARATOR = 0x80, 0x01, 0x83
# A conversion takes 7.8 ms and 10 % more at most, and one ms: a sleep of n ms may end after
# n - 1.
_CONVERT_MS = 10


class Driver:
    """An ADS1115 in single-shot mode: four conversions a reading, powered down in between.

    With `ain0_minus` 1 the value `ain0` is that of AIN0 less that of AIN1.
    """

    def __init__(
        self,
        bus,
        address: int = 0x48,
        range_mv: int = 4096,
        ain0_minus=None,
        ain1_minus=None,
        ain2_minus=None,
    ):
        self._bus = bus
        self._address = address
        # What a step is, in 0.3125 uV: 25 at 256 mV.
        self._step = range_mv // 256 * 25
        # The bits of the full scale (PGA), and of each value's inputs (MUX).
        self._gain = OPTIONS["range_mv"][1].index(range_mv) << 1
        self._inputs = bytearray(range(4, 8))
        self.quantities = list(QUANTITIES)
        for i, minus in enumerate((ain0_minus, ain1_minus, ain2_minus)):
            if minus:
                self._inputs[i] = i + (minus == 3)
                self.quantities[i] = QUANTITIES[i][:3] + (-6.1, 6.1, "voltage")
        # The configuration as it was written, and what a register answered.
        self._config = bytearray((0, _NO_COMPARATOR))
        self._word = bytearray(2)

    async def read(self) -> tuple:
        """Returns V of AIN0 to AIN3, or a difference in place of one, rounded to 5 decimals.

        Takes about 42 ms, awaited. Raises OSError when the bus fails, SensorError when what
        answers is no ADS1115.
        """
        values = []
        for inputs in self._inputs:
            self._start(inputs)
            await asyncio.sleep_ms(_CONVERT_MS)
            values.append(self._volts())
        return tuple(values)

    def _start(self, inputs):
        self._config[0] = _START | inputs << 4 | self._gain | _SINGLE_SHOT
        self._bus.writeto_mem(self._address, _CONFIG, self._config)

    def _volts(self):
        self._check()
        self._bus.readfrom_mem_into(self._address, _CONVERSION, self._word)
        count = (self._word[0] << 8 | self._word[1]) - (self._word[0] >> 7 << 16)
        # In 10 uV; integers up to the last step: single and double precision then make the same
        # text of it.
        return ((count * self._step + 16) >> 5) / 100_000

    def _check(self):
        # The chip has no id, but its settings are there for whoever lost its power or isn't one.
        self._bus.readfrom_mem_into(self._address, _CONFIG, self._word)
        if self._word[0] == self._config[0] & ~_START:
            raise SensorError(f"0x{self._address:02x} stays busy: switch its supply off and on")
        if self._word != self._config:
            raise SensorError(
                f"0x{self._address:02x} is no ADS1115 or lost its supply: check both"
            )
