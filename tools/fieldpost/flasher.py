"""esptool at work on one board: what it is, what is written onto it, and what goes wrong."""

import contextlib

from esptool import cmds
from esptool.util import FatalError, flash_size_bytes, strip_chip_name
from serial import SerialException

from . import esplog, ports

try:
    # What a lost port raises on a Unix besides.
    from termios import error as TerminalError
except ImportError:
    TerminalError = SerialException

# The loader in the chip's ROM begins with it.
ROM_BAUD = 115_200
# How often it is tried to reset a board into that loader, about 0.7 s each.
ATTEMPTS = 7
# What it refuses to write, and only then says.
REFUSALS = ("requires chip revision", "Secure Boot", "security features", "lash encryption")
NO_ANSWER = "Failed to connect"
# What esptool says, as far as it is known, and what that means.
MEANINGS = {
    "MD5 of file": "verification failed: the flash doesn't hold what was written",
    "flash region is empty": "verification failed: the flash is empty where it was written",
    "No more data": "the board answers no more: check its power and the cable",
    "stopped responding": "the board answers no more: check its power and the cable",
    "No serial data": "the board answers no more: check its power and the cable",
    "Packet content": "the line is disturbed: try a lower --baud or another cable",
    "serial noise": "the line is disturbed: try a lower --baud or another cable",
    "SLIP": "the line is disturbed: try a lower --baud or another cable",
}


class FlashError(Exception):
    """A board that isn't flashed; the text says why and what to do."""


class RefusedError(FlashError):
    """esptool refused before it wrote a byte: the chip is too old, or secured against it."""


class Flasher:
    """A board in its loader, with esptool's own program running on the chip."""

    def __init__(self, esp, port, verbose):
        self._esp, self._port, self._verbose = esp, port, verbose
        # As in the board files: esp32, esp32s3.
        self.chip = strip_chip_name(esp.CHIP_NAME)
        # Bytes of the flash, once attach() found them.
        self.flash = 0

    def attach(self, baud):
        """Loads esptool's program onto the chip and finds out how large the flash is."""
        with self._told("the chip's flash"):
            self._esp = cmds.run_stub(self._esp)
            # A line that breaks is told at once, for the user to begin anew.
            self._esp.WRITE_FLASH_ATTEMPTS = 1  # pyright: ignore[reportAttributeAccessIssue]
            if baud != ROM_BAUD:
                self._esp.change_baud(baud)
            cmds.attach_flash(self._esp)
            found = cmds.detect_flash_size(self._esp)
        if found is None:
            raise FlashError(f"{self._port}: the chip's flash doesn't answer, or nobody knows it")
        self.flash = flash_size_bytes(found)

    def write(self, part, progress, erase):
        """Writes a Part and verifies it, on request after erasing all of the flash.

        `progress(done, of)` is called meanwhile. Raises RefusedError, FlashError.
        """
        with self._told(part.file, progress):
            cmds.write_flash(self._esp, [(part.offset, part.data)], erase_all=erase)

    def reset(self):
        """Starts what was written."""
        with self._told("the reset"):
            cmds.reset_chip(self._esp, "hard-reset")

    @contextlib.contextmanager
    def _told(self, what, progress=None):
        """Turns what esptool and pyserial raise into a FlashError."""
        try:
            with esplog.quiet(self._verbose, progress):
                yield
        except FatalError as error:
            refused = any(mark in str(error) for mark in REFUSALS)
            kind = RefusedError if refused else FlashError
            raise kind(f"{self._port}: {what}: {_meaning(error)}") from None
        except (OSError, TerminalError):
            raise FlashError(f"{self._port}: {what}: the port was lost: check the cable") from None


@contextlib.contextmanager
def connected(port, verbose=False):
    """Gives the Flasher of the board at a port, which is closed at the end. Raises FlashError."""
    with esplog.quiet(verbose):
        esp = _connect(port)
    try:
        yield Flasher(esp, port, verbose)
    finally:
        with contextlib.suppress(OSError, TerminalError):
            esp._port.close()


def _connect(port):
    try:
        return cmds.detect_chip(port, ROM_BAUD, connect_attempts=ATTEMPTS)
    except FatalError as error:
        if isinstance(error.__context__, SerialException):
            raise FlashError(f"{port}: {ports.reason(error.__context__)}") from None
        if NO_ANSWER in str(error):
            raise FlashError(
                f"{port}: no board answers: hold its button BOOT while you press RESET, then try "
                "again; or its cable has no data lines"
            ) from None
        raise FlashError(f"{port}: {_meaning(error)}") from None
    except (OSError, TerminalError):
        raise FlashError(f"{port}: the port was lost: check the cable") from None


def _meaning(error):
    """Returns one line for what esptool says in several."""
    # What is to be done about it is told for esptool's own command.
    text = str(error).strip().splitlines()[0].partition(" Use ")[0].rstrip(".")
    return next((MEANINGS[mark] for mark in MEANINGS if mark in text), text)
