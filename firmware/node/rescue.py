"""Frees an I2C bus that fails, and says who is on it. Loaded by the first fault or scan.

Sections are those of the I2C specification, NXP UM10204, revision 7.
"""

import asyncio
import time
from errno import ENODEV

# Half a clock of 100 kHz, us (table 10).
HALF_US = 5
# Clocks after which a device that waits for them in the midst of a byte is at its end (3.1.16).
CLOCKS = 9
# Those that mean no device are left out (3.1.12).
FIRST, LAST = 0x08, 0x77


def recover(line) -> str:
    """Frees SDA if a device holds it low, and sets the bus up anew. `line` is a hardware.Line.

    Returns what is wrong with it then, '' if nothing is to be seen. Takes 1 ms.
    """
    held = free(*line.taken()) if line.held() else ""
    line.made()
    return advice(line, held) if held else ""


def free(scl, sda) -> str:
    """Clocks a device out that holds SDA low, then sends STOP (3.1.16).

    Both are open-drain outputs, high. Returns the one that stays low, "scl" or "sda", '' if none.
    """
    for _ in range(CLOCKS):
        if sda.value() or not scl.value():
            break
        scl.value(0)
        time.sleep_us(HALF_US)
        scl.value(1)
        time.sleep_us(HALF_US)
    if not scl.value():
        return "scl"
    if not sda.value():
        return "sda"
    # START and STOP: whoever is in the midst of something begins anew (3.1.4).
    for pin, level in ((sda, 0), (scl, 0), (scl, 1), (sda, 1)):
        pin.value(level)
        time.sleep_us(HALF_US)
    return ""


def advice(line, held: str) -> str:
    """Returns what to do about a pin that stays low."""
    what = line.name, held.upper(), line.config[held]
    return "bus %s: %s (pin %d) is held low: check wiring, switch its sensors off and on" % what


async def told(line) -> str:
    """Returns in words what a scan finds."""
    found = await scan(line)
    if not isinstance(found, dict):
        return found
    names = ["%s (%s)" % (one, found[one] or "unknown") for one in sorted(found)]
    return "bus %s has %s" % (line.name, ", ".join(names) or "nobody who answers")


async def scan(line):
    """Returns {"0x76": drivers it could be of}, or why the bus can't be scanned.

    Takes about 30 ms on a bus of 100 kHz, an address at a time.
    """
    # Late: only a scan needs it.
    from sensors._addresses import drivers

    held = line.held()
    if held:
        return advice(line, held)
    found = {}
    for address in range(FIRST, LAST + 1):
        try:
            line.i2c.writeto(address, b"")
            found["0x%02x" % address] = drivers(address)
        except OSError as error:
            if error.args[0] != ENODEV:
                return "bus %s hangs (%r): check wiring and pull-ups" % (line.name, error)
        await asyncio.sleep_ms(0)
    return found
