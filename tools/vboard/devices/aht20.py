"""Aosong AHT20 on I2C (product manual, version A1)."""

from .emulation import Emulation, Shown, on_address, on_i2c
from .wire import crc8, nack, nearest

RESET, INITIALISE, MEASURE = b"\xba", b"\xbe\x08\x00", b"\xac\x33\x00"
BUSY, CALIBRATED = 0x80, 0x18

# Seconds from power-on and soft reset until it answers, and of a measurement (5.4, 5.5).
START_S, RESET_S, MEASURE_S = 0.04, 0.02, 0.08


class AHT20:
    """Its status is read at any time, a measurement's 40 bits when it has ended."""

    def __init__(self, world, address: int = 0x38):
        self.world, self.address = world, address
        # False: it comes up without its calibration and has to be initialised.
        self.factory_calibrated = True
        # False: initialising is of no use, either.
        self.works = True
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        self._begin(START_S)

    def write(self, data: bytes) -> None:
        """A command; one that comes while it measures does nothing."""
        now = self.world.now()
        if now < self._answers_at:
            raise nack()
        if data == RESET:
            self._begin(RESET_S)
        elif now < self._ends:
            return
        elif data == INITIALISE:
            self._calibrated = self.works
        elif data == MEASURE:
            self._measured, self._ends = False, now + MEASURE_S
        elif data:
            raise nack()

    def read(self, count: int) -> bytes:
        """Status, humidity and temperature, check sum; the former values until it has measured."""
        now = self.world.now()
        if now < self._answers_at:
            raise nack()
        if now >= self._ends and not self._measured:
            self._measured, self._data = True, self._measure(self._ends)
        status = BUSY * (now < self._ends) | CALIBRATED * self._calibrated
        frame = bytes([status]) + self._data
        frame += bytes([crc8(frame)])
        return frame[:count].ljust(count, b"\xff")

    def _begin(self, start_s):
        self._answers_at = self.world.now() + start_s
        self._calibrated = self.factory_calibrated and self.works
        # When the measurement ends, s of the world, whether its values are taken, and these.
        self._ends, self._measured, self._data = 0.0, True, bytes(5)

    def _measure(self, at):
        humidity = nearest(self.world.value("humidity", at) / 100 * (1 << 20), 20)
        temperature = nearest((self.world.value("temperature", at) + 50) / 200 * (1 << 20), 20)
        return (humidity << 20 | temperature).to_bytes(5, "big")


# Half a step of 20 bits.
EMULATIONS = {
    "aht20": Emulation(
        "i2c",
        on_i2c(
            "an AHT20",
            on_address(AHT20),
            {"temperature": Shown(-40, 85, 0.0001), "humidity": Shown(0, 100, 0.0001)},
        ),
    )
}
