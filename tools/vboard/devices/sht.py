"""Sensirion's humidity sensors on I2C: SHT3x-DIS (data sheet version 7), SHT4x (version 6)."""

from .emulation import Emulation, Shown, on_address, on_i2c
from .wire import crc8, nack, nearest


class Sht:
    """Commands of one length; a measurement, then its two words, read once."""

    RESET = 0
    # Commands that measure -> the s they take at most.
    MEASURE: dict[int, float] = {}
    # The same for those that stretch the clock when they are read too early.
    STRETCH: dict[int, float] = {}
    # Bytes of a command; s from power-on or reset until one is taken.
    COMMAND, START_S = 1, 0.0
    # Humidity at the lowest count, and from there to the highest, %.
    DRIEST, SPAN = 0, 100

    def __init__(self, world, address: int = 0x44):
        self.world, self.address = world, address
        self.reset()

    def reset(self) -> None:
        """Power-on and soft reset."""
        self._started = self.world.now()
        # When a measurement ends, s of the world; None without one.
        self._ends = None
        # True: the answer to the measurement may be asked for before.
        self._stretches = False

    def write(self, data: bytes) -> None:
        """A command. What comes too early or is unknown isn't acknowledged."""
        if self._busy():
            raise nack()
        if not data:
            return
        command = int.from_bytes(data, "big") if len(data) == self.COMMAND else None
        if command == self.RESET:
            self.reset()
        elif command in self.MEASURE or command in self.STRETCH:
            self._stretches = command in self.STRETCH
            seconds = self.STRETCH[command] if self._stretches else self.MEASURE[command]
            self._ends = self.world.now() + seconds
        else:
            raise nack()

    @property
    def stretch_s(self) -> float:
        """Seconds for which it would hold SCL low if it were read now."""
        if self._ends is None or not self._stretches:
            return 0.0
        return max(0.0, self._ends - self.world.now())

    def read(self, count: int) -> bytes:
        """The words of a measurement that has ended; without one there is no acknowledge."""
        if self._ends is None or self._busy():
            raise nack()
        at, self._ends = self._ends, None
        frame = b"".join(self._checked(word) for word in self._words(at))
        return frame[:count].ljust(count, b"\xff")

    def _words(self, at):
        celsius, percent = (self.world.value(name, at) for name in ("temperature", "humidity"))
        share = (percent - self.DRIEST) / self.SPAN
        return nearest((celsius + 45) / 175 * 65535, 16), nearest(share * 65535, 16)

    def _checked(self, word):
        data = word.to_bytes(2, "big")
        return data + bytes([crc8(data)])

    def _busy(self):
        now = self.world.now()
        return now - self._started < self.START_S or self._ends is not None and now < self._ends


class SHT3x(Sht):
    """Without its periodic modes, alerts and heater."""

    RESET, COMMAND, START_S = 0x30A2, 2, 0.0015
    MEASURE = {0x2400: 0.0155, 0x240B: 0.0065, 0x2416: 0.0045}
    STRETCH = {0x2C06: 0.0155, 0x2C0D: 0.0065, 0x2C10: 0.0045}


class SHT4x(Sht):
    """Without its heater."""

    RESET, START_S = 0x94, 0.001
    MEASURE = {0xFD: 0.0083, 0xF6: 0.0045, 0xE0: 0.0016}
    DRIEST, SPAN = -6, 125


# Half a step of 16 bits.
_SHOWN = {"temperature": Shown(-40, 125, 0.0014), "humidity": Shown(0, 100, 0.001)}
EMULATIONS = {
    "sht3x": Emulation("i2c", on_i2c("an SHT3x", on_address(SHT3x), _SHOWN)),
    "sht4x": Emulation("i2c", on_i2c("an SHT4x", on_address(SHT4x), _SHOWN)),
}
