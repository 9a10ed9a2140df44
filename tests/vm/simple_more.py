"""The blocking client: what the callback is told, and messages larger than the buffer."""

import gc
import sys
from binascii import crc32
from time import ticks_diff, ticks_ms

from simple_common import made, main, raised, until

from mqtt import robust
from mqtt.large import Source

SIZE = 100_000
PIECE = bytes(range(250))


def checksum(pieces):
    crc = 0
    for piece in pieces:
        crc = crc32(piece, crc)
    return crc


def generated(size=SIZE):
    """A payload that takes no memory, in pieces."""
    for i in range(size // 250):
        yield PIECE[i % 250 :] + PIECE[: i % 250]


class Collected:
    """Takes the pieces of large messages: (topic, size, checksum) of each that is whole."""

    def __init__(self, client):
        self.whole = []
        self.next = self.crc = self.heap = 0
        client.session.on_piece = self.take

    def take(self, topic, piece, offset, size):
        assert offset == self.next and piece
        self.crc = crc32(piece, self.crc)
        self.next += len(piece)
        if self.next == size:
            self.whole.append((topic, size, self.crc))
            self.next = self.crc = 0
        if offset % 64 == 0:
            gc.collect()
            self.heap = max(self.heap, gc.mem_alloc())


def views_told(port):
    client, _ = made(port, "told")
    got = []

    def told(topic, msg, retain, dup, qos):
        got.append((bytes(topic), bytes(msg), retain, dup, qos))

    client.set_callback(told, views=True)
    client.connect()
    client.subscribe(b"t", 1)
    until(lambda: len(got) == 6, client.wait_msg)
    flags = [(0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    assert got == [(b"t", b"x") + one for one in flags], got
    client.disconnect()


def large_in_pieces(port, wanted):
    client, got = made(port, "pieces", buffer=512)
    pieces = Collected(client)
    if wanted == "skipped":
        client.session.on_piece = None
    client.connect()
    client.subscribe(b"large/x", 1)
    source = Source(SIZE, generated)
    gc.collect()
    before = gc.mem_alloc()
    client.publish(b"large/x", b"first", qos=1)
    client.publish(b"large/x", source)
    client.publish(b"large/x", b"between")
    client.publish(b"large/x", source, qos=1)
    client.publish(b"large/x", b"last", qos=1)
    until(lambda: len(got) == 3, client.wait_msg)
    assert [msg for _, msg in got] == [b"first", b"between", b"last"], got
    if wanted == "skipped":
        assert not pieces.whole and not pieces.next
    else:
        assert pieces.whole == [("large/x", SIZE, checksum(generated()))] * 2, pieces.whole
        assert pieces.heap - before < 10_000, pieces.heap - before
    client.disconnect()


def large_out_of_a_file(port, name):
    with open(name, "wb") as file:
        for piece in generated(75_000):
            file.write(piece)
    client, _ = made(port, "file", buffer=256)
    pieces = Collected(client)
    client.connect()
    client.subscribe(b"file/x", 1)
    source = Source(75_000, lambda: open(name, "rb"))  # noqa: SIM115
    client.publish(b"file/x", source)
    client.publish(b"file/x", source, qos=1)
    client.publish_many([(b"file/x", source), (b"file/x", source)])
    until(lambda: len(pieces.whole) == 4, client.wait_msg)
    assert pieces.whole == [("file/x", 75_000, checksum(generated(75_000)))] * 4
    client.disconnect()


def sources_of_small_sizes(port):
    client, got = made(port, "sizes", buffer=64)
    other, _ = made(port, "sizer", buffer=64)

    def piece(topic, part, offset, size):
        if offset + len(part) == size:
            got.append(size)

    client.session.on_piece = piece
    client.connect()
    other.connect()
    client.subscribe(b"sizes/x", 1)
    sizes = [0, 1, 2] + list(range(45, 60)) + [127, 128, 129]
    for size in sizes:
        for qos in (0, 1):
            got[:] = []
            other.publish(b"sizes/x", Source(size, lambda: iter([b"x"] * size)), qos=qos)
            until(lambda: got, client.wait_msg)
            assert got[0] in (size, (b"sizes/x", b"x" * size)), (size, got)
    client.disconnect()
    other.disconnect()


def source_ends_early(port, qos, given, size):
    client, _ = made(port, "short", buffer=256)
    watch, got = made(port, "short-watch")
    watch.connect()
    watch.subscribe(b"short/x", 1)
    client.connect()
    short = Source(int(size), lambda: iter([b"x" * int(given)]))
    error, ms = raised(OSError, client.publish, b"short/x", short, False, int(qos))
    assert "before its size" in str(error) and ms < 500, (error, ms)
    # A packet that was begun is ended only by the end of its link.
    assert client.sock is None
    # The program's own way out: connect again, publish what is good.
    client.connect()
    client.publish(b"short/x", b"good" * 20, qos=1)
    until(lambda: got, watch.wait_msg)
    assert got == [(b"short/x", b"good" * 20)], got
    client.disconnect()
    watch.disconnect()


def robust_source_ends_early(port):
    client, _ = made(port, "short-robust", buffer=256, cls=robust.MQTTClient)
    links = []

    def delay(i):
        links.append(i)
        if len(links) > 5:
            raise RuntimeError("no end")

    client.delay = delay
    client.log = lambda *args: delay(0)
    client.connect()
    short = Source(1000, lambda: iter([b"x" * 300]))
    error, _ = raised(OSError, client.publish, b"short/x", short, False, 1)
    assert "before its size" in str(error), error


def source_not_opened(port, qos):
    client, _ = made(port, "missing")
    client.connect()
    missing = Source(2000, lambda: open("/missing/source", "rb"))  # noqa: SIM115
    raised(OSError, client.publish, b"missing/x", missing, False, int(qos))
    if not client.sock:
        client.connect()
    client.publish(b"missing/x", b"good", qos=1)
    client.disconnect()


def answers_pieces(port):
    client, got = made(port, "answers", buffer=512)
    pieces = Collected(client)

    def answer(topic, piece, offset, size):
        client.publish(b"answers/y", b"%d" % offset, qos=1)
        # It is a view of the buffer: nothing may have moved in it.
        pieces.take(topic, piece, offset, size)

    client.session.on_piece = answer
    client.connect()
    client.subscribe(b"answers/x", 1)
    client.publish(b"answers/x", Source(20_000, lambda: generated(20_000)), qos=1)
    until(lambda: pieces.next == 0 and pieces.whole, client.wait_msg)
    assert pieces.whole == [("answers/x", 20_000, checksum(generated(20_000)))]
    client.disconnect()


def slow_upload(port):
    client, got = made(port, "slow", buffer=512)
    client.connect(timeout=1)
    client.subscribe(b"c", 1)
    client.sock.setsockopt(1, 7, 65_536)  # SOL_SOCKET, SO_SNDBUF: what it takes at once
    start = ticks_ms()
    pieces = (PIECE * 8 for _ in range(750))
    client.publish(b"t", Source(1_500_000, lambda: pieces), qos=1)
    # Longer than an answer has.
    assert ticks_diff(ticks_ms(), start) > 1_000
    until(lambda: len(got) == 2, client.wait_msg)
    assert got == [(b"c", b"0"), (b"c", b"1")], got
    client.disconnect()


def source_sent_again(port):
    begun = []

    def begin():
        begun.append(1)
        return generated()

    client, _ = made(port, "again", buffer=512)
    client.connect(False)
    client.subscribe(b"c")
    raised(OSError, client.publish, b"t", Source(SIZE, begin), False, 1)
    assert client.connect(False)
    client.publish(b"t", b"behind", qos=1)
    assert len(begun) == 2
    client.disconnect()


main(globals(), *sys.argv[1:])
