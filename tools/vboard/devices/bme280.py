"""Bosch BME280 on I2C, at the level of its registers (data sheet BST-BME280-DS002).

The counts come from the world: the data sheet's formulas in double precision (8.1) are inverted by
bisection, so that a driver that computes with the integer formulas (4.2.3) is held against others.
The IIR filter smooths nothing here, it only raises the resolution (3.4.4).
"""

import random
import struct
from typing import NamedTuple

from .emulation import Emulation, Shown, on_i2c

SLEEP, FORCED, NORMAL = 0, 1, 3

# Registers (5.3, table 18).
CALIBRATION_LOW, CALIBRATION_HIGH = 0x88, 0xE1
ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
RESET_WORD = 0xB6
MEASURING, IM_UPDATE = 0x08, 0x01

CHIP_ID = 0x60

# What the data registers hold before a measurement, and for a skipped quantity (5.4.7 to 5.4.9).
SKIPPED_20, SKIPPED_16 = 0x80000, 0x8000

# Seconds from power-on or reset until the calibration words are there (1.1, table 1).
START_S = 0.002

# Samples by osrs_t, osrs_p, osrs_h (5.4.3, 5.4.5), and standby in s by t_sb (5.4.6).
OVERSAMPLING = (0, 1, 2, 4, 8, 16, 16, 16)
STANDBY_S = (0.0005, 0.0625, 0.125, 0.25, 0.5, 1.0, 0.010, 0.020)


class Calibration(NamedTuple):
    """The words a chip gets at the factory (4.2.2, table 16)."""

    t1: int
    t2: int
    t3: int
    p1: int
    p2: int
    p3: int
    p4: int
    p5: int
    p6: int
    p7: int
    p8: int
    p9: int
    h1: int
    h2: int
    h3: int
    h4: int
    h5: int
    h6: int

    @property
    def low(self) -> bytes:
        """The registers 0x88..0xA1."""
        return struct.pack("<HhhHhhhhhhhhxB", *self[:13])

    @property
    def high(self) -> bytes:
        """The registers 0xE1..0xE7: H4 and H5 are 12 bits each and share a register."""
        middle = (self.h4 >> 4 & 0xFF, (self.h5 & 15) << 4 | self.h4 & 15, self.h5 >> 4 & 0xFF)
        return struct.pack("<hB3Bb", self.h2, self.h3, *middle, self.h6)


