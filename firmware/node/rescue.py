"""What helps an I2C bus that fails: frees it, and says who is on it. Loaded with the first fault.

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


def free(scl, sda) -> str:
    """Clocks a device out that holds SDA low, then sends STOP (3.1.16).

    Both are open-drain outputs, high. Takes 0.3 ms. Returns the line that stays low, "scl" or
    "sda", '' if none does.
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
    _stop(scl, sda)
    return ""


def _stop(scl, sda):
    # START and STOP: whoever is in the midst of something begins anew (3.1.4).
    for line, level in ((sda, 0), (scl, 0), (scl, 1), (sda, 1)):
        line.value(level)
        time.sleep_us(HALF_US)


def told(name: str, line: str, pin: int) -> str:
    """Returns what to do about a line that stays low."""
    return "bus %s: %s (pin %d) is held low: check wiring, switch its sensors off and on" % (
        name,
        line.upper(),
        pin,
    )


async def scan(i2c):
    """Returns {"0x76": drivers it could be of}, or why the bus can't be scanned.

    Takes about 30 ms on a bus of 100 kHz, an address at a time.
    """
    # Late: only a scan needs it.
    from sensors._addresses import drivers

    found = {}
    for address in range(FIRST, LAST + 1):
        try:
            i2c.writeto(address, b"")
            found["0x%02x" % address] = drivers(address)
        except OSError as error:
            if error.args[0] != ENODEV:
                return "the bus hangs (%r): check wiring and pull-ups" % error
        await asyncio.sleep_ms(0)
    return found
