"""Broken links of every kind: each is told in words, and each one heals by itself."""

import re
import subprocess
import threading
import time

import pytest

from fieldpost import broker as brokers

CONNACK = b"\x20\x02\x00\x00"


def pauses(one):
    """Returns the pauses in s that a node's MQTT client has announced."""
    found = re.findall(r"mqtt: .*; again in ([\d.]+) s", one.board.console)
    return [float(pause) for pause in found]


def packet(connection):
    """Reads one short packet of a client whole; b"" at the end of the stream."""
    head = connection.recv(2)
    if len(head) < 2:
        return b""
    length = head[1] & 127
    if head[1] & 128:
        length |= connection.recv(1)[0] << 7
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return head + body


# ---- Wi-Fi ---------------------------------------------------------------------------------


def test_access_point_gone_and_back(broker, node, air, subscribe):
    server = broker()
    one = node(server, on=False, broker={"keep_alive": 2})
    one.hurry()
    one.on()
    reader = subscribe(server, one.of("status"))
    mark = one.board.mark()
    air.access_points["fieldpost"].up = False
    one.wait("wifi: lost: ", since=mark)
    one.wait("mqtt: Wi-Fi lost", since=mark)
    reader.wait_topic(one.of("status"), timeout=15, payload="offline")
    air.access_points["fieldpost"].up = True
    one.wait("wifi: joined fieldpost", since=mark)
    one.wait("mqtt: online", since=mark)
    reader.wait_for(lambda _: len(reader.messages) == 3)
    assert [message.payload for message in reader.messages] == ["online", "offline", "online"]


def test_kicked_by_the_access_point(broker, node, air, subscribe):
    server = broker()
    one = node(server, on=False)
    one.hurry()
    one.on()
    mark = one.board.mark()
    air.association_s = 0.5
    air.access_points["fieldpost"].kick()
    one.wait("wifi: lost: ", since=mark)
    one.wait("wifi: joined", since=mark)
    one.wait("mqtt: online", since=mark)
    assert subscribe(server, one.of("status")).wait_topic(one.of("status")).payload == "online"


def test_wifi_that_is_back_is_tried_at_once(broker, node, air):
    server = broker()
    one = node(server, on=False)
    # Pauses of an hour: only the returning network can end one.
    one.hurry(3_600_000, 3_600_000)
    one.on()
    mark = one.board.mark()
    air.access_points["fieldpost"].up = False
    one.wait("mqtt: Wi-Fi lost; again in", since=mark)
    air.access_points["fieldpost"].up = True
    one.wait("mqtt: online", since=mark)


def test_wifi_is_joined_anew_when_nothing_comes_through_it(broker, node):
    server = broker()
    one = node(server, on=False)
    one.tune("node/app.py", REJOIN_MS=300)
    one.hurry()
    server.stop()
    one.on("wifi: joined anew")
    server.start()
    one.wait("mqtt: online")


def test_a_driver_of_wifi_that_raises_is_asked_again(broker, node):
    one = node(broker(), on=False)
    one.tune("node/wifi.py", PAUSE_MS=100)
    radio = one.board.radio
    connect, refusals = radio.connect, iter(range(3))

    def refuse(ssid, key):
        if next(refusals, None) is None:
            connect(ssid, key)
        else:
            raise OSError("Wifi Internal State Error")

    radio.connect = refuse
    one.on()
    assert len(one.lines("Wifi Internal State Error")) == 3
    assert one.board.boots == [1]


def test_wrong_wifi_password(broker, node):
    server = broker()
    one = node(server, on=False, wifi={"password": "not-the-one"})
    one.on("wifi: refused: check wifi.password")
    assert one.lines("again in")
    assert "not-the-one" not in one.board.console
    one.config["wifi"]["password"] = "fieldpost-sim"
    one.board.power_off()
    one.install()
    one.on()


def test_network_out_of_reach_comes_later(broker, node, air):
    server = broker()
    one = node(server, on=False)
    one.tune("node/wifi.py", JOIN_MS=500)
    air.access_points["fieldpost"].up = False
    one.on("wifi: network not found: check wifi.ssid")
    air.access_points["fieldpost"].up = True
    one.wait("mqtt: online")


# ---- Refusals ------------------------------------------------------------------------------


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "passwords"
    program = brokers.find("mosquitto_passwd")
    command = [program, "-b", "-c", str(path), "lab", "s3cret-word"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def test_user_and_password(broker, node, password_file):
    server = broker(f"allow_anonymous false\npassword_file {password_file}")
    one = node(server, broker={"user": "lab", "password": "s3cret-word"})
    assert f"as {one.id} (p2, c1, k60, u'lab')" in server.log
    assert "s3cret-word" not in one.board.console


def test_wrong_password_is_told_and_tried_on(broker, node, password_file):
    server = broker(f"allow_anonymous false\npassword_file {password_file}")
    one = node(server, on=False, broker={"user": "lab", "password": "wrong-word"})
    one.hurry(20, 1000)
    line = one.on("again in").wait("mqtt: ")
    assert "CONNACK 5" in line and "password" in line
    assert "wrong-word" not in one.board.console
    # Three times are enough to see that it goes on.
    one.wait("again in", since=one.board.mark())
    one.wait("again in", since=one.board.mark())
    assert server.log.count("Sending CONNACK to 127.0.0.1 (0, 5)") >= 3


def test_refused_identifier(broker, node):
    server = broker("clientid_prefixes fieldpost-")
    one = node(server, on=False, broker={"client_id": "stranger"})
    one.hurry()
    line = one.on("again in").wait("mqtt: ")
    # Mosquitto's answer to a wrong prefix is 5; what it means is known to its log alone.
    assert "CONNACK 5" in line


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "use another broker"),
        (2, "identifier refused"),
        (3, "tried again"),
        (4, "user name or password"),
    ],
)
def test_each_refusal_is_told(scripted, node, code, told):
    def refuse(connection, number):
        packet(connection)
        connection.sendall(bytes((0x20, 2, 0, code)))
        connection.close()

    one = node(scripted(refuse), on=False)
    one.hurry()
    line = one.on("again in").wait("mqtt: ")
    assert f"CONNACK {code}" in line and told in line


