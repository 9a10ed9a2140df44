"""A serial line over TCP (RFC 2217), which has the reset lines that a pseudo-terminal lacks.

Tools take its `url` as a port: `esptool --port rfc2217://...`. Needs pyserial.
"""

import contextlib
import select
import socket
import time
from typing import Any, cast

from .line import LOOK_S, WRITE_S

# How often a wait looks whether it is over, s.
TICK_S = 0.1


class Rfc2217Line:
    """The chip's end. `lines(dtr, rts)` is called when the other end moves one of them.

    RTS and DTR pull EN and IO0 low as on the boards' reset circuit (esptool's documentation, Boot
    Mode Selection): RTS alone holds the chip in reset, DTR at its release chooses the ROM loader.
    """

    # A tool that closes the port leaves the chip as it is.
    resets = False

    def __init__(self, stop, lines):
        self._stop = stop
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}?ign_set_control"
        self._port = _Port(lines)
        # Who has the port open, None while nobody does.
        self._client = None

    def close(self):
        self._listener.close()
        if self._client:
            self._client.close()

    def read(self, over=None):
        """Waits for bytes. Returns none of them when the client went, or at the end.

        `over` is an Event that ends the wait as well.
        """
        while not self._stop.is_set() and not (over and over.is_set()):
            client = self._client
            if client is None:
                if _ready(self._listener):
                    self._client = _Client(self._listener.accept()[0], self._port)
            elif _ready(client.socket):
                data = client.receive()
                if data is None:
                    self._client = None
                if not data and self._client:
                    # Of the protocol's own.
                    continue
                return data or b""
        return b""

    def write(self, data, seconds=WRITE_S):
        """Sends bytes; those that nobody takes in time are lost."""
        client, end = self._client, time.monotonic() + seconds
        # IAC, 255, is doubled (RFC 854).
        data = data.replace(b"\xff", b"\xff\xff")
        while client and data and time.monotonic() < end:
            data = data[client.send(data) :]
            if data:
                self._stop.wait(LOOK_S)


def _ready(sock):
    return bool(select.select([sock], [], [], TICK_S)[0])


class _Client:
    """Who has the port open."""

    def __init__(self, sock, port):
        from serial.rfc2217 import PortManager

        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        # Both are anything that has what it uses of them.
        self._protocol = PortManager(cast(Any, port), cast(Any, self))

    def close(self):
        self.socket.close()

    def receive(self):
        """Returns the bytes for the chip, None when the client has gone."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self.socket.recv(4096)
        if not data:
            self.close()
            return None
        return b"".join(self._protocol.filter(data))

    def send(self, data):
        """Returns how many bytes it took; all of them of one that has gone."""
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    # What the protocol's side answers by.
    write = send


class _Port:
    """The serial port as the protocol sets and asks it: only DTR and RTS mean anything here."""

    baudrate, bytesize, parity, stopbits = 115200, 8, "N", 1
    xonxoff = rtscts = dsrdtr = break_condition = ri = False
    cts = dsr = cd = True

    def __init__(self, lines):
        self._lines = lines
        self._dtr = self._rts = False

    @property
    def dtr(self):
        return self._dtr

    @dtr.setter
    def dtr(self, value):
        self._dtr = bool(value)
        self._lines(self._dtr, self._rts)

    @property
    def rts(self):
        return self._rts

    @rts.setter
    def rts(self, value):
        self._rts = bool(value)
        self._lines(self._dtr, self._rts)

    def reset_input_buffer(self):
        pass

    def reset_output_buffer(self):
        pass
