# Sensirion SHT30, SHT31, SHT35: temperature and humidity over I2C.
# Sections are those of the data sheet SHT3x-DIS, version 7.

from sensors._sht import Sht

# The ranges are what the sensor is specified for (2).
QUANTITIES = (
    ("temperature", "°C", 2, -40, 125, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
)
BUS = "i2c"
OPTIONS = {"address": (0x44, (0x44, 0x45))}
READY_MS = 2  # 2.2: 1 ms, 1.5 ms below 2.4 V


class Driver(Sht):
    """An SHT3x in single shot mode, high repeatability, without clock stretching."""

    RESET = b"\x30\xa2"  # 4.9
    RESET_MS = 3  # 2.2: 1.5 ms
    MEASURE = b"\x24\x00"  # 4.3
    MEASURE_MS = 17  # 2.2: 15.5 ms below 2.4 V
    DRIEST, SPAN = 0, 100  # 4.13
