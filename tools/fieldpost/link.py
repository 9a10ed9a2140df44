"""A board's prompt over its serial port, by mpremote's transport."""

import contextlib
import io
import os
import struct
import time
from typing import cast

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial import Serial

RAW = b"raw REPL; CTRL-B to exit\r\n"
# How often a program that goes on after a ctrl-C gets another one.
ATTEMPTS = 2
# What esptool greets a ROM loader with (ESP32 Serial Protocol, SYNC), in its SLIP frame.
SYNC = b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20" + b"\x55" * 32 + b"\xc0"
# And how the answer begins.
SYNC_ANSWER = b"\xc0\x01\x08"
# How long a single read waits at most, s: some of the transport's have no other limit.
READ_S = 1
# Until nothing more is expected of a board that has answered, s.
QUIET_S = 0.2


class LinkError(Exception):
    """There is no board to talk to, or none any more; the text says what to do."""


class BoardError(Exception):
    """What was asked for failed on the board; the text is the error's last line there."""


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
    """A board at `port`. No answer waits longer than `patience_s` seconds for its next byte.

    Each call raises LinkError when the board can't be talked to.
    """

    def __init__(self, port, patience_s=10):
        self.port = port
        self._patience_s = patience_s
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
                said += self._ask_raw()
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
            raise BoardError(fault.decode(errors="replace").strip().splitlines()[-1])
        return said.decode()

    def reset(self):
        """Resets the chip."""
        with self._told():
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def restart(self):
        """Starts the program anew without a reset of the chip."""
        with self._told():
            self._transport.exit_raw_repl()
            self._transport.serial.write(b"\x04")

    def leave(self):
        """Leaves the board at its friendly prompt, if that can be had."""
        with contextlib.suppress(OSError, TransportError):
            self._transport.serial.write(b"\r\x03\x02")

    def lines(self, seconds):
        """Yields the console's lines for so long. A port may vanish and come back meanwhile."""
        end = time.monotonic() + seconds
        pending = b""
        while time.monotonic() < end:
            try:
                *whole, pending = (pending + self._read()).split(b"\n")
            except OSError:
                # USB of the chip's own goes with its reset.
                self._reopen(end)
                continue
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")

    def _read(self):
        serial = cast(Serial, self._transport.serial)
        return serial.read(serial.in_waiting or 1)

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

    def _ask_raw(self):
        # ctrl-C, ctrl-A. Carriage returns end what somebody has begun to type.
        self._transport.serial.write(b"\r\x03")
        self._transport.serial.write(b"\r\x01")
        return self._until(RAW)

    def _settle(self, attempt):
        # The program may have left more than one request for the prompt.
        if attempt:
            self._until(b"\xff", QUIET_S)
            self._transport.serial.write(b"\r\x01")
            self._until(RAW)
        self._transport.in_raw_repl = True

    def _greet_loader(self):
        self._transport.serial.write(SYNC)
        return self._until(SYNC_ANSWER, 1)

    def _until(self, ending, quiet=None):
        quiet = quiet or self._patience_s
        return self._transport.read_until(1, ending, timeout=quiet, timeout_overall=quiet)

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


def _why_closed(port):
    if os.name == "posix" and not os.path.exists(port):
        return "there is no such port"
    if os.name == "posix" and not os.access(port, os.R_OK | os.W_OK):
        return "you may not open it: become a member of its group (dialout on Debian)"
    return "can't be opened: close the program that has it, a monitor for instance"
