"""Bosch BMP280 on I2C (data sheet BST-BMP280-DS001): a BME280 that has no humidity."""

from .bme280 import BME280, CALIBRATION_HIGH, CTRL_HUM, DATA, PRESSURE, TEMPERATURE, made
from .emulation import Emulation, on_i2c

CHIP_ID = 0x58

# First register and count of what a BME280 has for humidity.
_H1, _H2_TO_H6, _HUMIDITY = (0xA1, 1), (CALIBRATION_HIGH, 7), (DATA + 6, 2)


class BMP280(BME280):
    """The chip; `calibration` as a BME280's, of which H1 to H6 don't count."""

    def __init__(self, world, address: int = 0x76, seed: int | str = 0, calibration=None):
        super().__init__(world, address, seed, calibration)
        self.chip_id = CHIP_ID

    def _registers(self):
        registers = super()._registers()
        for first, count in (_H1, _H2_TO_H6, _HUMIDITY):
            registers[first : first + count] = bytes(count)
        return registers

    def _write_register(self, register, value):
        if register != CTRL_HUM:
            super()._write_register(register, value)


_SHOWN = {"temperature": TEMPERATURE, "pressure": PRESSURE}
# Counts have no check sum.
EMULATIONS = {"bmp280": Emulation("i2c", on_i2c("a BMP280", made(BMP280), _SHOWN), blind=("crc",))}
