"""WebSocket on the real MicroPython: ws and wss against Mosquitto, and evil servers."""

import base64
import hashlib
import subprocess

import pytest
import trustme
from tls_tools import (
    Papers,
    Server,
    Talk,
    drain,
    flood,
    reason,
)

from fieldpost import broker
from vm import needs_mosquitto, needs_vm

pytestmark = [needs_vm, needs_mosquitto]

WS = {"websocket": {}}
CONNACK = b"\x20\x02\0\0"


class Broker:
    """A Mosquitto that speaks WebSocket; `port` is that of it."""

    def __init__(self, folder, settings):
        # Mosquitto does not start with listeners of WebSocket alone: its first one is plain.
        self.port = broker.free_port()
        lines = f"listener {self.port} 127.0.0.1\nprotocol websockets\n{settings}"
        self._broker = broker.mosquitto(folder, lines)
        self.start, self.stop, self.kill = (
            self._broker.start,
            self._broker.stop,
            self._broker.kill,
        )

    @property
    def log(self):
        return self._broker.log


@pytest.fixture
def mosquitto(tmp_path):
    """Starts a broker with those further settings; it goes with the test."""
    started = []

    def start(settings=""):
        started.append(Broker(tmp_path, settings))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def papers(tmp_path):
    return Papers(tmp_path, trustme.CA())


# Talking


def test_a_client_talks_over_websocket(mosquitto):
    # The sizes are those where frames change: of 125 bytes, of the buffer, of several.
    with Talk(mosquitto().port, sizes=[0, 80, 110, 125, 126, 480, 520, 900], **WS) as talk:
        lines = talk.end()
    assert lines[0] == "up" and lines[7:10] == ["echo 520", "echo 900", "round 1"]


def test_a_client_talks_over_websocket_and_tls(mosquitto, papers):
    options = {"tls": {"authorities": papers.ca}, **WS}
    with Talk(mosquitto(papers.server()).port, sizes=[0, 125, 600, 900], **options) as talk:
        assert talk.end()[4:6] == ["echo 900", "round 1"]


def test_payloads_larger_than_the_frames_of_both_sides(mosquitto):
    options = {"client": {"buffer": 5000}, "websocket": {"buffer": 4000}}
    with Talk(mosquitto().port, heap="256wK", sizes=[4900], **options) as talk:
        assert "echo 4900" in talk.end()


def test_it_comes_back_when_the_broker_does(mosquitto):
    server = mosquitto()
    with Talk(server.port, rounds=3, **WS) as talk:
        for number, end in ((1, server.kill), (2, server.stop)):
            talk.expect(f"round {number}")
            end()
            talk.expect("down")
            server.start()
        talk.expect("round 3")
        talk.end()


def test_it_comes_back_over_tls_too(mosquitto, papers):
    server = mosquitto(papers.server())
    with Talk(server.port, rounds=2, tls={"authorities": papers.ca}, **WS) as talk:
        talk.expect("round 1")
        server.kill()
        talk.expect("down")
        server.start()
        talk.expect("round 2")
        talk.end()


def test_a_full_socket_loses_nothing(mosquitto):
    sent, came = flood(mosquitto(), **WS)
    assert came == sent


def test_a_full_socket_loses_nothing_over_tls(mosquitto, papers):
    sent, came = flood(mosquitto(papers.server()), tls={"authorities": papers.ca}, **WS)
    assert came == sent


def test_a_password(mosquitto, tmp_path):
    program = broker.find("mosquitto_passwd")
    assert program
    subprocess.run([program, "-c", "-b", tmp_path / "users", "node", "right"], check=True)
    server = mosquitto(f"allow_anonymous false\npassword_file {tmp_path}/users")
    with Talk(server.port, client={"user": "node", "password": "right"}, **WS) as talk:
        assert "round 1" in talk.end()
    text = reason(server.port, client={"user": "node", "password": "wrong"}, **WS)
    assert "CONNACK" in text and "password" in text


def test_errors_of_tls_are_explained(mosquitto, papers, tmp_path):
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other", trustme.CA())
    server = mosquitto(papers.server())
    assert "unknown authority" in reason(server.port, tls={"authorities": other.ca}, **WS)
    # Without verification the request goes out in the handshake of TLS.
    with Server(lambda connection: connection.recv(100)) as hanging:
        text = reason(hanging.port, tls={"verify": False}, **WS)
    assert "closed" in text or "ECONNRESET" in text


