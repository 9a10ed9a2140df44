"""Servers that lie, stall and go: each act is what a server does to a client's first connection.

An act has its place in the talk (`at`: CONNECT, SUBSCRIBE or PUBLISH, whose answer it takes the
place of), what is said, and what a right client makes of it. To every other packet and on every
later connection the server is a good one.
"""

import contextlib
import itertools
from dataclasses import dataclass

from faults import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK as ACKNOWLEDGEMENT,
    PUBLISH,
    SUBSCRIBE,
    split,
)
from tls_tools import Server

# What a client is to do: end the connection at once, end it when its patience ends, or go on.
ENDS, OVERDUE, STAYS = "ends", "overdue", "stays"

ID = b"(id)"  # in an act's bytes: the identifier of the packet that is answered
CONNACK = b"\x20\2\0\0"
PUBACK = b"\x40\2" + ID
SUBACK = b"\x90\3" + ID + b"\1"


@dataclass
class Act:
    at: int
    # Bytes, each of which is said by itself; what is right may be among them.
    says: list[bytes]
    then: str
    # True when the server closes behind it.
    closes: bool = False


def message(topic, payload=b"", first=0x30, packet_id=b""):
    body = len(topic).to_bytes(2, "big") + topic + packet_id + payload
    return bytes((first, len(body))) + body


def each_byte(raw):
    return [raw[i : i + 1] for i in range(len(raw))]


def at_connect(then, *says, closes=False):
    return Act(CONNECT, list(says), then, closes)


def at_subscribe(then, *says, closes=False):
    return Act(SUBSCRIBE, list(says), then, closes)


def at_publish(then, *says, closes=False):
    return Act(PUBLISH, list(says), then, closes)


ACTS = {
    # In place of CONNACK
    "nothing": at_connect(OVERDUE),
    "close before CONNACK": at_connect(ENDS, closes=True),
    "close within CONNACK": at_connect(ENDS, CONNACK[:3], closes=True),
    "half a CONNACK": at_connect(OVERDUE, CONNACK[:2]),
    "PUBLISH before CONNACK": at_connect(ENDS, message(b"t")),
    "large PUBLISH before CONNACK": at_connect(ENDS, b"\x30\xff\x7f\0\1t"),
    "PINGRESP before CONNACK": at_connect(ENDS, b"\xd0\0"),
    "SUBACK before CONNACK": at_connect(ENDS, b"\x90\3\0\1\0"),
    "PUBACK before CONNACK": at_connect(ENDS, b"\x40\2\0\1"),
    "CONNACK too short": at_connect(ENDS, b"\x20\1\0"),
    "CONNACK too long": at_connect(ENDS, b"\x20\3\0\0\0"),
    "CONNACK of 256 MB": at_connect(ENDS, b"\x20\xff\xff\xff\x7f\0\0"),
    "CONNACK with flags": at_connect(ENDS, b"\x21\2\0\0"),
    "CONNACK with a reserved bit": at_connect(ENDS, b"\x20\2\2\0"),
    "session present after clean": at_connect(ENDS, b"\x20\2\1\0"),
    "session present and refused": at_connect(ENDS, b"\x20\2\1\5"),
    "reason 6": at_connect(ENDS, b"\x20\2\0\6"),
    "length without end": at_connect(ENDS, b"\x20\xff\xff\xff\xff\xff"),
    "HTTP": at_connect(
        ENDS, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n" + b"x: y\r\n" * 9
    ),
    "zeros": at_connect(ENDS, bytes(64)),
    "ones": at_connect(ENDS, b"\xff" * 64),
    "CONNACK in bytes": at_connect(STAYS, *each_byte(CONNACK)),
    # In place of SUBACK
    "no SUBACK": at_subscribe(OVERDUE),
    "close before SUBACK": at_subscribe(ENDS, closes=True),
    "SUBACK of two": at_subscribe(ENDS, b"\x90\4" + ID + b"\1\1"),
    "SUBACK of none": at_subscribe(ENDS, b"\x90\2" + ID),
    "SUBACK of QoS 3": at_subscribe(ENDS, b"\x90\3" + ID + b"\3"),
    "SUBACK of 2 MB": at_subscribe(ENDS, b"\x90\xff\xff\x7f" + ID),
    "SUBACK with flags": at_subscribe(ENDS, b"\x91\3" + ID + b"\1"),
    "SUBACK of a stranger": at_subscribe(STAYS, b"\x90\3\x77\x77\1", SUBACK),
    "SUBACK twice": at_subscribe(STAYS, SUBACK, SUBACK),
    "SUBACK in bytes": at_subscribe(STAYS, b"\x90", b"\3", ID, b"\1"),
    "PUBACK in its place": at_subscribe(OVERDUE, b"\x40\2" + ID),
    "UNSUBACK in its place": at_subscribe(OVERDUE, b"\xb0\2" + ID),
    "refused subscription": at_subscribe(STAYS, b"\x90\3" + ID + b"\x80"),
    "message before SUBACK": at_subscribe(STAYS, message(b"cmd"), SUBACK),
    # In place of PUBACK
    "no PUBACK": at_publish(OVERDUE),
    "close before PUBACK": at_publish(ENDS, closes=True),
    "close within PUBACK": at_publish(ENDS, b"\x40\2\0", closes=True),
    "half a PUBACK": at_publish(OVERDUE, b"\x40\2\0"),
    "PUBACK twice": at_publish(STAYS, PUBACK, PUBACK),
    "PUBACK in bytes": at_publish(STAYS, b"\x40", b"\2", ID),
    # 0x0030 read as a length has asked for 18 EB.
    "answers to nothing": at_publish(
        STAYS, b"\x40\2\0\x30\x90\3\0\x30\0\xb0\2\0\x30\xd0\0\x40\2\xff\xff", PUBACK
    ),
    "PUBACK too long": at_publish(ENDS, b"\x40\3" + ID + b"\0"),
    "PUBACK too short": at_publish(ENDS, b"\x40\1\0"),
    "PUBACK of 256 MB": at_publish(ENDS, b"\x40\xff\xff\xff\x7f"),
    "PUBACK with flags": at_publish(ENDS, b"\x42\2" + ID),
    "second CONNACK": at_publish(ENDS, CONNACK),
    "CONNECT": at_publish(ENDS, b"\x10\x0c\0\4MQTT\4\2\0\0\0\0"),
    "PUBREC": at_publish(ENDS, b"\x50\2" + ID),
    "PUBREL": at_publish(ENDS, b"\x62\2" + ID),
    "SUBSCRIBE": at_publish(ENDS, b"\x82\6\0\1\0\1t\0"),
    "PINGREQ": at_publish(ENDS, b"\xc0\0"),
    "PINGRESP with a body": at_publish(ENDS, b"\xd0\1\0"),
    "DISCONNECT": at_publish(ENDS, b"\xe0\0"),
    "packet 15": at_publish(ENDS, b"\xf0\0"),
    "packet 0": at_publish(ENDS, b"\0\0"),
    "message at QoS 3": at_publish(ENDS, message(b"t", b"", 0x36, b"\0\1")),
    "message at QoS 2": at_publish(ENDS, message(b"t", b"", 0x34, b"\0\1")),
    "DUP at QoS 0": at_publish(ENDS, message(b"t", b"", 0x38)),
    "message of identifier 0": at_publish(ENDS, message(b"t", b"", 0x32, b"\0\0")),
    "message without identifier": at_publish(ENDS, message(b"top", b"", 0x32)),
    "empty message": at_publish(ENDS, b"\x30\0"),
    "empty topic": at_publish(ENDS, message(b"")),
    "topic longer than its packet": at_publish(ENDS, b"\x30\5\xff\xfftop"),
    "topic with #": at_publish(ENDS, message(b"cmd/#")),
    "topic with +": at_publish(ENDS, message(b"+")),
    "topic with NUL": at_publish(ENDS, message(b"c\0d")),
    "topic that is not UTF-8": at_publish(ENDS, message(b"\xff\xfe")),
    "topic with a surrogate": at_publish(ENDS, message(b"\xed\xa0\x80")),
    "topic with an overlong character": at_publish(ENDS, message(b"\xc0\xaf")),
    "topic cut in a character": at_publish(ENDS, message(b"\xe2\x82")),
    "message of 256 MB, then nothing": at_publish(OVERDUE, b"\x30\xff\xff\xff\x7f\0\1tx"),
    "message of 256 MB, then the end": at_publish(
        ENDS, b"\x30\xff\xff\xff\x7f\0\1t" + bytes(50_000), closes=True
    ),
    "message without an end to its length": at_publish(ENDS, b"\x30" + b"\xff" * 9),
    "message larger than the buffer": at_publish(
        STAYS, b"\x32\x88\x27\0\1t\0\1" + bytes(4995), PUBACK
    ),
    "messages without end": at_publish(OVERDUE, *[message(b"cmd", b"more") * 100] * 100),
}


