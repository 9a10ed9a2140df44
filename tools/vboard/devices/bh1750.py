"""ROHM BH1750FVI on I2C (data sheet 2011.11, Rev.D), with the default measurement time."""

from .emulation import Emulation, Shown, on_address, on_i2c
from .wire import nack, nearest

POWER_DOWN, POWER_ON, RESET = 0x00, 0x01, 0x07
# Measuring once: command -> s at most, and counts a lux.
ONE_TIME = {0x20: 0.18, 0x21: 0.18, 0x23: 0.024}
COUNTS = {0x20: 1.2, 0x21: 2.4, 0x23: 1.2}
LOW_RESOLUTION = 0x23


class BH1750:
    """Without its continuous modes. An answer that comes too early is the former count."""

    def __init__(self, world, address: int = 0x23):
        self.world, self.address = world, address
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        self._on, self._count = False, 0
        # The command that measures and when it ends, s of the world; None without one.
        self._command, self._ends = 0, None

    def write(self, data: bytes) -> None:
        """One command a transaction."""
        self._advance()
        if len(data) > 1 or data and data[0] not in (POWER_DOWN, POWER_ON, RESET, *ONE_TIME):
            raise nack()
        if data:
            self._obey(data[0])

    def read(self, count: int) -> bytes:
        """The count of the last measurement that has ended."""
        self._advance()
        return self._count.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    def _obey(self, command):
        if command in ONE_TIME and self._on:
            self._command, self._ends = command, self.world.now() + ONE_TIME[command]
        elif command == RESET and self._on:
            self._count = 0
        elif command in (POWER_DOWN, POWER_ON):
            self._on, self._ends = command == POWER_ON, None

    def _advance(self):
        if self._ends is None or self.world.now() < self._ends:
            return
        lux = self.world.value("illuminance", self._ends)
        self._count = nearest(lux * COUNTS[self._command], 16)
        if self._command == LOW_RESOLUTION:
            # Steps of 4 lx, about.
            self._count &= 0xFFFC
        self._on, self._ends = False, None


# Up to all 16 bits, to half a step of one count.
_SHOWN = {"illuminance": Shown(0, 54612.5, 0.42)}
# It has neither check sum nor status.
_BLIND = ("crc", "ones", "slow", "zeros")
_ATTACH = on_i2c("a BH1750", on_address(BH1750), _SHOWN)
EMULATIONS = {"bh1750": Emulation("i2c", _ATTACH, blind=_BLIND)}
