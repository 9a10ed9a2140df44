"""A serial line: the chip's end of a pseudo-terminal, whose other end is a device for any tool.

There are no reset lines on it (rfc2217.py has some), and no speed.
"""

import contextlib
import os
import pty
import select
import time
import tty

# How long written bytes wait for a reader, s; and the pause before looking for an open port.
WRITE_S = 5
LOOK_S = 0.01


class Line:
    """The chip's end; the other end is the device at `path`. `stop` is an Event that ends it."""

    # A tool that closes the port lets go of the chip: that is its reset.
    resets = True

    def __init__(self, stop):
        self._stop = stop
        self._fd, other = pty.openpty()
        tty.setraw(other)
        self.path = os.ttyname(other)
        # While nobody else has the other end open, the line counts as hung up.
        os.close(other)
        os.set_blocking(self._fd, False)

    def close(self):
        os.close(self._fd)

    def read(self, over=None):
        """Waits for bytes. Returns none of them when the port was closed, or at the end.

        `over` is an Event that ends the wait as well.
        """
        while not self._stop.is_set() and not (over and over.is_set()):
            events = self._poll(select.POLLIN, 0.1)
            if events & select.POLLIN:
                with contextlib.suppress(OSError):
                    return os.read(self._fd, 65536)
            if events & select.POLLHUP:
                self._stop.wait(LOOK_S)
                return b""
        return b""

    def drop(self):
        """Lets go of what has come."""
        if self._poll(select.POLLIN, 0) & select.POLLIN:
            with contextlib.suppress(OSError):
                os.read(self._fd, 65536)

    def write(self, data, seconds=WRITE_S):
        """Sends bytes; those that nobody reads in time are lost, as on a line without listener."""
        end = time.monotonic() + seconds
        while data and not self._stop.is_set() and time.monotonic() < end:
            if self._poll(select.POLLOUT, 0.1) & select.POLLHUP:
                return
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._fd, data) :]

    def _poll(self, wanted, seconds):
        poll = select.poll()
        poll.register(self._fd, wanted)
        found = poll.poll(int(seconds * 1000))
        return found[0][1] if found else 0