# A server of our own


def open_websocket(connection, changes=(), status="101 Switching Protocols"):
    """Takes the client's request and answers it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1000)
    key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
        "Sec-WebSocket-Protocol": "mqtt",
        **dict(changes),
    }
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in fields.items() if v is not None)]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return head


def take(connection, size):
    got = b""
    while len(got) < size:
        piece = connection.recv(size - len(got))
        assert piece, "the client has gone"
        got += piece
    return got


def receive(connection):
    """Returns (opcode, payload) of the client's next frame, of at most 125 bytes."""
    first, size = take(connection, 2)
    assert first & 0x80 and size & 0x80 and size & 127 < 126
    key = take(connection, 4)
    body = take(connection, size & 127)
    return first & 15, bytes(byte ^ key[i % 4] for i, byte in enumerate(body))


def frame(opcode, payload=b"", final=True):
    assert len(payload) < 126
    return bytes((opcode | final << 7, len(payload))) + payload


def trickle(connection, raw):
    """Sends one byte at a time, each when the one before has been taken."""
    for i in range(len(raw)):
        connection.sendall(raw[i : i + 1])


# What a QoS 1 publish of ours comes back as: at QoS 0, without its identifier.
def echo(body):
    size = body[2] << 8 | body[3]
    packet_id = body[4 + size : 6 + size]
    rest = body[2 : 4 + size] + body[6 + size :]
    return b"\x40\x02" + packet_id + b"\x30" + bytes((len(rest),)) + rest


def play(connection, say):
    """Plays a broker until the client says goodbye, and returns what it said but MQTT."""
    others = []
    while True:
        opcode, body = receive(connection)
        if opcode != 2:
            others.append((opcode, body))
            if opcode == 8:
                return others
        elif body[0] == 0x10:
            say(CONNACK)
        elif body[0] == 0x82:
            say(b"\x90\x03" + body[2:4] + b"\x01")
        elif body[0] == 0x32:
            say(echo(body))
        else:
            assert body == b"\xe0\0"


def test_torn_and_fragmented_frames_with_pings_between():
    said = []

    def script(connection):
        open_websocket(connection)

        def say(packet):
            raw = b""
            for i in range(len(packet)):
                raw += frame(9, b"%d" % i) + frame(10, b"unasked")
                raw += frame(0 if i else 2, packet[i : i + 1], i == len(packet) - 1)
                raw += frame(0, b"", False) if i < len(packet) - 1 else frame(2)
            trickle(connection, raw)

        said.extend(play(connection, say))

    with Server(script) as server, Talk(server.port, sizes=[20], **WS) as talk:
        lines = talk.end()
    assert lines[:3] == ["up", "echo 20", "round 1"]
    assert said[:4] == [(10, b"0"), (10, b"1"), (10, b"2"), (10, b"3")]
    assert said[-1] == (8, b"\x03\xe8")


def test_packets_over_several_frames():
    def script(connection):
        open_websocket(connection)

        def say(packet):
            for i in range(0, len(packet), 3):
                connection.sendall(frame(2, packet[i : i + 3]))

        play(connection, say)

    with Server(script) as server, Talk(server.port, sizes=[20, 30], **WS) as talk:
        assert "round 1" in talk.end()


def test_frames_right_behind_the_answer():
    said = []

    def script(connection):
        class Late:
            # Sends a frame in the segment of the answer.
            recv = connection.recv

            def sendall(self, raw):
                connection.sendall(raw + frame(9, b"early"))

        open_websocket(Late())
        said.extend(play(connection, lambda packet: connection.sendall(frame(2, packet))))

    with Server(script) as server, Talk(server.port, **WS) as talk:
        assert "round 1" in talk.end()
    assert said[0] == (10, b"early")


@pytest.mark.parametrize(
    ("raw", "words", "status"),
    [
        (frame(1, b"text"), "opcode 1", 1002),
        (b"\x82\x84\0\0\0\0" + CONNACK, "masked", 1002),
        (b"\xf2\x04" + CONNACK, "reserved", 1002),
        (frame(8, b"\x03\xf0not today"), "1008", 1008),
        (frame(8, b"\x03\xe8"), "closed", 1000),
    ],
)
def test_what_a_server_may_not_say(raw, words, status):
    said = []

    def script(connection):
        open_websocket(connection)
        receive(connection)
        connection.sendall(raw)
        said.append(receive(connection))

    with Server(script) as server:
        assert words in reason(server.port, **WS)
    assert said == [(8, status.to_bytes(2, "big"))]


