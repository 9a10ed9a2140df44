"""Sensor drivers, one a file. A driver knows its bus and its quantities, not the node."""

import os

# What a driver's file declares:
#
#   QUANTITIES  a tuple of (name, unit, decimals, lowest, highest, device_class) for each value of
#               a reading, in its order. The name is the topic's level. lowest and highest are the
#               physical range, both allowed: what is beyond is a fault, told and not published;
#               None, None where there is none (states, counters). unit and decimals are None for a
#               state. device_class is Home Assistant's, None where it has none for it.
#   BUS         what Driver is handed: "i2c" (machine.I2C; sensors share it without a lock, for a
#               call is a whole transaction and an address one sensor's), "pin" (machine.Pin, an
#               input), "one_wire" (`wire`, a onewire.OneWire, and `lock`, an asyncio.Lock to hold
#               while talking on it: sensors of one pin share both), "adc" (machine.ADC), "echo"
#               (`trigger` and `echo`, an output and an input, and pulse_us(timeout_us) of a high
#               pulse on the latter as machine.time_pulse_us()) or None (the node's own Chip).
#   DRIVES      True if the driver pulls its "pin" low: it can't be an input-only one.
#   KEPT        True if Driver takes `store` as well, a number that outlives resets and a loss of
#               power: load() -> int, 0 at first, and save(int), below 2^31, which raises OSError.
#               Flash wears out: save seldom.
#   OPTIONS     {keyword of Driver: (default, allowed)}: the sensor's own keys in config.json;
#               `allowed` is a tuple, a Range, a Whole or a Text. The default may be None, which
#               isn't among these, or NEEDED. "one_wire" needs the option `rom`, "i2c" `address`,
#               whose values stand in _addresses.py as well.
#   READY_MS    ms from power-on until a reading can be good, 0 where it is absent.
#   BLOCKS_MS   ms of the longest call that lets nothing else run, on a bus of 100 kHz; 5 where it
#               is absent. Longer waits are awaited.
#
#   class Driver(bus, **options): touches nothing yet: the sensor may be missing.
#       async read() -> tuple: a value for each quantity, None for one that may come later. Raises
#           OSError when the bus fails, SensorError when the sensor has nothing to publish. A text
#           that stays the same is told once.
#       async wait() -> tuple, optional: the same as soon as it changes; its readings are events.
#       stop(), optional: called before a reset that the node knows of.
#       quantities, optional: QUANTITIES with what follows from the options; without the last ones
#           where this board will never have them, and read() leaves those out, too.
#       reset(), optional: forgets what is known of the sensor, so that the next read() sets it up
#           anew; called after some faulty readings in a row. Touches nothing: an I2C bus that
#           failed has been set up anew just before. A sensor that has never answered is read in
#           growing pauses.


# In place of a default: the key has to be there.
NEEDED = object()


class SensorError(Exception):
    """The sensor answered, but with nothing that may be published; the text says what to do."""


class Range:
    """The numbers from lowest to highest, both allowed; `value in range` is safe for any value."""

    def __init__(self, lowest: float, highest: float):
        self.lowest = lowest
        self.highest = highest

    def __contains__(self, value) -> bool:
        # True and False are numbers to Python, but not to who writes a configuration.
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return self.lowest <= value <= self.highest

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}"


class Whole(Range):
    """A whole number in a range."""

    def __contains__(self, value) -> bool:
        return isinstance(value, int) and super().__contains__(value)

    def __str__(self) -> str:
        return "a whole number from " + super().__str__()


class Text(Range):
    """Texts of lowest to highest characters, none of them a control character."""

    def __contains__(self, value) -> bool:
        if not isinstance(value, str) or not self.lowest <= len(value) <= self.highest:
            return False
        return all(character >= " " for character in value)

    def __str__(self) -> str:
        return f"text of {self.lowest} to {self.highest} characters"


def names() -> list:
    """Returns the names of the drivers that are there."""
    folder = __path__ if isinstance(__path__, str) else __path__[0]
    files = [file.rsplit(".", 1) for file in os.listdir(folder) if file[0] not in "_."]
    return sorted({file[0] for file in files if file[-1] in ("py", "mpy")})


def load(name: str):
    """Returns the module of a driver, None if there is none of that name."""
    return getattr(__import__("sensors." + name), name) if name in names() else None
