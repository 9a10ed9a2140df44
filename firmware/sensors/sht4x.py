# Sensirion SHT40, SHT41, SHT45: temperature and humidity over I2C.
# Sections are those of the data sheet SHT4x, version 6.

from sensors._sht import Sht

# The ranges are what the sensor is specified for (2).
QUANTITIES = (
    ("temperature", "°C", 2, -40, 125, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
)
BUS = "i2c"
# The last two are those of other order codes (SHT40-B, SHT40-C).
OPTIONS = {"address": (0x44, (0x44, 0x45, 0x46))}
READY_MS = 1


class Driver(Sht):
    """An SHT4x, high precision, its heater unused."""

    RESET = b"\x94"  # 4.5
    RESET_MS = 2  # 1 ms
    MEASURE = b"\xfd"  # 4.5
    MEASURE_MS = 10  # 8.3 ms
    DRIEST, SPAN = -6, 125  # 4.6: what is beyond 0 and 100 % may be cut off