def test_the_end_in_mid_frame():
    def script(connection):
        open_websocket(connection)
        receive(connection)
        connection.sendall(frame(2, CONNACK)[:4])

    with Server(script) as server:
        assert "closed" in reason(server.port, **WS)


def test_a_length_that_is_a_lie():
    def script(connection):
        open_websocket(connection)
        receive(connection)
        connection.sendall(b"\x82\x7f\x7f" + b"\xff" * 7 + CONNACK)
        # SUBSCRIBE shows that CONNACK was taken, and that nothing waited for the rest.
        assert receive(connection)[1][0] == 0x82

    with Server(script) as server:
        assert "closed" in reason(server.port, **WS)


# The handshake


@pytest.mark.parametrize(
    ("status", "changes", "words"),
    [
        ("404 Not Found", {}, "404"),
        ("400 Bad Request", {}, "path"),
        ("401 Unauthorized", {}, "credentials"),
        ("101 Switching Protocols", {"Sec-WebSocket-Protocol": None}, "sub-protocol"),
        ("101 Switching Protocols", {"Sec-WebSocket-Accept": "wrong"}, "wrong answer"),
    ],
)
def test_answers_that_are_a_no(status, changes, words):
    with Server(lambda connection: open_websocket(connection, changes, status)) as server:
        assert words in reason(server.port, **WS)


def test_the_request_asks_for_what_was_given():
    heads = []

    def script(connection):
        heads.append(open_websocket(connection, status="404 Not Found"))

    options = {"path": "/other", "headers": ["Authorization: Bearer x"]}
    with Server(script) as server:
        reason(server.port, websocket=options)
    assert heads[0].startswith(b"GET /other HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer x\r\n" in heads[0]
    assert f"\r\nHost: localhost:{server.port}\r\n".encode() in heads[0]


@pytest.mark.parametrize(
    "raw",
    [b"\0" * 100 + b"\n", b"SSH-2.0-OpenSSH_9\r\n" * 9, b"HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n"],
)
def test_garbage_is_no_websocket(raw):
    def script(connection):
        connection.recv(1000)
        connection.sendall(raw)

    with Server(script) as server:
        assert "no WebSocket" in reason(server.port, **WS)


@pytest.mark.parametrize(
    "piece", [b"x" * 1000, b"X-Header: value\r\n" * 60, b"a\n" * 999, b"con\n" * 999]
)
def test_headers_without_end(piece):
    def script(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            connection.sendall(piece)

    with Server(script) as server:
        assert "without end" in reason(server.port, **WS)


def test_long_headers_that_say_nothing_are_passed_over():
    long = {"Set-Cookie": "x" * 1500, "Connection-Hint": "y" * 300}
    long.update({f"X-{i}": str(i) for i in range(40)})

    def script(connection):
        open_websocket(connection, long)
        play(connection, lambda packet: connection.sendall(frame(2, packet)))

    with Server(script) as server, Talk(server.port, **WS) as talk:
        assert "round 1" in talk.end()


def test_a_torn_answer():
    def script(connection):
        class Torn:
            recv = connection.recv

            def sendall(self, raw):
                trickle(connection, raw)

        open_websocket(Torn())
        play(connection, lambda packet: connection.sendall(frame(2, packet)))

    with Server(script) as server, Talk(server.port, **WS) as talk:
        assert "round 1" in talk.end()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 101 Swit", b"HTTP/1.1 101 OK\r\nUpgrade: w"])
def test_an_answer_that_stalls_ends_in_time_and_stops_nobody(first):
    def script(connection):
        connection.sendall(first)
        drain(connection)

    with Server(script) as server, Talk(server.port, rounds=0, connect_ms=300, **WS) as talk:
        assert "ETIMEDOUT" in talk.expect("down")
        assert int(talk.expect("loop")) < 200


def test_a_server_that_hangs_up():
    with Server(lambda connection: connection.recv(1000)) as server:
        assert "closed in the handshake" in reason(server.port, **WS)


def test_a_port_of_plain_mqtt(tmp_path):
    with broker.mosquitto(tmp_path) as server:
        text = reason(server.port, **WS)
    assert "WebSocket" in text or "ECONNRESET" in text
