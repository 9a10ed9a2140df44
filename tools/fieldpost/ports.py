"""Serial ports: which of them a board may be at, and why one can't be opened."""

import errno

from serial.tools import list_ports

# Of USB: Espressif, and the makers of the bridges on boards (Silicon Labs, WCH, FTDI, Prolific).
VENDORS = (0x303A, 0x10C4, 0x1A86, 0x0403, 0x067B)
NO_ACCESS = "permission denied: add yourself to the group dialout, then log in again"
REASONS = {
    errno.ENOENT: "no such port: is the board plugged in?",
    errno.ENODEV: "no such port: is the board plugged in?",
    errno.EACCES: NO_ACCESS,
    errno.EPERM: NO_ACCESS,
    # What pyserial's lock says of a port that is open elsewhere.
    errno.EAGAIN: "in use by another program: end it, for instance a terminal at the board",
    errno.EBUSY: "in use by another program: end it, for instance a terminal at the board",
    errno.ENOTTY: "no serial port",
    errno.EISDIR: "no serial port",
}


class PortError(Exception):
    """No port can be chosen; the text says what to do."""


def only():
    """Returns the path of the only port that looks like a board. Raises PortError."""
    found = [port for port in list_ports.comports() if port.vid in VENDORS]
    if not found:
        raise PortError("no board found at any serial port: plug it in, or name it with --port")
    if len(found) > 1:
        listed = ", ".join(f"{port.device} ({port.description})" for port in found)
        raise PortError(f"several boards found, name one with --port: {listed}")
    return found[0].device


def reason(error):
    """Returns why a port can't be opened, from pyserial's SerialException."""
    # Of what isn't a terminal, pyserial keeps the number in the error behind its own.
    for number in (error.errno, *getattr(error.__context__, "args", ())[:1]):
        if number in REASONS:
            return REASONS[number]
    if isinstance(error.__context__, PermissionError):
        # Windows says it so of a port that is open elsewhere.
        return REASONS[errno.EBUSY]
    return f"can't be opened: {str(error).splitlines()[0]}"