# Temperature and pressure as in Bosch's worked example of these formulas (data sheet of the
# BMP280, BST-BMP280-DS001, 3.12), humidity as many chips have it.
EXAMPLE = Calibration(
    *(27504, 26435, -1000),
    *(36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
    *(75, 362, 0, 313, 50, 30),
)


def seeded(seed: int | str) -> Calibration:
    """Returns the words of one chip: like those of real ones, different from chip to chip."""
    draw = random.Random(f"bme280/{seed}")
    p7_to_p9 = draw.choice(((15500, -14600, 6000), (9900, -10230, 4285), (12300, -12000, 5000)))
    return Calibration(
        *(draw.randint(27200, 28900), draw.randint(25800, 26900), draw.choice((-1000, 50))),
        *(draw.randint(35500, 38500), draw.randint(-10900, -10300), 3024),
        *(draw.randint(2000, 9500), draw.randint(-200, 200), -7, *p7_to_p9),
        *(75, draw.randint(345, 380), 0, draw.randint(290, 340), draw.choice((0, 50)), 30),
    )


# -- 8.1: compensation formulas in double precision


def fine_temperature(words: Calibration, count: int) -> float:
    """Returns the temperature in 1/5120 °C."""
    linear = (count / 16384 - words.t1 / 1024) * words.t2
    return linear + (count / 131072 - words.t1 / 8192) ** 2 * words.t3


def celsius(words: Calibration, count: int) -> float:
    return fine_temperature(words, count) / 5120


def hectopascal(words: Calibration, fine: float, count: int) -> float:
    half = fine / 2 - 64000
    offset = (half * half * words.p6 / 32768 + half * words.p5 * 2) / 4 + words.p4 * 65536
    slope = (words.p3 * half * half / 524288 + words.p2 * half) / 524288
    scale = (1 + slope / 32768) * words.p1
    if scale == 0:
        return 0.0
    pascal = (1048576 - count - offset / 4096) * 6250 / scale
    square = words.p9 * pascal * pascal / 2147483648
    return (pascal + (square + pascal * words.p8 / 32768 + words.p7) / 16) / 100


def percent(words: Calibration, fine: float, count: int) -> float:
    """Returns the relative humidity in %, not limited to 0..100 as the data sheet does at last."""
    t = fine - 76800
    level = count - (words.h4 * 64 + words.h5 / 16384 * t)
    bend = 1 + words.h6 / 67108864 * t * (1 + words.h3 / 67108864 * t)
    h = level * words.h2 / 65536 * bend
    return h * (1 - words.h1 * h / 524288)


def count_for(formula, target: float, bits: int, lost_bits: int = 0) -> int:
    """Returns the count whose formula(count) is nearest to target; the ends if it is beyond them.

    `formula` rises or falls all the way. The lowest `lost_bits` of the count are zero.
    """
    step, low, high = 1 << lost_bits, 0, (1 << bits - lost_bits) - 1
    rising = formula(0) < formula(high * step)
    while high - low > 1:
        middle = (low + high) // 2
        if (formula(middle * step) < target) == rising:
            low = middle
        else:
            high = middle
    return min((low * step, high * step), key=lambda count: abs(formula(count) - target))


class BME280:
    """The chip. `calibration` None: words drawn from the seed. `world` is asked as it measures."""

    def __init__(self, world, address: int = 0x76, seed: int | str = 0, calibration=None):
        self.address = address
        self.chip_id = CHIP_ID
        self.calibration = calibration or seeded(seed)
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Power-on, and what writing 0xB6 to the reset register does (5.4.2)."""
        # Register from which the next read goes on.
        self._pointer = 0
        self._started = self.world.now()
        self._ctrl_hum = self._ctrl_meas = self._config = 0
        # osrs_h as of the last write to ctrl_meas: earlier it has no effect (5.4.3).
        self._humidity_setting = 0
        # When the measurement that runs or comes next begins and ends, s of the world; None in
        # sleep mode.
        self._begins = self._ends = None
        # Registers 0xF7..0xFE.
        self._data = _data_registers(SKIPPED_20, SKIPPED_20, SKIPPED_16)

    def write(self, data: bytes) -> None:
        """A register address, then its value; more pairs may follow (6.2.1)."""
        self._advance()
        if data:
            self._pointer = data[0]
        for register, value in zip(data[::2], data[1::2], strict=False):
            self._write_register(register, value)

    def read(self, count: int) -> bytes:
        """Reads on from the register address, which rises by itself (6.2.2).

        All bytes are of the same moment: this is the shadowing of a burst read (4.1).
        """
        self._advance()
        registers = self._registers()
        found = bytes(registers[(self._pointer + i) & 0xFF] for i in range(count))
        self._pointer = (self._pointer + count) & 0xFF
        return found

    @property
    def measure_s(self) -> float:
        """Seconds of one measurement as it is set now, the data sheet's maximum (9.1)."""
        temperature, pressure, humidity = self._samples()
        ms = 1.25 + 2.3 * (temperature + pressure + humidity)
        return (ms + 0.575 * bool(pressure) + 0.575 * bool(humidity)) / 1000

    # -- registers

    def _registers(self):
        registers = bytearray(256)
        if not self._loading:
            _put(registers, CALIBRATION_LOW, self.calibration.low)
            _put(registers, CALIBRATION_HIGH, self.calibration.high)
        registers[ID] = self.chip_id
        registers[CTRL_HUM], registers[STATUS] = self._ctrl_hum, self._status()
        registers[CTRL_MEAS], registers[CONFIG] = self._ctrl_meas, self._config
        _put(registers, DATA, self._data)
        return registers

    def _write_register(self, register, value):
        if register == RESET and value == RESET_WORD:
            self.reset()
        elif register == CTRL_HUM:
            self._ctrl_hum = value & 7
        elif register == CONFIG and self._mode == SLEEP:
            # In normal mode writes may be ignored (5.4.6): count on it.
            self._config = value & 0xFD
        elif register == CTRL_MEAS:
            self._ctrl_meas, self._humidity_setting = value, self._ctrl_hum
            self._ends = None
            if self._mode != SLEEP:
                self._plan(self.world.now())

    def _status(self):
        measuring = self._ends is not None and self.world.now() >= self._begins
        return MEASURING * measuring | IM_UPDATE * self._loading

    @property
    def _loading(self):
        return self.world.now() - self._started < START_S

    @property
    def _mode(self):
        mode = self._ctrl_meas & 3
        return FORCED if mode == 2 else mode

    # -- measuring

    def _samples(self):
        settings = (self._ctrl_meas >> 5, self._ctrl_meas >> 2 & 7, self._humidity_setting)
        return tuple(OVERSAMPLING[setting] for setting in settings)

    def _advance(self):
        # What happened since the last transaction.
        now = self.world.now()
        if self._ends is None or now < self._ends:
            return
        if self._mode == NORMAL:
            cycle = self.measure_s + STANDBY_S[self._config >> 5]
            self._ends += (now - self._ends) // cycle * cycle
            self._measure(self._ends)
            self._plan(self._ends + cycle - self.measure_s)
        else:
            self._measure(self._ends)
            self._ends = None
            # Back to sleep mode (3.3.3).
            self._ctrl_meas &= 0xFC

    def _plan(self, begins):
        self._begins, self._ends = begins, begins + self.measure_s

    def _measure(self, at):
        samples, words = self._samples(), self.calibration
        temperature = self._count(lambda c: celsius(words, c), "temperature", at, samples[0])
        fine = fine_temperature(words, temperature)
        pressure = self._count(lambda c: hectopascal(words, fine, c), "pressure", at, samples[1])
        humidity = SKIPPED_16
        if samples[2]:
            target = self.world.value("humidity", at)
            humidity = count_for(lambda c: percent(words, fine, c), target, 16)
        self._data = _data_registers(pressure, temperature, humidity)

    def _count(self, formula, quantity, at, samples):
        if not samples:
            return SKIPPED_20
        # 16 bits at x1, one more for each doubling; all 20 with the filter (3.4.1, 3.4.2, 3.4.4).
        filtered = self._config >> 2 & 7
        lost_bits = 0 if filtered else 4 - (samples.bit_length() - 1)
        return count_for(formula, self.world.value(quantity, at), 20, lost_bits)


def _put(registers, start, data):
    registers[start : start + len(data)] = data


def _data_registers(pressure, temperature, humidity):
    # 20 bits each from the top of three registers, and 16 bits: 8 bytes in a row.
    return (pressure << 44 | temperature << 20 | humidity).to_bytes(8, "big")


# Half a step of 16 bits and what the data sheet's integer formulas (4.2.3) are off.
TEMPERATURE, PRESSURE = Shown(-40, 85, 0.006), Shown(300, 1100, 0.03)


def made(chip):
    """Returns make() of an Emulation: each address has words of its own."""

    def make(place, sensor):
        address = sensor["options"]["address"]
        return chip(place, address, seed=address)

    return make


_SHOWN = {"temperature": TEMPERATURE, "humidity": Shown(0, 100, 0.03), "pressure": PRESSURE}
# Counts have no check sum.
EMULATIONS = {"bme280": Emulation("i2c", on_i2c("a BME280", made(BME280), _SHOWN), blind=("crc",))}
