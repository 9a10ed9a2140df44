# MicroPython's socket on ESP32: each socket is a pipe to the board, whose radio carries it.
#
# A stream's pipe begins with two bytes, the number of the error that ended connect() or 0; from
# then on it has what the peer sends, and takes what goes to it. A datagram's packets have the
# peer's address in front: four bytes and two of the port.

import io
from errno import EAGAIN, EBADF, ECONNABORTED, ECONNRESET, EINPROGRESS, EINVAL, ENOTCONN, ETIMEDOUT

import _board
import uselect
import usocket

AF_INET, AF_INET6 = 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW = 1, 2, 3
IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP = 0, 6, 17
SOL_SOCKET, SO_REUSEADDR = 0xFFF, 4
TCP_NODELAY = 1

# The stream protocol's requests (py/stream.h), and events of poll.
_POLL, _CLOSE, _GET_FILENO = 3, 4, 10
_POLLIN, _POLLOUT, _POLLERR, _POLLHUP = 1, 4, 8, 16
# What lwIP takes of a stream that isn't acknowledged yet, bytes (CONFIG_LWIP_TCP_SND_BUF_DEFAULT);
# and the host's SOL_SOCKET and SO_SNDBUF.
_SEND_BUFFER = 5760
_HOST_SOL_SOCKET, _HOST_SO_SNDBUF = 1, 7

# The host's number of a broken pipe, which MicroPython's errno doesn't name.
EPIPE = 32

# Bytes of a datagram's peer in front of it.
_PEER = 6

# Sockets opened so far: their numbers.
_count = 0


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    address = tuple(_board.call("net_resolve", host, port))
    return [(AF_INET, type or SOCK_STREAM, 0, "", address)]


def _packed(address):
    host, port = _board.call("net_peer", address[0], address[1])
    return bytes(int(part) for part in host.split(".")) + port.to_bytes(2, "big")


