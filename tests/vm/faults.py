"""What a proxy (proxy.py) can see and do: MQTT's packets, faults, and cuts."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14


@dataclass
class Packet:
    """A packet as it came in, and when (time.monotonic)."""

    link: int
    side: str
    raw: bytes
    at: float

    @property
    def kind(self):
        return self.raw[0] >> 4

    @property
    def body(self):
        start = 1
        while self.raw[start] & 128:
            start += 1
        return self.raw[start + 1 :]

    @property
    def topic(self):
        """Topic of a PUBLISH."""
        return self.body[2 : self._end()].decode()

    @property
    def id(self):
        """Identifier of a PUBLISH at QoS 1 or of an acknowledgement."""
        at = self._end() if self.kind == PUBLISH else 0
        return int.from_bytes(self.body[at : at + 2], "big")

    @property
    def payload(self):
        return self.body[self._end() + (2 if self.raw[0] & 6 else 0) :]

    @property
    def dup(self):
        return bool(self.raw[0] & 8)

    def _end(self):
        return 2 + int.from_bytes(self.body[:2], "big")


@dataclass
class Rule:
    """What happens at the nth packet of a kind from a side. `at` is when it happened."""

    side: str
    kind: int
    nth: int
    fault: Callable
    after: bool
    at: float = 0.0

    def fits(self, side, kind, nth):
        return (side, kind, nth) == (self.side, self.kind, self.nth)


def split(buffer):
    """Takes the first whole packet out of a bytearray; b"" if there is none."""
    size = shift = 0
    for i in range(1, min(5, len(buffer))):
        size |= (buffer[i] & 127) << shift
        shift += 7
        if buffer[i] < 128:
            end = i + 1 + size
            if len(buffer) < end:
                break
            raw = bytes(buffer[:end])
            del buffer[:end]
            return raw
    return b""


# ---- Faults: functions of a Link -----------------------------------------------------------


def fin(link):
    """Ends both connections in order, between two packets."""
    link.silent = True
    link.broker.close()
    with contextlib.suppress(OSError):
        link.client.write_eof()


def rst(link):
    """Breaks off both connections: what is on its way is lost."""
    link.silent = True
    for writer in (link.client, link.broker):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def stall(link):
    """Takes everything and hands on nothing: a broker that hangs."""
    link.silent = True


def black_hole(link):
    """Neither reads nor writes, until healed: a cable that was pulled."""
    link.passage.clear()
    for writer in (link.client, link.broker):
        if not writer.is_closing():
            writer.transport.pause_reading()


def heal(link):
    """Ends a black hole. What was held up goes on."""
    link.passage.set()
    for writer in (link.client, link.broker):
        if not writer.is_closing():
            writer.transport.resume_reading()


def hole_for(seconds):
    """Returns a fault: a black hole that heals by itself."""

    def fault(link):
        black_hole(link)
        asyncio.get_running_loop().call_later(seconds, heal, link)

    return fault


# ---- Cuts: functions of a packet that return the segments it goes out in --------------------


def one_byte(raw):
    return [raw[i : i + 1] for i in range(len(raw))]


def torn(raw):
    """In two, within the fixed header where it is long enough and else behind its first byte."""
    at = len(raw) // 2 or 1
    return [raw[:at], raw[at:]]
