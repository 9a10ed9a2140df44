"""ROHM BH1750FVI on I2C (data sheet 2011.11, Rev.D), with the default measurement time."""

from .wire import nack, nearest

POWER_DOWN, POWER_ON, RESET = 0x00, 0x01, 0x07
# Measuring once: command -> (s at most, counts a lux, bits that are always 0).
ONE_TIME = {0x20: (0.18, 1.2, 0), 0x21: (0.18, 2.4, 0), 0x23: (0.024, 1.2, 2)}


class BH1750:
    """Without its continuous modes. An answer that comes too early is the former count."""

    def __init__(self, world, address: int = 0x23):
        self.world, self.address = world, address
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        self._on, self._count = False, 0
        # (s of the world when it ends, counts a lux, bits that are 0); None without a measurement.
        self._running = None

    def write(self, data: bytes) -> None:
        """One command a transaction."""
        self._advance()
        if len(data) > 1 or data and data[0] not in (POWER_DOWN, POWER_ON, RESET, *ONE_TIME):
            raise nack()
        if data:
            self._command(data[0])

    def read(self, count: int) -> bytes:
        """The count of the last measurement that has ended."""
        self._advance()
        return self._count.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    def _command(self, command):
        if command in ONE_TIME and self._on:
            seconds, *rest = ONE_TIME[command]
            self._running = (self.world.now() + seconds, *rest)
        elif command == RESET and self._on:
            self._count = 0
        elif command in (POWER_DOWN, POWER_ON):
            self._on, self._running = command == POWER_ON, None

    def _advance(self):
        if self._running is None or self.world.now() < self._running[0]:
            return
        ends, counts, lost_bits = self._running
        self._count = nearest(self.world.value("illuminance", ends) * counts, 16)
        self._count = self._count >> lost_bits << lost_bits
        self._on, self._running = False, None
