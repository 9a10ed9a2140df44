"""The proxy does the harm that it says."""

import socket
import time

import pytest
from faults import (
    CONNACK,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    black_hole,
    fin,
    heal,
    hole_for,
    one_byte,
    rst,
    stall,
    torn,
)
from proxy import HOST, Proxy
from tls_tools import Server

PING, PONG = b"\xc0\0", b"\xd0\0"
HELLO, WELCOME = b"\x10\x0d\0\4MQTT\4\2\0\x0a\0\1x", b"\x20\2\0\0"


def publish(packet_id, payload=b"payload"):
    body = b"\0\1t" + packet_id.to_bytes(2, "big") + payload
    return bytes((0x32, len(body))) + body


def answers(connection):
    """A broker of few words: an answer to each packet."""
    with connection.makefile("rb") as stream:
        while head := stream.read(2):
            body = stream.read(head[1])
            answer = {1: WELCOME, 3: b"\x40\2" + body[3:5], 12: PONG}
            connection.sendall(answer.get(head[0] >> 4, b""))


@pytest.fixture
def proxy():
    with Server(answers) as server, Proxy(server.port) as made:
        yield made


@pytest.fixture
def client(proxy):
    with socket.create_connection((HOST, proxy.port), 10) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield made


def ask(client, raw, size):
    client.sendall(raw)
    return exactly(client, size)


def exactly(client, size):
    got = b""
    while len(got) < size:
        piece = client.recv(size - len(got))
        assert piece, got
        got += piece
    return got


def silent(client, seconds=0.1):
    client.settimeout(seconds)
    try:
        with pytest.raises(TimeoutError):
            client.recv(1)
    finally:
        client.settimeout(10)
    return True


def test_it_hands_on_and_remembers(proxy, client):
    # Several packets in a segment are several packets.
    raw = HELLO + publish(7) + PING
    assert ask(client, raw, 10) == WELCOME + b"\x40\2\0\7" + PONG
    sent = [packet.raw for packet in proxy.packets if packet.side == "client"]
    assert sent == [HELLO, publish(7), PING]
    found = proxy.wait("client", PUBLISH)
    assert (found.topic, found.id, found.payload, found.dup) == ("t", 7, b"payload", False)
    assert proxy.wait("broker", PUBACK).id == 7 and proxy.links == 1


def test_packets_are_found_in_any_pieces(proxy, client):
    for byte in publish(1, bytes(100)):
        client.sendall(bytes((byte,)))
    assert exactly(client, 4) == b"\x40\2\0\1"
    assert [packet.raw for packet in proxy.seen("client", PUBLISH)] == [publish(1, bytes(100))]


@pytest.mark.parametrize("after", [False, True])
def test_fin(proxy, client, after):
    rule = proxy.at("broker", PINGRESP, 2, fin, after)
    assert ask(client, PING, 2) == PONG and not rule.at
    client.sendall(PING + PING)
    if after:
        assert exactly(client, 2) == PONG
    assert client.recv(1) == b"" and rule.at


def test_rst(proxy, client):
    proxy.at("client", PINGREQ, 2, rst)
    assert ask(client, PING, 2) == PONG
    client.sendall(PING)
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_stall_takes_all_and_says_nothing(proxy, client):
    proxy.at("client", PINGREQ, 1, stall)
    client.sendall(PING)
    assert silent(client)
    for _ in range(1000):
        client.sendall(publish(1, bytes(100)))
    proxy.wait("client", PUBLISH, 1000)


def test_black_hole_takes_nothing_and_heals(proxy, client):
    assert ask(client, PING, 2) == PONG
    proxy.now(black_hole)
    client.sendall(PING)
    assert silent(client) and len(proxy.seen("client", PINGREQ)) == 1
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            client.send(bytes(100_000))
    client.settimeout(10)
    proxy.now(heal)
    assert exactly(client, 2) == PONG


def test_a_hole_that_heals_by_itself(proxy, client):
    proxy.at("client", PINGREQ, 1, hole_for(0.2))
    began = time.monotonic()
    assert ask(client, PING, 2) == PONG and time.monotonic() - began >= 0.19


def test_delay_is_each_way_and_lets_packets_follow_each_other(proxy, client):
    proxy.delay = 0.1
    began = time.monotonic()
    assert ask(client, PING * 20, 40) == PONG * 20
    assert 0.2 <= time.monotonic() - began < 1


@pytest.mark.parametrize(("cut", "sizes"), [(one_byte, {1}), (torn, {2})])
def test_cuts(proxy, client, cut, sizes):
    proxy.cut, proxy.pause = cut, 0.02
    client.sendall(HELLO)
    pieces = []
    while sum(map(len, pieces)) < 4:
        pieces.append(client.recv(10))
    assert b"".join(pieces) == WELCOME and {len(piece) for piece in pieces} == sizes
    assert b"".join(torn(HELLO)) == b"".join(one_byte(HELLO)) == HELLO


def test_packets_are_changed(proxy, client):
    rule = proxy.change("broker", PINGRESP, 1, lambda raw: raw * 2)
    proxy.change("client", PINGREQ, 2, lambda raw: b"")
    assert ask(client, PING, 4) == PONG * 2 and rule.at
    client.sendall(PING)
    assert silent(client) and len(proxy.seen("client", PINGREQ)) == 2
    proxy.say(WELCOME)
    assert exactly(client, 4) == WELCOME and not proxy.seen("broker", CONNACK)


def test_the_door(proxy, client):
    proxy.at("broker", PINGRESP, 1, proxy.away(0.2), after=True)
    assert ask(client, PING, 2) == PONG
    assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port), 10)
    end = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection((HOST, proxy.port), 10) as again:
                assert ask(again, PING, 2) == PONG
            break
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert proxy.links == 2


def test_what_is_no_mqtt_is_handed_on_as_it_comes():
    def echo(connection):
        while piece := connection.recv(100):
            connection.sendall(piece)

    with Server(echo) as server, Proxy(server.port, packets=False) as proxy:
        with socket.create_connection((HOST, proxy.port), 10) as client:
            assert ask(client, b"\xff" * 9, 9) == b"\xff" * 9
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
