# Aosong DHT22 (AM2302, AM2301): temperature and humidity on one wire of its own kind.

from sensors import _dht

# The ranges are what the sensor is specified for.
QUANTITIES = (
    ("temperature", "°C", 1, -40, 80, "temperature"),
    ("humidity", "%", 1, 0, 100, "humidity"),
)
BUS = "pin"
DRIVES = True
OPTIONS = {}
# It needs 1 s, and 2 s after a reading, which may have been just before a reset.
READY_MS = 2000
BLOCKS_MS = _dht.BLOCKS_MS


class Driver(_dht.Dht):
    """A DHT22 on a pin with a pull-up."""

    REST_MS = 2000

    def values(self, data) -> tuple:
        """Returns (°C, %) in tenths; a negative temperature is its amount and a sign bit."""
        tenths = (data[2] & 0x7F) << 8 | data[3]
        return (-tenths if data[2] & 0x80 else tenths) / 10, (data[0] << 8 | data[1]) / 10
