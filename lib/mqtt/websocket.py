"""WebSocket (RFC 6455) under MQTT: `client.transport = WebSocket()`, `WebSocket(over=TLS(...))`.

Frames and packets need not align (MQTT 3.1.1, 6). Memory is fixed: a frame that goes out lies in
a buffer, of those that come in only heads and control frames do.
"""

import asyncio
import io
import os
import select
import time
from binascii import b2a_base64
from errno import ETIMEDOUT
from hashlib import sha1

from .packet import ProtocolError
from .transport import tcp

_REQUEST = (
    "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
    "%s\r\n"
)
# Bytes of the answer that are read at most.
_ANSWER = 4096


# Frames (RFC 6455, 5.2) as functions of bytes.


def head_size(head, have) -> int:
    """Returns how many bytes the head of a frame has, as far as its first `have` tell."""
    size = head[1] & 127 if have > 1 else 0
    return 2 if size < 126 else 4 if size == 126 else 10


def parse(head, inside):
    """Returns (opcode, payload's length) of a server's frame. Raises ProtocolError.

    `inside`: whether a fragmented message is in progress.
    """
    opcode = head[0] & 15
    size = head[1] & 127
    fault = None
    if head[0] & 0x70:
        fault = "reserved bits are set (5.2)"
    elif head[1] & 0x80:
        fault = "a masked frame from the server (5.1)"
    elif opcode in (8, 9, 10):
        if size > 125 or not head[0] & 0x80:
            fault = "a long or fragmented control frame (5.5)"
    elif opcode != (0 if inside else 2):
        fault = "a frame of opcode %d instead of binary (5.4)" % opcode
    if size > 125:
        size = int.from_bytes(bytes(head[2 : head_size(head, 2)]), "big")
        if size >> 63:
            fault = "a length beyond 63 bits (5.2)"
    if fault:
        raise ProtocolError("WebSocket: " + fault)
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
        # Head of the frame that comes in, and how much of it is there.
        self._head = memoryview(bytearray(10))
        self._have = 0
        # Opcode of the frame whose payload comes in, None between frames.
        self._opcode = None
        # Bytes of its payload still to come.
        self._left = 0
        # True from the first to the last frame of a fragmented message.
        self._inside = False
        # Payload of the last control frame, and its length.
        self._note = memoryview(bytearray(125))
        self._size = 0
        # True from a ping until its pong has gone; meanwhile nothing more is received.
        self._owed = False
        # True while a pong lies in _out.
        self._ponging = False
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
        if self._owed and not self._ponging:
            self._ponging = True
            if not self._send(10, self._note, self._size):
                return False
        self._owed = self._ponging = False
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
        except (OSError, ProtocolError) as error:
            self._over = error
            if self._code == 1000:
                self._code = 1002
            if not total:
                raise error
        return total or count

    def _receive(self, view):
        # One frame, or a part of one.
        if self._over is True:
            return 0
        if self._over:
            raise self._over
        if self._owed and not self._settled():
            return None
        if self._opcode is None:
            count = self._begin()
            if not count:
                return count
        if self._opcode > 7:
            return self._control()
        return self._payload(view)

    def _begin(self):
        # Takes the head of a frame; None or 0 as long as it is not there.
        while self._have < (size := head_size(self._head, self._have)):
            count = self._sock.readinto(self._head[self._have : size])
            if not count:
                return count
            self._have += count
        self._opcode, self._left = parse(self._head, self._inside)
        self._have = self._size = 0
        if self._opcode < 8:
            self._inside = not self._head[0] & 0x80
        return 1

    def _payload(self, view):
        count = None
        if self._left:
            count = self._sock.readinto(view, min(self._left, len(view)))
            if not count:
                return count
            self._left -= count
        if not self._left:
            self._opcode = None
        return count

    def _control(self):
        # Takes a control frame, which may stand between the frames of a message (5.4).
        while self._left:
            count = self._sock.readinto(self._note[self._size : self._size + self._left])
            if not count:
                return count
            self._size += count
            self._left -= count
        opcode = self._opcode
        self._opcode = None
        if opcode == 8:
            return self._closed()
        if opcode == 9:
            self._owed = True
            self._settled()
        return None

    def _closed(self):
        note = self._note
        if self._size > 1:
            self._code = note[0] << 8 | note[1]
        self._over = True
        if self._code not in (1000, 1001):
            reason = bytes(note[2 : self._size])
            raise ProtocolError("WebSocket: closed by the broker: %d %r" % (self._code, reason))
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
    status = lines[0].split(None, 2)
    if len(status) < 2 or status[0][:7] != b"HTTP/1." or not status[1].isdigit():
        raise ProtocolError("no WebSocket: %r: check host and port" % lines[0][:40])
    if status[1] != b"101":
        advice = "the credentials" if status[1] in (b"401", b"403") else "host, port and path"
        raise ProtocolError("no WebSocket: %r: check %s" % (lines[0][:60], advice))
    found = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    if (
        found.get(b"sec-websocket-accept") != accept(key)
        or found.get(b"upgrade", b"").lower() != b"websocket"
        or b"upgrade" not in found.get(b"connection", b"").lower()
        or found.get(b"sec-websocket-extensions")
    ):
        raise ProtocolError("no WebSocket: a wrong answer to the handshake (4.1)")
    if found.get(b"sec-websocket-protocol") != b"mqtt":
        raise ProtocolError("no MQTT on this WebSocket (sub-protocol): check port and path")


async def _answer(sock):
    # Reads the lines of the answer that count, and not one byte behind its end.
    stream = asyncio.StreamReader(sock)
    nothing = bytearray(0)
    lines = []
    line = b""
    left = _ANSWER
    while left and len(lines) < 16:
        await stream.readinto(nothing)  # waits until there is something
        part = sock.readline(min(left, 128))
        if part == b"":
            raise ProtocolError("no WebSocket: closed in the handshake: check port and path")
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
    raise ProtocolError("no WebSocket: an answer without end")


class WebSocket:
    """How a client connects by WebSocket: async (host, port, timeout_ms) -> Stream.

    `over`: what it goes over, TCP or a TLS of options. `headers`: more lines of the request,
    "name: value". `buffer`: bytes of payload in a frame sent, 125 to 65535. Raises ValueError.
    """

    def __init__(self, path="/mqtt", over=tcp, headers=(), buffer=512):
        for line in (path,) + tuple(headers):
            if "\r" in line or "\n" in line:
                raise ValueError("a line end in path or headers")
        if path[:1] != "/" or " " in path:
            raise ValueError("the path begins with / and has no space")
        if not 125 <= buffer <= 65535:
            raise ValueError("buffer is 125 to 65535")
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
            left = timeout_ms - time.ticks_diff(time.ticks_ms(), start)
            await asyncio.wait_for_ms(self._open(sock, host, port), left)
            return Stream(sock, self._buffer)
        except asyncio.TimeoutError:
            error = OSError(ETIMEDOUT)
        except BaseException as caught:
            error = caught
            if self.explain and isinstance(caught, OSError):
                error = ProtocolError(self.explain(caught) or str(caught))
        sock.close()
        raise error

    async def _open(self, sock, host, port):
        key = b2a_base64(os.urandom(16)).strip()
        stream = asyncio.StreamWriter(sock)
        stream.write(request(host, port, self._path, self._headers, key))
        await stream.drain()
        check(await _answer(sock), key)
