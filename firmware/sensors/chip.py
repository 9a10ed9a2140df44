# The chip itself: radio signal, memory, running time.

QUANTITIES = (
    ("rssi", "dBm", 0, None, None, "signal_strength"),
    ("free_heap", "B", 0, None, None, "data_size"),
    ("uptime", "s", 0, None, None, "duration"),
)
BUS = None
OPTIONS = {}
EVENTS = False


class Driver:
    """What the node knows of itself, from an object with rssi(), free_heap() and uptime()."""

    def __init__(self, bus):
        self._host = bus

    async def read(self) -> tuple:
        """Returns (dBm or None without Wi-Fi, bytes, s), whole numbers."""
        return self._host.rssi(), self._host.free_heap(), self._host.uptime()