# ---- Brokers that aren't there, or not quite -----------------------------------------------


def test_broker_that_comes_later(broker, node):
    server = broker(started=False)
    one = node(server, on=False)
    one.hurry()
    line = one.on("again in").wait("mqtt: ")
    assert f"127.0.0.1:{server.port}" in line
    server.start()
    one.wait("mqtt: online")


def test_pauses_grow_and_differ(broker, node, wait_until):
    server = broker(started=False)
    boards = [node(server, f"n{i}", on=False) for i in range(4)]
    for one in boards:
        one.hurry(100, 1000)
        one.on(until=None)
    wait_until(lambda: all(len(pauses(one)) >= 8 for one in boards), 20, "an eighth attempt")
    rows = [pauses(one) for one in boards]
    limits = [0.1, 0.2, 0.4, 0.8, 1, 1, 1, 1]
    for row in rows:
        assert all(found <= limit for found, limit in zip(row, limits, strict=False)), row
    first = [found for row in rows for found in row[:2]]
    later = [found for row in rows for found in row[4:8]]
    assert sum(later) / len(later) > 2 * sum(first) / len(first), rows
    # Full jitter: no two of them go on in step.
    assert len({tuple(row[:8]) for row in rows}) == len(boards), rows


def test_broker_ends_and_comes_back(broker, node, subscribe):
    server = broker()
    one = node(server, on=False)
    one.hurry()
    one.on()
    mark = one.board.mark()
    server.kill()
    # Its end shows in reading or in writing, whichever comes first.
    line = one.wait("again in", since=mark)
    assert "the broker closed the connection" in line or "[Errno " in line
    server.start()
    one.wait("mqtt: online", since=mark)
    assert subscribe(server, one.of("status")).wait_topic(one.of("status")).payload == "online"


def test_frozen_broker_is_noticed_by_its_missing_answer(broker, node):
    server = broker()
    one = node(server, on=False, broker={"keep_alive": 2})
    one.hurry()
    one.on()
    mark = one.board.mark()
    server.freeze()
    began = time.monotonic()
    assert "no PINGRESP within" in one.wait("again in", since=mark)
    assert time.monotonic() - began < 5
    server.thaw()
    one.wait("mqtt: online", since=mark)


def test_server_that_never_answers_connect(broker, scripted, node):
    def say_nothing(connection, number):
        while packet(connection):
            pass

    server = scripted(say_nothing)
    one = node(server, on=False)
    one.hurry()
    one.tune("lib/mqtt/session.py", connack_ms=500)
    one.on("again in")
    assert "no CONNACK within 500 ms" in one.wait("mqtt: ")
    one.wait("again in", since=one.board.mark())
    server.close()
    broker(port=server.port)
    one.wait("mqtt: online")


GARBAGE = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "cut CONNACK": CONNACK[:3],
    "unknown code": b"\x20\x02\x00\x09",
    "session from nowhere": b"\x20\x02\x01\x00",
    "long CONNACK": b"\x20\xff\xff\xff\x7f",
    "length of five bytes": b"\x20\xff\xff\xff\xff\x01",
    "CONNACK twice": CONNACK * 2,
    "PUBLISH before CONNACK": b"\x30\x04\x00\x01a!",
    "long SUBACK": CONNACK + b"\x90\xff\xff\xff\x7f\x00\x01",
    "SUBACK for nothing asked": CONNACK + b"\x90\x05\x00\x01\x00\x00\x00",
    "topic longer than its packet": CONNACK + b"\x30\x05\xff\xffabc",
    "QoS 3": CONNACK + b"\x36\x05\x00\x01a\x00\x01",
    "PUBLISH of 256 MB": CONNACK + b"\x30\xff\xff\xff\x7f\x00\x01a",
    "wildcard in a topic": CONNACK + b"\x30\x04\x00\x02/#",
    "server's CONNECT": CONNACK + b"\x10\x00",
}


def test_garbage_is_survived(broker, scripted, node):
    served = threading.Event()
    answers = list(GARBAGE.values())

    def answer(connection, number):
        if number == len(answers):
            served.set()
        if number < len(answers):
            packet(connection)
            connection.sendall(answers[number])
            # It doesn't close by itself where the node should: 256 MB are announced.
            if answers[number] != GARBAGE["PUBLISH of 256 MB"]:
                time.sleep(0.02)
        connection.close()

    server = scripted(answer)
    one = node(server, on=False)
    one.hurry(20, 60)
    one.on(None)
    assert served.wait(20), one.board.console
    server.close()
    broker(port=server.port)
    one.wait("mqtt: online")
    assert one.board.boots == [1]
    assert "Traceback" not in one.board.console
