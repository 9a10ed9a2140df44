# Texas Instruments INA219: voltage, current and power of a supply over I2C.
# Names are those of the data sheet SBOS448.

import asyncio

from sensors import Range, SensorError

# The range of the voltage is the chip's. Those of the rest follow from 320 mV at the
# smallest shunt.
QUANTITIES = (
    ("voltage", "V", 3, 0, 26, "voltage"),
    ("current", "A", 4, -32, 32, "current"),
    ("power", "W", 3, -832, 832, "power"),
)
BUS = "i2c"
OPTIONS = {
    "address": (0x40, tuple(range(0x40, 0x50))),
    # The resistor between the two inputs, milliohm; 100 on most boards.
    "shunt_mohm": (100, Range(10, 100_000)),
}

_CONFIG, _SHUNT, _BUS = 0x00, 0x01, 0x02
_RESET = b"\x80\x00"  # RST
_AFTER_RESET = b"\x39\x9f"
# 32 V (BRNG), 320 mV (PG), 8 samples of 12 bits (BADC, SADC) of both voltages, once (MODE).
_TRIGGER = b"\x3d\xdb"
# Two times 4.26 ms and 10 % more at most, and one ms: a sleep of n ms may end after n - 1.
_MEASURE_MS = 11
_READY = 0x02  # CNVR in the bus voltage register
# Looks at it before giving up, and the pause between them.
_TRIES = 5
_PAUSE_MS = 5


class Driver:
    """An INA219 that measures when it is read; its calibration register is of no use here."""

    def __init__(self, bus, address: int = 0x40, shunt_mohm: int = 100):
        self._bus = bus
        self._address = address
        self._shunt_mohm = shunt_mohm
        # True from the set-up until something fails.
        self._ready = False
        # What a register answered.
        self._word = bytearray(2)

    def reset(self):
        """Has the next read() set the chip up anew."""
        self._ready = False

    async def read(self) -> tuple:
        """Returns (V, A, W), rounded to 3, 4 and 3 decimals. Takes about 12 ms, awaited.

        The current is positive from the input "+" to "-". Raises OSError when the bus fails,
        SensorError when the chip isn't an INA219, isn't ready in time or has too much current.
        """
        try:
            if not self._ready:
                self._set_up()
            self._bus.writeto_mem(self._address, _CONFIG, _TRIGGER)
            await asyncio.sleep_ms(_MEASURE_MS)
            for _ in range(_TRIES):
                word = self._load(_BUS)
                if word & _READY:
                    return self._values((word >> 3) * 4)
                await asyncio.sleep_ms(_PAUSE_MS)
            raise self._error("stays busy: switch its supply off and on")
        except (OSError, SensorError):
            self._ready = False
            raise

    def _set_up(self):
        self._bus.writeto_mem(self._address, _CONFIG, _RESET)
        self._load(_CONFIG)
        if self._word != _AFTER_RESET:
            raise self._error("is no INA219: check the address")
        self._ready = True

    def _values(self, millivolt):
        word = self._load(_SHUNT)
        # In 10 uV, signed.
        count = word - (word >> 15 << 16)
        if abs(count) >= 32000:
            raise self._error("has 320 mV or more at its shunt: take a smaller one")
        # In 0.1 mA and mW, rounded. Integers up to the last step: single and double precision
        # then make the same text of them.
        current = _divided(count * 100, self._shunt_mohm)
        power = _divided(millivolt * count * 10, self._shunt_mohm * 1000)
        return millivolt / 1000, current / 10_000, power / 1000

    def _load(self, register):
        self._bus.readfrom_mem_into(self._address, register, self._word)
        return self._word[0] << 8 | self._word[1]

    def _error(self, text):
        return SensorError(f"0x{self._address:02x} {text}")


def _divided(value, divisor):
    return (2 * value + divisor) // (2 * divisor)
