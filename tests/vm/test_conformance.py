"""What MQTT 3.1.1 demands of the whole client, both fronts of it, on the real MicroPython."""

import contextlib
import socket
import threading

import pytest

from fieldpost import broker as brokers
from vm import needs_mosquitto, needs_vm, run

pytestmark = needs_vm

FRONTS = ("simple", "views", "client")
GO = b"\0\2go"


class Server:
    """A broker for one connection: grants and acknowledges all, and says `raw` at its turn.

    When `last` comes, a packet as (first byte, body), it ends the connection by a violation.
    """

    def __init__(self, raw=b"", last=None):
        self.raw = raw
        self.last = last
        # (first byte, body) of all that came, and how many of them when it was its turn.
        self.packets = []
        self.turn = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(10)
        with self.connection, contextlib.suppress(ConnectionError):
            while packet := self.packet():
                self.packets.append(packet)
                self.answer(*packet)
        # By a second one the client sees that its first one has come to its end.
        self.listener.accept()[0].close()

    def packet(self):
        """Returns the next packet, of less than 128 bytes; None at the end of the stream."""
        head = self.take(2)
        return (head[0], self.take(head[1])) if head else None

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                assert not data, "the client closed within a packet"
                return b""
            data += piece
        return data

    def answer(self, first, body):
        if (first, body) == self.last:
            self.connection.sendall(b"\xc0\0")
        elif first == 0x10:
            self.connection.sendall(b"\x20\2\0\0")
        elif first == 0x82:
            codes = bytes(count_filters(body[2:]))
            self.connection.sendall(bytes((0x90, 2 + len(codes))) + body[:2] + codes)
        elif first >> 4 == 3 and body.startswith(GO):
            self.turn = len(self.packets)
            self.connection.sendall(self.raw)
        elif first & 0xF6 == 0x32:
            size = int.from_bytes(body[:2], "big")
            self.connection.sendall(b"\x40\2" + body[2 + size : 4 + size])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(0 if kind else 20)
        self.listener.close()
        assert kind or not self.thread.is_alive(), "the client did not close the connection"


def count_filters(raw):
    count = 0
    while raw:
        raw = raw[3 + int.from_bytes(raw[:2], "big") :]
        count += 1
    return count


def meet(front, case, raw=b""):
    """Lets a front do `case` with a server; returns (lines it printed, the server)."""
    with Server(raw) as server:
        lines = on_vm(front, case, server.port)
    return lines, server


def on_vm(front, case, port):
    done = run("tests/vm/conformance_fronts.py", front, case, port, heap="128wK")
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def message(topic, payload=b"x", first=0x30, packet_id=b""):
    body = len(topic).to_bytes(2, "big") + topic + packet_id + payload
    return bytes((first, len(body))) + body


def closes(front, raw):
    """Returns the reason that the front gives for closing the connection because of `raw`."""
    # What comes behind it isn't taken any more, nor anything answered.
    more = message(b"next") + message(b"next", first=0x32, packet_id=b"\0\1") + b"\xc0\0"
    lines, server = meet(front, "listens", raw + more)
    assert server.packets[server.turn :] == [], "it went on"
    assert len(lines) == 1 and lines[0].startswith("closed: "), lines
    return lines[0][8:]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("topic", [b"\xff", b"a/\xed\xa0\x80", b"\xc0\xaf"])
def test_an_ill_formed_topic_closes(front, topic):
    assert closes(front, message(topic))


@pytest.mark.parametrize("front", FRONTS)
def test_a_topic_with_nul_closes(front):
    assert closes(front, message(b"a\0b"))


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("topic", [b"a/+", b"#", b"a#"])
def test_a_topic_with_wildcards_closes(front, topic):
    assert closes(front, message(topic))


@pytest.mark.parametrize("front", FRONTS)
def test_a_message_of_qos_2_closes(front):
    assert "QoS 2" in closes(front, message(b"t", first=0x34, packet_id=b"\0\1"))


VIOLATIONS = {
    "QoS 3": b"\x36\5\0\1t\0\1",
    "reserved flags": b"\x41\2\0\1",
    "a second CONNACK": b"\x20\2\0\0",
    "identifier 0": b"\x32\5\0\1t\0\0",
    "a length without end": b"\x30\xff\xff\xff\xff\1",
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_violation_closes(front, violation):
    assert len(closes(front, VIOLATIONS[violation])) > 10


@pytest.mark.parametrize("front", [*FRONTS, "robust"])
def test_what_may_not_be_sent_is_refused(front):
    lines, server = meet(front, "refuses")
    assert lines[:16] == ["refused"] * 16 and "taken" not in "".join(lines)
    # Nothing of it went out, and no SUBSCRIBE without a filter.
    assert [first for first, _ in server.packets] == [0x10, 0x30, 0xE0]


@pytest.mark.parametrize("front", FRONTS)
def test_disconnect_is_the_last_packet_and_the_connection_is_closed(front):
    lines, server = meet(front, "leaves")
    assert lines == ["not connected"]
    assert server.packets[0][0] == 0x10 and server.packets[-1] == (0xE0, b"")
    assert [first for first, _ in server.packets].count(0xE0) == 1


@pytest.mark.parametrize("front", FRONTS)
def test_connect_is_sent_first_and_once(front):
    _, server = meet(front, "listens", b"\xc0\0")
    assert [first for first, _ in server.packets] == [0x10, 0x82, 0x30]


def test_wildcards_match_as_the_standard_says():
    topics = [b"a/b", b"$SYS/b", b"$SYS", b"a", b"A/b", b"a/b/", "é".encode(), "e\u0301".encode()]
    raw = b"".join(map(message, topics)) + b"\xc0\0"
    lines, _ = meet("client", "listens", raw)
    assert lines[:-1] == [
        *("got #: a/b", "got +/b: a/b", "got a/b: a/b", "got a/#: a/b"),
        *("got $SYS/#: $SYS/b", "got $SYS/#: $SYS"),
        *("got #: a", "got a/#: a"),
        *("got #: A/b", "got +/b: A/b"),
        *("got #: a/b/", "got a/#: a/b/"),
        *("got #: é", "got é: é"),
        "got #: e\u0301",
    ]


@pytest.mark.parametrize("front", FRONTS)
def test_a_message_to_nobody_is_acknowledged(front):
    # No filter of the asyncio front matches it; the blocking one has no filters of its own.
    last = (0x40, b"\0\x08")
    raw = message(b"$other", first=0x32, packet_id=b"\0\7")
    raw += message(b"a", first=0x32, packet_id=last[1])
    with Server(raw, last) as server:
        on_vm(front, "listens", server.port)
    assert server.packets[server.turn :] == [(0x40, b"\0\7"), last]


@needs_mosquitto
@pytest.mark.parametrize("front", FRONTS)
def test_it_talks_to_another_implementation(front, tmp_path):
    with brokers.mosquitto(tmp_path) as broker:
        lines = on_vm(front, "talks", broker.port)
    assert len(lines) == 2 and all(line.startswith("got ") for line in lines)
