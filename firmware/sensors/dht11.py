# Aosong DHT11: temperature and humidity in whole numbers, on one wire of its own kind.

from sensors import _dht

# What later ones are specified for, frost apart; the first were from 20 to 90 % and up to 50 °C.
QUANTITIES = (
    ("temperature", "°C", 0, 0, 60, "temperature"),
    ("humidity", "%", 0, 5, 95, "humidity"),
)
BUS = "pin"
DRIVES = True
OPTIONS = {}
READY_MS = 1000
BLOCKS_MS = _dht.BLOCKS_MS


class Driver(_dht.Dht):
    """A DHT11 on a pin with a pull-up."""

    REST_MS = 1000

    def values(self, data) -> tuple:
        """Returns (°C, %). The bytes between them are 0 with most."""
        return data[2], data[0]
