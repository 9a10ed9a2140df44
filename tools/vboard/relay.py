"""The sockets of a program in another process: each a pipe to it and a real socket of the radio.

What a board loses with its power or its Wi-Fi must not be seen at the peer: the real socket is
the radio's (air.py), which cuts it off without a FIN, and the pipe is all that the program has.
"""

import contextlib
import errno
import math
import select
import socket
import struct
import time

# What lwIP of ESP-IDF takes in of a stream that nobody reads yet, bytes (TCP_WND).
WINDOW = 5760
# How long a program's time waits for what a datagram is answered by, real s (clock.py). It may
# have given it a second of its own.
PATIENCE_S = 0.25
# A datagram's peer: address and port.
PEER = struct.Struct("!4sH")
# lwIP's numbers of MicroPython's socket module on ESP32, and the host's.
SOL_SOCKET, SO_REUSEADDR = 0xFFF, 4
IPPROTO_TCP, TCP_NODELAY = 6, 1
OPTIONS = {
    (SOL_SOCKET, SO_REUSEADDR): (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    (IPPROTO_TCP, TCP_NODELAY): (socket.IPPROTO_TCP, socket.TCP_NODELAY),
}


class Relay:
    """One socket; `interest` says what its two ends wait for, as events of poll."""

    def __init__(self, radio, pipe, kind, halted):
        """`halted()` is True once the program was stopped: its end is then none of the peer's."""
        self._radio = radio
        self._halted = halted
        self.pipe = pipe
        self.real = radio.open(socket.AF_INET, kind)
        # What broke the connection: an error number, 0 while nothing did.
        self.error = 0
        self.closed = False
        # How many times something went on to the program.
        self.came = 0

    def close(self):
        """The program closed it, or is gone."""
        if not self.closed:
            self.closed = True
            self.pipe.close()
            # Of a board that lost its power the radio decides what its peers see.
            if not self._halted():
                self._radio.close_socket(self.real)

    def move(self):
        """Does what its ends are ready for."""
        # One end's move may have closed it before the other's turn came.
        if not self.closed:
            self._move()

    def _move(self):
        raise NotImplementedError

    def patience_ms(self, now) -> int:
        """Returns real ms that what was sent may wait for an answer, before time may leap."""
        return 0

    def _from_pipe(self, size, flags=0):
        """Returns bytes of the program's, none at their end. Raises BlockingIOError."""
        try:
            return self.pipe.recv(size, flags)
        except BlockingIOError:
            raise
        except OSError:
            # The program closed it and had not read all that had come.
            return b""

    def option(self, level, option, value):
        if (level, option) not in OPTIONS:
            raise OSError(errno.EINVAL, "EINVAL")
        try:
            self.real.setsockopt(*OPTIONS[level, option], value)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # no TCP any more: air.Silence
                raise

    def bind(self, host, port):
        self.real.bind((host, port))


class Stream(Relay):
    """A TCP connection."""

    def __init__(self, radio, pipe, halted):
        super().__init__(radio, pipe, socket.SOCK_STREAM, halted)
        pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WINDOW)
        # "new", "connecting", "open".
        self._state = "new"
        # Bytes on their way out and in.
        self._out = self._in = b""
        # True once the program, or the peer, has said that it sends no more.
        self._ended_out = self._ended_in = False

    def connect(self, host, port):
        """Begins to connect; returns an error number, 0 when the outcome will come by the pipe."""
        if self._state != "new":
            return errno.EALREADY if self._state == "connecting" else errno.EISCONN
        code = self._radio.connect_socket(self.real, (host, port))
        if code not in (0, errno.EINPROGRESS):
            return code
        self._state = "connecting"
        return 0

    def interest(self):
        """Returns (events of the pipe, events of the real socket) to wait for."""
        if self._state != "open":
            return select.POLLIN, select.POLLOUT if self._state == "connecting" else 0
        pipe = 0 if self._out or self._ended_out else select.POLLIN
        real = 0 if self._in or self._ended_in else select.POLLIN
        return pipe | (select.POLLOUT if self._in else 0), real | (
            select.POLLOUT if self._out else 0
        )

    def _move(self):
        if self._state == "connecting":
            self._connected()
        elif self._state == "new":
            self._watch_pipe()
        else:
            self._take_out()
            self._take_in()

    def _connected(self):
        self._watch_pipe()
        if self.closed or not _ready(self.real, select.POLLOUT):
            return
        self.error = self.real.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._state = "open"
        # Behind an error there is nothing, and that is told too.
        self._ended_in = bool(self.error)
        self._put_in(struct.pack("!H", self.error))

    def _watch_pipe(self):
        # Before there is a connection the program writes nothing: it can only have closed it.
        with contextlib.suppress(BlockingIOError):
            if not self._from_pipe(1, socket.MSG_PEEK):
                self.close()

    def _take_out(self):
        try:
            if not self._out and not self._ended_out:
                self._out = self._from_pipe(WINDOW)
                self._ended_out = not self._out
        except BlockingIOError:
            pass
        if self._out:
            self._send_out()
        if self._ended_out and not self._out:
            self.close()

    def _send_out(self):
        try:
            self._out = self._out[self.real.send(self._out) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._broken(error.errno)

    def _take_in(self):
        if self.closed:
            return
        try:
            if not self._in and not self._ended_in:
                self._in = self.real.recv(WINDOW)
                self._ended_in = not self._in
        except BlockingIOError:
            pass
        except OSError as error:
            self._broken(error.errno)
        self._put_in(b"")

    def _broken(self, code):
        # lwIP knows no broken pipe: what comes after a connection's end is answered by RST.
        self.error = errno.ECONNRESET if code == errno.EPIPE else code
        self._out, self._ended_in = b"", True

    def _put_in(self, more):
        self._in += more
        try:
            while self._in:
                self._in = self._in[self.pipe.send(self._in) :]
                self.came += 1
        except BlockingIOError:
            return
        except OSError:
            # The program closed it: its end of the pipe will say so.
            self._in = b""
        if self._ended_in:
            with contextlib.suppress(OSError):
                self.pipe.shutdown(socket.SHUT_WR)


class Datagrams(Relay):
    """A UDP socket: each packet of its pipe has the peer in front."""

    def __init__(self, radio, pipe, halted):
        super().__init__(radio, pipe, socket.SOCK_DGRAM, halted)
        # Until when an answer may come, monotonic s; 0 once it has.
        self._patient_until = 0.0

    def patience_ms(self, now):
        return min(5, math.ceil(max(0.0, self._patient_until - now) * 1000))

    def connect(self, host, port):
        return self._radio.connect_socket(self.real, (host, port))

    def interest(self):
        return select.POLLIN, select.POLLIN

    def _move(self):
        self._take_out()
        self._take_in()

    def _take_out(self):
        with contextlib.suppress(BlockingIOError):
            packet = self._from_pipe(65536)
            if not packet:
                self.close()
                return
            host, port = PEER.unpack_from(packet)
            if self._radio.online:
                # OSError: nobody is there; a datagram is lost without a word.
                with contextlib.suppress(OSError):
                    self.real.sendto(packet[PEER.size :], (socket.inet_ntoa(host), port))
                self._patient_until = time.monotonic() + PATIENCE_S

    def _take_in(self):
        if self.closed:
            return
        with contextlib.suppress(OSError):
            data, peer = self.real.recvfrom(65536)
            self.came, self._patient_until = self.came + 1, 0.0
            self.pipe.send(PEER.pack(socket.inet_aton(peer[0]), peer[1]) + data)


def _ready(sock, events):
    poll = select.poll()
    poll.register(sock, events)
    return bool(poll.poll(0))
