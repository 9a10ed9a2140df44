"""Sensirion SCD40 and SCD41 on I2C (data sheet SCD4x, version 1.3), without single shots."""

from .emulation import Emulation, Shown, on_i2c
from .wire import crc8, nack, nearest

START, START_LOW_POWER, STOP = 0x21B1, 0x21AC, 0x3F86
READ, DATA_READY = 0xEC05, 0xE4B8
PERSIST, SERIAL, REINIT, FACTORY_RESET = 0x3615, 0x3682, 0x3646, 0x3632
# Commands that read and write a setting -> its name (3.6, 3.7).
GETS = {0x2318: "temperature_offset", 0x2322: "altitude", 0x2313: "asc"}
SETS = {0x241D: "temperature_offset", 0x2427: "altitude", 0x2416: "asc"}
# 4 °C, sea level, automatic self-calibration on.
FACTORY = {"temperature_offset": 0x05DA, "altitude": 0, "asc": 1}

# Seconds from power-on (2.1) and of commands (3.4, table 9); all others take COMMAND_S.
POWER_ON_S, COMMAND_S = 1.0, 0.001
TAKES_S = {START: 0, STOP: 0.5, PERSIST: 0.8, REINIT: 0.02, FACTORY_RESET: 1.2}
# What is taken while it measures.
WHILE_MEASURING = (READ, DATA_READY, STOP)
# From one measurement to the next.
PERIOD_S, LOW_POWER_PERIOD_S = 5.0, 30.0


class SCD4x:
    """Idle or measuring; what it doesn't take as it is now isn't acknowledged.

    The altitude has no effect; self-calibration has none, either.
    """

    def __init__(self, world, address: int = 0x62, serial: int = 0xF8969F073BBE):
        self.world, self.address = world, address
        self.serial = serial
        # True: the next answers' check sums are wrong.
        self.garbled = False
        # °C by which it warms itself.
        self.warmth = 4.0
        # ppm by which the first measurement behind a start is wrong.
        self.first_error = 150
        # Seconds from one measurement to the next, low power apart.
        self.period_s = PERIOD_S
        # Settings that outlive a loss of power, and how often they were written.
        self.eeprom, self.writes = dict(FACTORY), 0
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        self.settings = dict(self.eeprom)
        # When it takes commands and tells answers, s of the world.
        self._idle_at = self.world.now() + POWER_ON_S
        # Words that wait to be read; None: there is nothing to read.
        self._answer = None
        # When the measurements began, s of the world, None while it doesn't measure; one lasts so
        # long, and so many were read or replaced by newer ones.
        self._began, self._period, self._taken = None, self.period_s, 0

    def write(self, data: bytes) -> None:
        """A command, with a word and its check sum where it takes one."""
        if self.world.now() < self._idle_at:
            raise nack()
        if not data:
            return
        command, argument = int.from_bytes(data[:2], "big"), data[2:]
        measuring = self._began is not None
        if len(data) < 2 or measuring and command not in WHILE_MEASURING:
            raise nack()
        self._answer = None
        self._obey(command, argument)
        self._idle_at = self.world.now() + TAKES_S.get(command, COMMAND_S)

    def read(self, count: int) -> bytes:
        """The words of the last command's answer, once."""
        if self.world.now() < self._idle_at or self._answer is None:
            raise nack()
        words, self._answer = self._answer, None
        frame = b"".join(self._checked(word) for word in words)
        return frame[:count].ljust(count, b"\xff")

    def _obey(self, command, argument):
        if bool(argument) != (command in SETS):
            raise nack()
        if command in SETS:
            if len(argument) != 3 or crc8(argument[:2]) != argument[2]:
                raise nack()
            self.settings[SETS[command]] = int.from_bytes(argument[:2], "big")
        elif command in GETS:
            self._answer = (self.settings[GETS[command]],)
        elif command in (START, START_LOW_POWER):
            self._began, self._taken = self.world.now(), 0
            self._period = self.period_s if command == START else LOW_POWER_PERIOD_S
        elif command == STOP:
            self._began = None
        else:
            self._obey_rest(command)

    def _obey_rest(self, command):
        if command == DATA_READY:
            self._answer = (0x8006 if self._made() > self._taken else 0x8000,)
        elif command == READ:
            # Without a new one nothing is there to read (3.5.2).
            if self._made() > self._taken:
                self._answer, self._taken = self._measured(self._made()), self._made()
        elif command == SERIAL:
            self._answer = tuple(self.serial >> shift & 0xFFFF for shift in (32, 16, 0))
        elif command == PERSIST:
            self.eeprom, self.writes = dict(self.settings), self.writes + 1
        elif command == REINIT:
            self.settings = dict(self.eeprom)
        elif command == FACTORY_RESET:
            self.eeprom, self.settings = dict(FACTORY), dict(FACTORY)
        else:
            raise nack()

    def _made(self) -> int:
        # Measurements since the start.
        if self._began is None:
            return 0
        return int((self.world.now() - self._began) / self._period)

    def _measured(self, number):
        at = (self._began or 0) + number * self._period
        names = ("co2", "temperature", "humidity")
        ppm, celsius, percent = (self.world.value(name, at) for name in names)
        offset = self.settings["temperature_offset"] * 175 / 65535
        celsius += self.warmth - offset
        ppm += self.first_error * (number == 1)
        return (
            nearest(ppm, 16),
            nearest((celsius + 45) / 175 * 65535, 16),
            nearest(percent / 100 * 65535, 16),
        )

    def _checked(self, word):
        data = word.to_bytes(2, "big")
        return data + bytes([crc8(data) ^ self.garbled])


def _make(place, sensor):
    options = sensor["options"]
    device = SCD4x(place, options["address"])
    # Whoever configured it has measured by how much it does.
    device.warmth = options["temperature_offset"]
    return device


# Half a step of 16 bits, and of the offset's.
_SHOWN = {
    "co2": Shown(200, 40_000, 0.5),
    "temperature": Shown(-10, 60, 0.003),
    "humidity": Shown(0, 100, 0.001),
}
EMULATIONS = {"scd4x": Emulation("i2c", on_i2c("an SCD4x", _make, _SHOWN))}
