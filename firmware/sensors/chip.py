# The chip itself: radio signal, memory, running time, why it started, temperature.

QUANTITIES = (
    ("rssi", "dBm", 0, None, None, "signal_strength"),
    ("free_heap", "B", 0, None, None, "data_size"),
    ("uptime", "s", 0, None, None, "duration"),
    ("reset_cause", None, None, None, None, None),
    # Of the silicon, which is warmer than the air; nobody calibrated that of the first ESP32.
    ("chip_temperature", "°C", 0, -40, 125, "temperature"),
)
BUS = None
OPTIONS = {}

# As machine.reset_cause() counts them; to an ESP32 a brown-out is a power-on, and a panic a hard
# reset.
_CAUSES = ("unknown", "power on", "hard reset", "watchdog", "deep sleep", "soft reset")


class Driver:
    """What the node knows of itself, from an object with rssi(), free_heap(), uptime(),
    reset_cause() and celsius(), which is None where the chip has no thermometer."""

    def __init__(self, bus):
        self._host = bus
        self.quantities = QUANTITIES if bus.celsius else QUANTITIES[:-1]

    async def read(self) -> tuple:
        """Returns (dBm or None without Wi-Fi, bytes, s, text, °C), whole numbers.

        The last one is left out where the chip has no thermometer.
        """
        host = self._host
        cause = _CAUSES[host.reset_cause()]
        values = host.rssi(), host.free_heap(), host.uptime(), cause
        return values + (host.celsius(),) if host.celsius else values
