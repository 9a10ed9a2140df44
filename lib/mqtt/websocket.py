"""WebSocket (RFC 6455) under MQTT: `client.transport = WebSocket()`, `WebSocket(over=TLS(...))`.

Frames and packets need not align (MQTT 3.1.1, 6). Memory is fixed: a frame that goes out lies in
a buffer, of those that come in only heads and control frames do.
"""

import io
import os
import select
import time
from binascii import b2a_base64
from hashlib import sha1

from .transport import ready, tcp

_REQUEST = (
    "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
    "%s\r\n"
)


def _fault(what, detail=None):
    # Returns the ProtocolError of that name.
    from .advice import websocket_fault

    return websocket_fault(what, detail)


# Frames (RFC 6455, 5.2) as functions of bytes.


def head_size(head, have) -> int:
    """Returns how many bytes the head of a frame has, as far as its first `have` tell.

    A control frame is all head.
    """
    size = head[1] & 127 if have > 1 else 0
    if size < 126:
        return size + 2 if head[0] & 8 else 2
    return 4 if size == 126 else 10


def parse(head, inside):
    """Returns (opcode, payload's length) of a server's frame. Raises ProtocolError.

    `inside`: whether a fragmented message is in progress.
    """
    first = head[0]
    opcode = first & 15
    size = head[1] & 127
    fault = None
    if first & 0x70:
        fault = "reserved"
    elif head[1] & 0x80:
        fault = "masked"
    elif opcode in (8, 9, 10):
        if size > 125 or first < 0x80:
            fault = "control"
    elif opcode != (0 if inside else 2):
        fault = "opcode"
    if size > 125:
        size = int.from_bytes(bytes(head[2 : head_size(head, 2)]), "big")
        if size >> 63:
            fault = "length"
    if fault:
        raise _fault(fault, opcode)
    return opcode, size


def frame(out, opcode, payload, size, key) -> int:
    """Puts a final frame of payload's first `size` (at most 65535) bytes into `out`, masked.

    `key`: 4 random bytes. Returns the frame's length, at most `size` + 8.
    """
    out[0] = 0x80 | opcode
    pos = 2
    if size < 126:
        out[1] = 0x80 | size
    else:
        out[1] = 0xFE
        out[2] = size >> 8
        out[3] = size & 255
        pos = 4
    out[pos : pos + 4] = key
    pos += 4
    end = pos + size
    out[pos:end] = memoryview(payload)[:size]
    a, b, c, d = key
    for i in range(pos, end - 3, 4):
        out[i] ^= a
        out[i + 1] ^= b
        out[i + 2] ^= c
        out[i + 3] ^= d
    for i in range(end - (size & 3), end):
        out[i] ^= key[(i - pos) & 3]
    return end


class Stream(io.IOBase):
    """The payloads of binary frames as a non-blocking stream over a non-blocking socket."""

    def __init__(self, sock, buffer):
        self._sock = sock
        # The frame that goes out lies in _out, its unsent part from _start to _end.
        self._out = bytearray(buffer + 8)
        self._start = self._end = 0
        # Payload bytes of write() in that frame; 0 once they were reported, or for control.
        self._taken = 0
        # Head of the frame that comes in, a control frame as a whole, and how much is there.
        self._head = memoryview(bytearray(127))
        self._have = 0
        # Bytes of a binary frame's payload still to come; 0 between frames.
        self._left = 0
        # True from the first to the last frame of a fragmented message.
        self._inside = False
        # 1 from a ping on, 2 while its pong lies in _out, 0 once that has gone; meanwhile nothing
        # more is received.
        self._owed = 0
        # What ended the input: an exception, or True for the server's normal close.
        self._over = None
        # The status that close() tells the server (7.4): its own, if that one closed.
        self._code = 1000
        # Polls the socket, made when first needed.
        self._poll = None

    # Output

    def write(self, buf, size=None):
        """Returns the number of bytes sent, None while a frame does not go out.

        It then has to be called again with the same bytes first, as with TLS.
        """
        if not self._settled():
            return None
        if not self._taken:
            size = min(len(buf) if size is None else size, len(self._out) - 8)
            self._taken = size
            if not self._send(2, buf, size):
                return None
        size = self._taken
        self._taken = 0
        return size

    def _send(self, opcode, payload, size):
        self._start = 0
        self._end = frame(self._out, opcode, payload, size, os.urandom(4))
        return self._pushed()

    def _pushed(self):
        # Sends of the frame what the socket takes; True when it has gone.
        while self._start < self._end:
            count = self._sock.write(self._out, self._start, self._end - self._start)
            if not count:
                return False
            self._start += count
        return True

    def _settled(self):
        # Sends what waits: a frame begun, then the pong owed. True when all has gone.
        if not self._pushed():
            return False
        if self._owed == 1:
            self._owed = 2
            if not self._send(10, self._head[2:], self._head[1]):
                return False
        self._owed = 0
        return True

    # Input

    def readinto(self, buf):
        """Returns the number of bytes received, None for none yet, 0 at the end.

        Raises OSError, or ProtocolError for what RFC 6455 forbids and for a close with a fault.
        """
        view = memoryview(buf)
        total = 0
        count = None
        try:
            while total < len(view):
                count = self._receive(view[total:])
                if not count:
                    break
                total += count
        except Exception as error:
            self._over = error
            if self._code == 1000:
                self._code = 1002
            if not total:
                raise
        return total or count

    def _receive(self, view):
        # One frame, or a part of one.
        if self._over is True:
            return 0
        if self._over:
            raise self._over
        if self._owed and not self._settled():
            return None
        if not self._left:
            head = self._head
            while self._have < (size := head_size(head, self._have)):
                count = self._sock.readinto(head[self._have : size])
                if not count:
                    return count
                self._have += count
            self._have = 0
            opcode, size = parse(head, self._inside)
            if opcode > 7:
                return self._control(opcode, size)
            self._inside = head[0] < 0x80
            self._left = size
            if not size:
                return None
        count = self._sock.readinto(view, min(self._left, len(view)))
        self._left -= count or 0
        return count

    def _control(self, opcode, size):
        # Obeys a control frame, which may stand between the frames of a message (5.4).
        if opcode == 9:
            self._owed = 1
            self._settled()
        if opcode != 8:
            return None
        note = bytes(self._head[2 : size + 2])
        self._over = True
        if size > 1:
            self._code = note[0] << 8 | note[1]
        if self._code not in (1000, 1001):
            raise _fault("closed", (self._code, note[2:]))
        return 0

    # What asyncio and Client need of a socket

    def ioctl(self, request, flags):
        """Answers asyncio's poll."""
        if request != 3:
            return -22  # EINVAL: there is nothing but poll
        if self._over or not self._sock:
            return flags  # what ended it is to be told
        if not self._poll:
            self._poll = select.poll()
            self._poll.register(self._sock, 1)
        # Before anything is read, an owed answer has to go.
        self._poll.modify(self._sock, 4 if self._owed else flags)
        for _, event in self._poll.ipoll(0):
            return flags if self._owed and event & 4 else event
        return 0

    def close(self):
        """Says goodbye if it can at once, and closes the socket."""
        try:
            if self._sock and self._settled():
                self._send(8, bytes((self._code >> 8, self._code & 255)), 2)
        except OSError:
            pass
        if self._sock:
            self._sock.close()
            self._sock = None


