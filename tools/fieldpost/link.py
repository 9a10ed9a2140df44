"""A board's prompt over its serial port, by mpremote's transport."""

import contextlib
import io
import struct
import time
from typing import cast

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial import Serial, SerialException, serial_for_url

from . import ports

RAW, PROMPT = b"raw REPL; CTRL-B to exit\r\n", b">>> "
# How many ctrl-C a program gets that goes on after one.
ATTEMPTS = 2
# What esptool greets a ROM loader with (ESP32 Serial Protocol, SYNC), in its SLIP frame.
SYNC = b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20" + b"\x55" * 32 + b"\xc0"
# And how the answer begins.
SYNC_ANSWER = b"\xc0\x01\x08"
# How long a board may take for the next byte of an answer, s: a farewell, the sum of a large file.
PATIENCE_S = 10
# What it gets for a second try when it said nothing at all, s.
SILENT_S = 2
# How long a single read waits at most, s: some of the transport's have no other limit.
READ_S = 1
# Of what a program says while it is stopped, bytes that are kept.
LAST = 4096
# Until nothing more is expected of a board that has answered, s.
QUIET_S = 0.2
# What to do about some errors on the board; without a name in some builds of MicroPython.
FULL = "the board's file system is full: remove files"
HINTS = {
    "ENOSPC": FULL,
    "OSError: 28": FULL,
    "MemoryError": "the board has too little memory left: reset it, deploy again at once",
}


class LinkError(Exception):
    """There is no board to talk to, or none any more; the text says what to do."""


class BoardError(Exception):
    """What was asked for failed on the board; the text says why or what the board says."""


class _Transport(SerialTransport):
    """mpremote's, which waits no longer than it is told: some of its waits are its own."""

    def __init__(self, port, patience_s):
        super().__init__(port, timeout=min(READ_S, patience_s))
        self._patience_s = patience_s

    def read_until(
        self, min_num_bytes, ending, timeout=10, data_consumer=None, timeout_overall=None
    ):
        limit = min(timeout or self._patience_s, self._patience_s)
        return super().read_until(min_num_bytes, ending, limit, data_consumer, timeout_overall)


class Link:
    """A board at `port`, whose answers are waited for `patience_s` seconds a byte at most.

    Each call raises LinkError when the board can't be talked to.
    """

    def __init__(self, port, patience_s=None):
        self.port = port
        self._patience_s = patience_s or PATIENCE_S
        self._transport = self._open()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # A port that is gone can't be closed well.
        with contextlib.suppress(OSError):
            self._transport.close()

    def interrupt(self):
        """Stops whatever runs, for the raw prompt. Returns what it said meanwhile, as text."""
        said = b""
        with self._told():
            for attempt in range(ATTEMPTS):
                said += self._ask_raw(attempt and not said)
                if said.endswith(RAW):
                    self._settle(attempt)
                    return said.decode(errors="replace")
            said = said or self._greet_loader()
        raise LinkError(self._silence(said))

    def run(self, code):
        """Runs code on the board; returns what it printed. Raises BoardError."""
        with self._told():
            said, fault = self._transport.exec_raw(code, timeout=self._patience_s)
        if fault:
            text = fault.decode(errors="replace").strip()
            raise BoardError(_hint(text.rpartition("\n")[2]))
        return said.decode(errors="replace")

    def reset(self):
        """Resets the chip."""
        with self._told():
            # Not at once: what the board answers to this would get lost.
            self._transport.exec_raw_no_follow(
                "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"
            )

    def restart(self):
        """Starts the program anew without a reset of the chip."""
        with self._told():
            self._transport.exit_raw_repl()
            self._serial.write(b"\x04")

    def leave(self):
        """Leaves the board at its friendly prompt, if that can be had."""
        with contextlib.suppress(OSError, TransportError):
            self._serial.write(b"\r\x03\x02")
            # Not gone before it has taken them: a reset that follows would get them as a ctrl-C.
            self._until(PROMPT, READ_S)

    def lines(self, seconds):
        """Yields the console's lines for so long. A port may vanish and come back meanwhile."""
        end = time.monotonic() + seconds
        pending = b""
        while time.monotonic() < end:
            try:
                pending += self._serial.read(self._serial.in_waiting or 1)
            except OSError:
                # USB of the chip's own goes with its reset.
                self._reopen(end)
            *whole, pending = pending.split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")

    @property
    def _serial(self):
        return cast(Serial, self._transport.serial)

    # ---- Opening

    def _open(self):
        try:
            return _Transport(self.port, self._patience_s)
        except (TransportError, OSError, ValueError):
            raise LinkError(f"{self.port}: {_why_closed(self.port)}") from None

    def _reopen(self, end):
        self.__exit__()
        while True:
            try:
                self._transport = self._open()
                return
            except LinkError:
                if time.monotonic() > end:
                    raise
                time.sleep(QUIET_S)

    # ---- Getting the prompt

    def _ask_raw(self, silent):
        # ctrl-C, ctrl-A. Carriage returns end what somebody has begun to type.
        self._serial.write(b"\r\x03")
        self._serial.write(b"\r\x01")
        return self._until(RAW, min(SILENT_S, self._patience_s) if silent else None)

    def _settle(self, attempt):
        # The program may have left more than one request for the prompt.
        if attempt:
            self._until(b"\xff", QUIET_S)
            self._serial.write(b"\r\x01")
            self._until(RAW)
        self._transport.in_raw_repl = True

    def _greet_loader(self):
        self._serial.write(SYNC)
        return self._until(SYNC_ANSWER, 1)

    def _until(self, ending, seconds=None):
        """Reads until `ending` has come, or time is up; returns the last of what has come."""
        # Not the transport's read_until(), which has no end while a program prints and prints.
        end = time.monotonic() + (seconds or self._patience_s)
        said = bytearray()
        while not said.endswith(ending) and time.monotonic() < end:
            # Byte by byte at the end: what comes behind it is for who asks next.
            said += self._serial.read(max(1, self._serial.in_waiting - len(RAW)))
            del said[:-LAST]
        return bytes(said)

    def _silence(self, said):
        if said.endswith(SYNC_ANSWER) or b"waiting for download" in said:
            return f"{self.port}: the board is in its ROM loader: press its reset button (EN)"
        if not said:
            return f"{self.port}: nothing answers: is it the board's port, is MicroPython on it?"
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return f"{self.port}: no prompt after ctrl-C; its last line: {''.join(last)}"

    @contextlib.contextmanager
    def _told(self):
        # The transport's errors, and what it stumbles over when an answer is cut short. What it
        # prints then is nothing for a user.
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except OSError:
            raise LinkError(f"{self.port}: the port is gone: is the board plugged in?") from None
        except (TransportError, struct.error):
            raise LinkError(f"{self.port}: the board no longer answers") from None


def _hint(fault):
    return next(
        (told for sign, told in HINTS.items() if sign in fault), f"the board says: {fault}"
    )


def _why_closed(port):
    # The transport keeps it to itself.
    try:
        serial_for_url(port, exclusive=True).close()
    except (SerialException, ValueError) as error:
        return ports.reason(error)
    return "was in use a moment ago: try again"
