"""What an example does on its bus. Change: the data sheet that says so."""

from vboard.devices.emulation import Emulation, Shown, on_address, on_i2c
from vboard.devices.wire import crc8, nack

MEASURE = 0xE3
# Seconds of a measurement, at most; one from power-on until it takes a command.
MEASURE_S, START_S = 0.01, 0.004


class Device:
    """Measures once when it is told to; `world` is the place where it is."""

    def __init__(self, world, address: int = 0x48):
        self.world, self.address = world, address
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        self._started = self.world.now()
        # When a measurement ends, s of the world; None without one.
        self._ends = None

    def write(self, data: bytes) -> None:
        """One write transaction. What it doesn't know it doesn't acknowledge."""
        now = self.world.now()
        if now - self._started < START_S or data[:1] not in (b"", bytes([MEASURE])):
            raise nack()
        if data:
            self._ends = now + MEASURE_S

    def read(self, count: int) -> bytes:
        """One read transaction: the result, once. Before there is one it doesn't acknowledge."""
        ends, now = self._ends, self.world.now()
        if ends is None or now < ends:
            raise nack()
        self._ends = None
        # Change: how a value becomes bytes.
        counts = round(self.world.value("temperature", ends) * 100)
        word = min(max(counts, -0x8000), 0x7FFF).to_bytes(2, "big", signed=True)
        return (word + bytes([crc8(word)]))[:count].ljust(count, b"\xff")


# Quantity of the driver -> from where to where it can be shown, and how far off it may be: here
# half a step of 0.01 °C.
SHOWN = {"temperature": Shown(-40, 125, 0.005)}
ATTACH = on_i2c("an example", on_address(Device), SHOWN)
EMULATIONS = {"example": Emulation("i2c", ATTACH)}