class Evil:
    """A server that does an act once. What was acknowledged to the client is in `got`."""

    def __init__(self, act):
        self.act = act
        # Payloads in the order they came, once each, and the answer they got.
        self.got = []
        self.connections = 0
        self._numbers = itertools.count(1)
        self._server = Server(self._serve)
        self.port = self._server.port

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *exc):
        self._server.__exit__(*exc)

    def _serve(self, connection):
        self.connections = number = next(self._numbers)
        act = self.act if number == 1 else None
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while piece := connection.recv(4096):
                buffer += piece
                while raw := split(buffer):
                    act = self._answer(connection, raw, act)

    def _answer(self, connection, raw, act):
        kind = raw[0] >> 4
        found = act and kind == act.at
        packet_id = identifier(raw)
        answers = act.says if found else [good(kind)]
        if kind == PUBLISH and PUBACK in b"".join(answers) and payload(raw) not in self.got:
            self.got.append(payload(raw))
        for answer in answers:
            connection.sendall(answer.replace(ID, packet_id))
        if found and act.closes:
            raise ConnectionError
        # Said once. What is left without an answer has none when it is repeated, either.
        silent = None if not act or act.then == STAYS else Act(act.at, [], act.then)
        return silent if found else act


def good(kind):
    answers = {CONNECT: CONNACK, SUBSCRIBE: SUBACK, PUBLISH: PUBACK, PINGREQ: b"\xd0\0"}
    assert kind in answers or kind in (ACKNOWLEDGEMENT, DISCONNECT), kind
    return answers.get(kind, b"")


def identifier(raw):
    if raw[0] >> 4 != PUBLISH:
        return raw[2:4]
    end = 4 + int.from_bytes(raw[2:4], "big")
    return raw[end : end + 2]


def payload(raw):
    """Payload of a PUBLISH at QoS 1."""
    return raw[6 + int.from_bytes(raw[2:4], "big") :]
