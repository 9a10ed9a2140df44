# MicroPython's socket on ESP32, on real sockets of the host that the board's radio carries.

import errno

import _board
from _host import select, socket as _host

AF_INET, AF_INET6 = 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW = 1, 2, 3
IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP = 0, 6, 17
SOL_SOCKET, SO_REUSEADDR = 0xFFF, 4
TCP_NODELAY = 1

# The numbers above are lwIP's; the host has its own.
_FAMILY = {AF_INET: _host.AF_INET, AF_INET6: _host.AF_INET6}
_KIND = {SOCK_STREAM: _host.SOCK_STREAM, SOCK_DGRAM: _host.SOCK_DGRAM}
_LEVEL = {SOL_SOCKET: _host.SOL_SOCKET, IPPROTO_TCP: _host.IPPROTO_TCP}
_OPTION = {SOL_SOCKET: {SO_REUSEADDR: _host.SO_REUSEADDR}, IPPROTO_TCP: {1: _host.TCP_NODELAY}}


def _error(code):
    # With one argument only, CPython's OSError has no errno.
    return OSError(code, errno.errorcode.get(code, "EAI"))


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    _board.attend()
    if not _board.radio.online:
        raise _error(-202)
    host, port = _board.radio.air.resolve(host, port)
    try:
        found = _host.getaddrinfo(host, port, _host.AF_INET, _KIND[type or SOCK_STREAM])
    except _host.gaierror:
        raise _error(-202) from None
    return [(AF_INET, type or SOCK_STREAM, 0, "", address) for *_, address in found]


class socket:
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0):
        _board.attend()
        self._real = _board.radio.open(_FAMILY[af], _KIND[type])
        # Seconds a call may wait: None for ever, 0 not at all.
        self._timeout = None

    def fileno(self):
        return self._real.fileno()

    def close(self):
        _board.check()
        _board.radio.close_socket(self._real)

    def __del__(self):
        # The garbage collector closes a forgotten socket, unless the power went first.
        if not _board.halted():
            _board.radio.close_socket(self._real)

    def setblocking(self, flag):
        self._timeout = None if flag else 0

    def settimeout(self, seconds):
        self._timeout = seconds

    def setsockopt(self, level, option, value):
        if option not in _OPTION.get(level, ()):
            raise _error(errno.EINVAL)
        try:
            self._real.setsockopt(_LEVEL[level], _OPTION[level][option], value)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # no TCP any more: air.Silence
                raise

    def connect(self, address):
        _board.attend()
        if not _board.radio.online:
            raise _error(errno.EHOSTUNREACH)
        address = getaddrinfo(*address)[0][-1]
        code = _board.radio.connect_socket(self._real, address)
        if code == errno.EINPROGRESS and self._timeout != 0:
            self._wait(select.POLLOUT)
            code = self._real.getsockopt(_host.SOL_SOCKET, _host.SO_ERROR)
        if code:
            raise _error(code)

    def bind(self, address):
        self._real.bind(address)

    def send(self, data):
        # One that may wait waits until all of it is sent.
        left = memoryview(data)
        sent = self._do(select.POLLOUT, self._real.send, left)
        while sent < len(left) and self._timeout != 0:
            sent += self._do(select.POLLOUT, self._real.send, left[sent:])
        return sent

    def sendall(self, data):
        if self.send(data) < len(data):
            raise _error(errno.ETIMEDOUT)

    def sendto(self, data, address):
        _board.attend()
        if not _board.radio.online:
            raise _error(errno.EHOSTUNREACH)
        return self._do(select.POLLOUT, self._real.sendto, data, address)

    def recv(self, size):
        return self._do(select.POLLIN, self._real.recv, size)

    def recvfrom(self, size):
        return self._do(select.POLLIN, self._real.recvfrom, size)

    # The stream protocol: None when a socket that mustn't wait has nothing to give or take. Reads
    # and writes go on until they have all that was asked for, or the socket would block.

    def read(self, size=-1):
        parts, left = [], size
        while left:
            part = self._or_none(self.recv, min(left, 4096) if left > 0 else 4096)
            if part is None and not parts:
                return None
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def readinto(self, buffer, size=-1):
        view = memoryview(buffer)[: size if size >= 0 else len(buffer)]
        count = 0
        while count < len(view):
            got = self._or_none(self._do, select.POLLIN, self._real.recv_into, view[count:])
            if got is None and not count:
                return None
            if not got:
                break
            count += got
        return count

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            part = self._or_none(self.recv, 1)
            if not part:
                return line if line or part is not None else None
            line += part
        return line

    def write(self, data, size=-1):
        return self._or_none(self.send, memoryview(data)[: size if size >= 0 else len(data)])

    def _or_none(self, function, *args):
        try:
            return function(*args)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return None

    def _do(self, kind, function, *args):
        while True:
            _board.attend()
            try:
                return function(*args)
            except BlockingIOError:
                if self._timeout == 0:
                    raise _error(errno.EAGAIN) from None
            self._wait(kind)

    def _wait(self, kind):
        poller = select.poll()
        poller.register(self._real, kind)
        limit = None if self._timeout is None else self._timeout * 1000
        if not _board.wait(poller, limit):
            raise _error(errno.ETIMEDOUT)