class socket(io.IOBase):
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0):
        global _count
        if af != AF_INET or type not in (SOCK_STREAM, SOCK_DGRAM):
            raise OSError(EINVAL)
        _count += 1
        self._id = _count
        self._stream = type == SOCK_STREAM
        if self._stream:
            self._pipe = _board.open_link("stream", _count, usocket.SOCK_STREAM)
        else:
            self._pipe = _board.open_link("dgram", _count)
        self._pipe.setsockopt(_HOST_SOL_SOCKET, _HOST_SO_SNDBUF, _SEND_BUFFER)
        self._poll = uselect.poll()
        self._poll.register(self._pipe, _POLLIN | _POLLOUT)
        # Seconds a call may wait: None for ever, 0 not at all.
        self._timeout = None
        # True from connect() until its outcome has come; and that outcome, two bytes.
        self._connecting = False
        self._outcome = None
        # True once the pipe stands for the socket: of a stream, when it is connected.
        self._joined = not self._stream
        # The error that connect() ended with and that nobody was told of; 0 for none.
        self._failure = 0
        # Of datagrams: the one peer that connect() names, as it stands in front of a packet.
        self._peer = b""

    def fileno(self):
        return self._id

    def close(self):
        self.ioctl(_CLOSE, 0)

    def setblocking(self, flag):
        self.settimeout(None if flag else 0)

    def settimeout(self, seconds):
        self._timeout = seconds
        self._open().settimeout(seconds)

    def setsockopt(self, level, option, value):
        self._open()
        _board.call("net_option", self._id, level, option, value)

    def bind(self, address):
        self._open()
        _board.call("net_bind", self._id, address[0], address[1])

    def connect(self, address):
        self._open()
        number = _board.call("net_connect", self._id, address[0], address[1])
        if number:
            raise OSError(number)
        if not self._stream:
            self._peer = _packed(address)
            return
        self._connecting = True
        if self._timeout == 0:
            raise OSError(EINPROGRESS)
        self._settle()

    # -- the stream protocol: None where it would have to wait and may not

    def read(self, size=-1):
        return self._try("read", size)

    def readinto(self, buffer, size=-1):
        return self._try("readinto", buffer if size < 0 else memoryview(buffer)[:size])

    def readline(self):
        return self._try("readline")

    def write(self, data, size=-1):
        return self._try("write", data if size < 0 else memoryview(data)[:size])

    def ioctl(self, request, argument):
        if request == _CLOSE:
            if self._pipe:
                self._pipe.close()
                self._pipe = None
            return 0
        if self._pipe is None:
            return -EBADF
        if request == _POLL:
            return self._events(argument)
        if request == _GET_FILENO and self._joined:
            return self._pipe.fileno()
        # A pipe takes bytes before its socket does: until then a poll has to ask.
        return -EINVAL

    # -- sockets

    def send(self, data):
        return self._do("send", data)

    def sendall(self, data):
        if self._do("write", data) != len(data):
            raise OSError(ETIMEDOUT)

    def recv(self, size):
        return self._do("recv", size)

    def sendto(self, data, address):
        self._peer, before = _packed(address), self._peer
        try:
            return self._do("send", data)
        finally:
            self._peer = before

    def recvfrom(self, size):
        packet = self._whole("recv", size + _PEER)
        host = ".".join(str(byte) for byte in packet[:4])
        return packet[_PEER:], (host, int.from_bytes(packet[4:_PEER], "big"))

    # -- within

    def _open(self):
        if self._pipe is None:
            raise OSError(EBADF)
        return self._pipe

    def _try(self, name, *args):
        try:
            return self._do(name, *args)
        except OSError as error:
            if error.errno != EAGAIN:
                raise
            return None

    def _do(self, name, *args):
        if self._stream:
            return self._whole(name, *args)
        if name in ("send", "write"):
            if not self._peer:
                raise OSError(ENOTCONN)
            return self._whole("send", self._peer + bytes(args[0])) - _PEER
        into = name == "readinto"
        data = self._whole("recv", (len(args[0]) if into else args[0]) + _PEER)[_PEER:]
        if into:
            args[0][: len(data)] = data
        return len(data) if into else data

    def _whole(self, name, *args):
        pipe = self._open()
        self._settle()
        try:
            done = getattr(pipe, name)(*args)
        except OSError as error:
            raise OSError(self._told(error.errno))
        if done is None:
            raise OSError(EAGAIN)
        if self._stream and not done:
            # The end of the stream, or what broke it.
            number = _board.call("net_error", self._id)
            if number:
                raise OSError(number)
        return done

    def _told(self, number):
        # The host says EAGAIN for a time-out as well.
        if number == EAGAIN and self._timeout:
            return ETIMEDOUT
        number = _board.call("net_error", self._id) or number
        # lwIP knows no broken pipe: what comes after a connection's end is answered by RST.
        return ECONNRESET if number == EPIPE else number

    def _settle(self):
        if self._connecting:
            try:
                self._learn()
            except OSError as error:
                raise OSError(
                    ETIMEDOUT if error.errno == EAGAIN and self._timeout else error.errno
                )
        if self._failure:
            number, self._failure = self._failure, 0
            raise OSError(number)

    def _learn(self):
        if self._outcome is None:
            # Kept at once: a ctrl-C between this line and the next loses nothing.
            self._outcome = self._pipe.read(2)
        two = self._outcome
        if two is None:
            raise OSError(EAGAIN)
        self._failure = two[0] << 8 | two[1] if len(two) == 2 else ECONNABORTED
        self._connecting, self._joined = False, True

    def _events(self, wanted):
        if self._connecting:
            if not self._now(_POLLIN):
                return 0
            self._learn()
        if self._failure:
            return wanted & _POLLOUT | _POLLERR | _POLLHUP
        return self._now(wanted)

    def _now(self, wanted):
        found = self._poll.poll(0)
        return found[0][1] & (wanted | _POLLERR | _POLLHUP) if found else 0
