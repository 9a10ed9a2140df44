"""What a program in another process may call: its board's peripherals, flash and sockets."""

import errno
import socket
import time

from .flash import SECTOR, FlashError, PowerCut

# Requests of the flash (port/_flash.py); beside them is that for a ctrl-C to be typed again.
PROGRAM, ERASE = b"pe"

# What getaddrinfo() says of a name that nobody knows (lwIP's EAI_FAIL).
NO_NAME = (-202, "EAI_FAIL")
# What a program asks for that wants the ROM loader.
BOOTLOADER = ("bootloader", None)


class Calls:
    """Performs calls by name. `relays`: the program's sockets, by their numbers.

    `end(restart)` stops the program: for a (reset cause, ms of sleep or None), for BOOTLOADER, or
    for None when the board has lost its power. `ctrl_c()` types one.
    """

    def __init__(self, board, relays, end, ctrl_c):
        self._board = board
        self._relays = relays
        self._end = end
        self._ctrl_c = ctrl_c
        # Name -> what does it; all other names are peripherals.
        self._own = {
            "stop": lambda cause, delay_ms: end((cause, delay_ms)),
            "bootloader": lambda: end(BOOTLOADER),
            "identity": self._identity,
            "net_resolve": self._resolve,
            "net_peer": self._peer,
            "net_connect": self._connect,
            "net_bind": lambda number, *to: self._relay(number).bind(*to),
            "net_option": lambda number, *option: self._relay(number).option(*option),
            "net_error": lambda number: self._relay(number).error,
            "leap": self._leap,
        }

    def perform(self, name, args):
        """Returns plain values. Raises OSError, ValueError, TypeError, OverflowError."""
        call = self._own.get(name)
        if call is None and not name.startswith("_"):
            call = getattr(self._board.hardware, name, None)
        if call is None:
            raise ValueError(f"the board has no {name!r} to call")
        try:
            return call(*args)
        except PowerCut:
            self._end(None)

    def _identity(self):
        profile = self._board.profile
        chip = profile.chip.upper()
        return {"machine": f"Virtual {profile.name} with {chip}", "build": profile.image}

    def _leap(self, ms):
        """Leaps over a sleep, None: one without end; returns (ms leapt so far, real ms to wait).

        What the program has sent goes out first, and what has come is its first.
        """
        relays, clock = list(self._relays.values()), self._board.clock
        came = sum(one.came for one in relays)
        for one in relays:
            one.move()
        wait_ms = max((one.patience_ms(time.monotonic()) for one in relays), default=0)
        if came == sum(one.came for one in relays) and not wait_ms:
            wait_ms = clock.leap(ms)
        return clock.leapt_ms, wait_ms

    def flash(self, operation, offset, data):
        """Does what a program's file system asks of the flash; returns an error number, or 0."""
        try:
            if operation == ERASE:
                self._board.flash.erase(offset, SECTOR)
            elif operation == PROGRAM:
                self._board.flash.program(offset, data)
            else:
                self._ctrl_c()
        except FlashError:
            return errno.EIO
        except PowerCut:
            self._end(None)
        return 0

    def _connect(self, number, host, port):
        """Returns an error number, 0 when the outcome will come by the socket's pipe."""
        if not self._board.radio.online:
            return errno.EHOSTUNREACH
        return self._relay(number).connect(*self._resolve(host, port))

    def _peer(self, host, port):
        if not self._board.radio.online:
            raise OSError(errno.EHOSTUNREACH, "EHOSTUNREACH")
        return self._resolve(host, port)

    def _relay(self, number):
        if number not in self._relays:
            raise OSError(errno.EBADF, "EBADF")
        return self._relays[number]

    def _resolve(self, host, port):
        radio = self._board.radio
        if not radio.online:
            raise OSError(*NO_NAME)
        host, port = radio.air.resolve(host, port)
        try:
            return socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][-1]
        except socket.gaierror:
            raise OSError(*NO_NAME) from None