# The handshake (RFC 6455, 4)


def request(host, port, path, headers, key) -> bytes:
    """Returns the handshake's request; `key` is that of accept(), `headers` are lines."""
    if ":" in host:
        host = "[%s]" % host
    more = "".join(line + "\r\n" for line in headers)
    return (_REQUEST % (path, host, port, str(key, "utf-8"), more)).encode()


def accept(key) -> bytes:
    """Returns what the server makes of the key."""
    return b2a_base64(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).strip()


def check(lines, key):
    """Raises ProtocolError unless the answer's lines open a WebSocket that speaks MQTT."""
    found = {}
    for line in lines:
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    get = found.get
    if (
        lines[0][:7] != b"HTTP/1."
        or lines[0].split()[1:2] != [b"101"]
        or get(b"sec-websocket-accept") != accept(key)
        or get(b"upgrade", b"").lower() != b"websocket"
        or b"upgrade" not in get(b"connection", b"").lower()
        or get(b"sec-websocket-extensions")
        or get(b"sec-websocket-protocol") != b"mqtt"
    ):
        raise _fault("answer", (lines[0], found))


async def _answer(sock, start, timeout_ms):
    # Reads the lines of the answer that count, and not one byte behind its end.
    lines = []
    line = b""
    left = 4096
    while left and len(lines) < 16:
        await ready(sock, 1, start, timeout_ms)
        part = sock.readline(min(left, 128))
        if part == b"":
            raise _fault("ended")
        if not part:
            continue
        left -= len(part)
        if len(line) < 128:
            line += part  # what counts is never longer
        if part[-1:] == b"\n":
            line = line.rstrip()
            if not line and lines:
                return lines
            if not lines or line[:3].lower() in (b"upg", b"con", b"sec"):
                lines.append(line)
            line = b""
    raise _fault("endless")


class WebSocket:
    """How a client connects by WebSocket: async (host, port, timeout_ms) -> Stream.

    `over`: what it goes over, TCP or a TLS of options. `headers`: more lines of the request,
    "name: value". `buffer`: bytes of payload in a frame sent, 125 to 65535. Raises ValueError.
    """

    def __init__(self, path="/mqtt", over=tcp, headers=(), buffer=512):
        lines = path + "".join(headers)
        if (
            path[:1] != "/"
            or " " in path
            or "\r" in lines
            or "\n" in lines
            or not 125 <= buffer <= 65535
        ):
            from .advice import websocket_options

            raise ValueError(websocket_options())
        self._path = path
        self._over = over
        self._headers = headers
        self._buffer = buffer
        # As that of TLS, or None.
        self.explain = getattr(over, "explain", None)

    async def __call__(self, host: str, port: int, timeout_ms: int):
        """Connects. Raises OSError, or ProtocolError that says what is wrong and what to do."""
        start = time.ticks_ms()
        sock = await self._over(host, port, timeout_ms)
        try:
            key = b2a_base64(os.urandom(16)).strip()
            unsent = request(host, port, self._path, self._headers, key)
            while unsent:
                await ready(sock, 4, start, timeout_ms)
                unsent = unsent[sock.write(unsent) or 0 :]
            check(await _answer(sock, start, timeout_ms), key)
            return Stream(sock, self._buffer)
        except BaseException:
            sock.close()
            raise
