"""The blocking client: the flags of a message, and messages larger than its buffer.

The VM's side of each test is the function of that name in simple_more.py.
"""

import contextlib
import socket
import time
import zlib

import pytest
from test_simple import PRESENT, against, message, run

from fieldpost import broker as brokers
from vm import needs_mosquitto, needs_vm

pytestmark = needs_vm

PIECE = bytes(range(250))


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    settings = "max_inflight_messages 0\nmax_queued_messages 0\n"
    with brokers.mosquitto(tmp_path_factory.mktemp("broker"), settings) as broker:
        yield broker


def test_a_view_comes_with_its_flags():
    def script(peer):
        peer.accept()
        peer.grant()
        for first in (0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B):
            packet_id = b"\0\7" if first & 2 else b""
            peer.say(message(b"t", b"x", packet_id, first))
        for _ in range(4):
            assert peer.packet() == (0x40, b"\0\7")
        assert peer.ended() == [0xE0]

    against("views_told", script)


@needs_mosquitto
@pytest.mark.parametrize("wanted", ["taken", "skipped"])
def test_large_ones_between_small_ones(mosquitto, wanted):
    run("large_in_pieces", mosquitto.port, wanted)


@needs_mosquitto
def test_a_source_out_of_a_file(mosquitto, tmp_path):
    run("large_out_of_a_file", mosquitto.port, tmp_path / "source")


@needs_mosquitto
def test_sources_of_every_small_size(mosquitto):
    run("sources_of_small_sizes", mosquitto.port)


# Larger than the buffer, and smaller.
@needs_mosquitto
@pytest.mark.parametrize("sizes", [(300, 1000), (20, 60)])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_source_that_ends_early(mosquitto, qos, sizes):
    run("source_ends_early", mosquitto.port, qos, *sizes)


@needs_mosquitto
def test_a_source_that_ends_early_does_not_hold_robust_for_ever(mosquitto):
    run("robust_source_ends_early", mosquitto.port)


@needs_mosquitto
@pytest.mark.parametrize("qos", [0, 1])
def test_a_source_that_can_not_be_opened(mosquitto, qos):
    run("source_not_opened", mosquitto.port, qos)


@needs_mosquitto
def test_a_piece_may_be_answered_at_qos_1(mosquitto):
    run("answers_pieces", mosquitto.port)


def test_a_long_upload_to_a_slow_reader():
    firsts = []

    def script(peer):
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        peer.accept()
        peer.grant()
        head = peer.read(9)
        left = 1_500_000
        while left:
            left -= len(peer.read(min(left, 5_000)))
            if left == 750_000:
                # Input while output has no room.
                peer.say(message(b"c", b"0"), message(b"c", b"1", b"\0\7", 0x32))
            time.sleep(0.004)
        time.sleep(0.2)
        peer.acknowledge(head[-2:])
        firsts.extend(peer.ended())

    against("slow_upload", script)
    # It went out once.
    assert firsts == [0x40, 0xE0]


def test_a_source_is_sent_from_its_start_after_a_cut():
    seen = []

    def losing(peer):
        peer.accept()
        peer.grant()
        peer.read(50_000)

    def second(peer):
        peer.accept(PRESENT)
        for _ in range(2):
            first, payload, packet_id = peer.publish()
            seen.append((first, len(payload), zlib.crc32(payload)))
            peer.acknowledge(packet_id)
        with contextlib.suppress(ConnectionError):
            peer.ended()

    against("source_sent_again", losing, second)
    whole = b"".join(PIECE[i % 250 :] + PIECE[: i % 250] for i in range(400))
    assert seen == [(0x3A, 100_000, zlib.crc32(whole)), (0x32, 6, zlib.crc32(b"behind"))]
