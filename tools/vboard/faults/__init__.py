"""Faults by name, on whatever is wired to a board.

They sit at the wire (peripherals/harm.py), so that any device has them, whoever emulates it:

    fault = apply((bus, 0x44), "nack", count=3)
    ...
    fault.end()

A place for faults is an I2CBus (all its devices) or (I2CBus, address), a OneWireBus (likewise) or
(OneWireBus, device), the PinLine of a DHT or of a contact, Place("adc", PinLine), Place("echo",
PinLine), and anything that has `bus` and `device` of these kinds. script.py plays them by time.
"""

from ..script import is_number
from . import devices, i2c, lines
from .base import Fault, FaultError, Place, place_of

__all__ = ["FAULTS", "Fault", "FaultError", "Place", "apply", "check", "names", "place_of"]

# Kind of a place -> name -> fault.
FAULTS = {
    "i2c": {
        "nack": i2c.Nack,
        "nack-data": i2c.NackData,
        "stuck": i2c.Stuck,
        "shorted": i2c.ShortedBus,
        "crc": devices.Flipped,
        "zeros": devices.Zeros,
        "ones": devices.Ones,
        "slow": devices.Slow,
        "stretch": i2c.Stretch,
        "brown-out": i2c.BrownOut,
        "unplugged": devices.Unplugged,
    },
    "one_wire": {
        "no-presence": devices.Silent,
        "shorted": lines.Shorted,
        "crc": devices.Flipped,
        "zeros": devices.Zeros,
        "ones": devices.Ones,
        "slow": devices.Slow,
        "brown-out": devices.BrownOut,
        "unplugged": devices.Unplugged,
    },
    "dht": {
        "no-answer": devices.Silent,
        "shorted": lines.Shorted,
        "crc": devices.Flipped,
        "zeros": devices.Zeros,
        "ones": devices.Ones,
        "slow": devices.Slow,
        "brown-out": devices.BrownOut,
        "unplugged": devices.Unplugged,
    },
    "adc": {"unplugged": lines.Floating, "zeros": devices.Zeros, "ones": devices.Ones},
    "echo": {"unplugged": devices.Silent, "endless": lines.Endless},
    "pin": {"unplugged": lines.Open, "shorted": lines.Shorted, "chatter": lines.Chatter},
}


def names(kind):
    """Returns the names of the faults that a kind of place can have, sorted."""
    return sorted(FAULTS[kind])


def apply(target, name, **options):
    """Begins a fault; returns it. Raises FaultError."""
    place = place_of(target)
    check(place, name, options)
    return FAULTS[place.kind][name](place, **options)


def check(place, name, options):
    """Raises FaultError: a place can't have that fault, or not with these options."""
    found = FAULTS[place.kind]
    if name not in list(found):
        raise FaultError(f"{place.kind} has no fault {name!r}: it has {', '.join(sorted(found))}")
    found[name].check(place)
    allowed = found[name].OPTIONS
    for option, value in options.items():
        if option not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise FaultError(f"{name} has no option {option!r}: it has {known}")
        _check_option(f"{name}: {option}", value, *allowed[option][1:])


def _check_option(where, value, *allowed):
    if len(allowed) == 1:
        if value not in allowed[0]:
            raise FaultError(f"{where} is {value!r}: one of {', '.join(allowed[0])} is needed")
        return
    lowest, highest = allowed
    whole = isinstance(lowest, int)
    if not is_number(value) or (whole and value != int(value)) or not lowest <= value <= highest:
        kind = "a whole number" if whole else "a number"
        raise FaultError(f"{where} is {value!r}: {kind} from {lowest} to {highest} is needed")
