"""The asyncio client's messages larger than its buffer, in both directions.

    micropython tests/vm/mqtt_more_large.py PORT LOG NAME...

PORT is a Mosquitto's, LOG the file it logs to. Runs the tests of these names (more_common.py).
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import asyncio
import gc
import sys
from binascii import crc32
from time import ticks_diff, ticks_ms

from more_common import (
    PRESENT,
    Running,
    Scripted,
    accept,
    drain,
    main,
    packet,
    puback,
    say,
    until,
)

from mqtt.large import Source
from mqtt.transport import tcp

BROKER = int(sys.argv[1])
FOLDER = sys.argv[2].rsplit("/", 1)[0]


# ---- Larger than the buffer, received --------------------------------------------------------

SIZE = 100_000
PIECE = bytes(range(250))


def generated(size=SIZE):
    """A Source that takes no memory, and its checksum."""
    crc = 0
    for i in range(size // 250):
        crc = crc32(PIECE[i % 250 :] + PIECE[: i % 250], crc)

    def begin():
        for i in range(size // 250):
            yield PIECE[i % 250 :] + PIECE[: i % 250]

    return Source(size, begin), crc


class Pieces:
    """Takes the pieces of large messages: (size, checksum) of each that is whole."""

    def __init__(self, session):
        self.whole = []
        self.topics = set()
        # The next offset that must come, and the checksum so far.
        self.next = self.crc = 0
        # The largest heap in use without what is garbage.
        self.heap = 0
        session.on_piece = self.take

    def take(self, topic, piece, offset, size):
        assert offset == self.next and piece, (offset, self.next)
        self.topics.add(topic)
        self.crc = crc32(piece, self.crc)
        self.next += len(piece)
        if self.next == size:
            self.whole.append((size, self.crc))
            self.next = self.crc = 0
        if offset % 64 == 0:
            gc.collect()
            self.heap = max(self.heap, gc.mem_alloc())


async def large_received(name, on_piece):
    got = []
    running = Running(BROKER, name, buffer=512)
    client = running.client
    pieces = Pieces(client.session)
    if not on_piece:
        client.session.on_piece = None
    topic = "large/%s/1" % name
    client.subscribe_always("large/%s/+" % name, lambda t, p, *_: got.append(bytes(p)), 1)
    source, crc = generated()
    async with running:
        await running.up()
        await client.publish(topic, b"first", 1)
        gc.collect()
        before = gc.mem_alloc()
        await client.publish(topic, source)
        await client.publish(topic, b"between", 1)
        await client.publish(topic, source, 1)
        await client.publish(topic, source, 0)
        await client.publish(topic, b"last", 0)
        await until(lambda: b"last" in got)
        assert got == [b"first", b"between", b"last"], got
        assert not running.reasons and not running.errors
    if on_piece:
        assert pieces.whole == [(SIZE, crc)] * 3 and pieces.topics == {topic}, pieces.whole
        assert pieces.heap - before < 10_000, pieces.heap - before
    else:
        assert not pieces.topics
        gc.collect()
        assert gc.mem_alloc() - before < 10_000


async def test_large_ones_come_in_pieces_between_small_ones():
    await large_received("pieces", True)


async def test_large_ones_are_skipped_if_nobody_wants_them():
    await large_received("skipped", False)


# ---- Larger than the buffer, sent ------------------------------------------------------------


async def test_a_source_out_of_a_file():
    opened = []
    with open(FOLDER + "/source", "wb") as file:
        for i in range(300):
            file.write(PIECE[i % 250 :] + PIECE[: i % 250])

    def begin():
        opened.append(open(FOLDER + "/source", "rb"))  # noqa: SIM115
        return opened[-1]

    _, crc = generated(75_000)
    async with Running(BROKER, "file", buffer=512) as running:
        client = await running.up()
        pieces = Pieces(client.session)
        await client.subscribe("file/x", print, 1)
        await client.publish("file/x", Source(75_000, begin))
        await client.publish("file/x", Source(75_000, begin), 1)
        await until(lambda: len(pieces.whole) == 2)
        assert pieces.whole == [(75_000, crc)] * 2
    for file in opened:
        assert closed(file)


def closed(file):
    try:
        file.read(1)
    except (OSError, ValueError):
        return True
    return False


async def test_sources_of_every_small_size():
    got = []
    async with Running(BROKER, "sizes", buffer=64) as running, Running(BROKER, "sized") as other:
        client = await running.up()
        await other.up()
        await other.client.subscribe("s", lambda t, p, *_: got.append(bytes(p)), 1)
        sizes = [0, 1, 2] + list(range(50, 70)) + [127, 128, 129]
        for size in sizes:
            source = Source(size, lambda: iter([b"x"] * size))
            await client.publish("s", source)
            await client.publish("s", source, 1)
        await until(lambda: len(got) == 2 * len(sizes))
        assert got == [b"x" * (i // 2 and sizes[i // 2]) for i in range(2 * len(sizes))]
        assert not running.reasons and not running.errors


async def slow_tcp(host, port, timeout_ms):
    sock = await tcp(host, port, timeout_ms)
    sock.setsockopt(1, 7, 65_536)  # SOL_SOCKET, SO_SNDBUF: what it takes at once
    return sock


async def passed(stream, size):
    """Reads so many bytes; returns their checksum."""
    crc = 0
    while size:
        raw = await stream.read(min(size, 2000))
        if not raw:
            raise EOFError
        crc = crc32(raw, crc)
        size -= len(raw)
    return crc


async def test_a_source_is_sent_from_its_start_after_a_cut():
    begun = []
    opened = []
    arrived = []
    with open(FOLDER + "/cut", "wb") as file:
        for _ in range(1200):
            file.write(PIECE)

    def begin():
        begun.append(1)
        opened.append(open(FOLDER + "/cut", "rb"))  # noqa: SIM115
        return opened[-1]

    async def script(stream, n):
        await accept(stream, PRESENT)
        if n < 3:
            await passed(stream, 20_000 * n)
            return
        while len(arrived) < 3:
            head = await stream.readexactly(2)
            head += await stream.readexactly(7 if head[1] > 127 else 5)
            size = 300_000 if head[1] > 127 else 6
            arrived.append((head[0], size, await passed(stream, size)))
            await say(stream, b"\x40\x02" + head[-2:])
        await drain(stream)

    async with Scripted(script) as server:
        running = Running(server.port, clean=False)
        client = running.client
        client.transport = slow_tcp
        async with running:
            await running.up()
            small = client.post("t", b"before")
            large = client.post("t", Source(300_000, begin))
            behind = client.post("t", b"behind")
            for delivery in (small, large, behind):
                await delivery.wait()
    crc = 0
    for _ in range(1200):
        crc = crc32(PIECE, crc)
    small = 0x3A, 6, crc32(b"before")
    behind = 0x32, 6, crc32(b"behind")
    assert arrived == [small, (0x3A, 300_000, crc), behind], arrived
    assert len(begun) == 3
    # It is gone as well as that which came to its end.
    for file in opened:
        assert closed(file)


def short(size, given):
    return Source(size, lambda: iter([b"y" * given]))


async def a_short_source(name, qos, given, size):
    got = []
    links = []
    async with Running(BROKER, name, buffer=256) as running, Running(BROKER, name + "w") as other:
        running.client.on_disconnected = lambda reason, pause: links.append(reason)
        await running.up()
        await other.up()
        await other.client.subscribe(name, lambda t, p, *_: got.append(bytes(p)), 1)
        behind = None
        start = ticks_ms()
        try:
            sending = running.client.publish(name, short(size, given), qos, timeout_ms=3_000)
            behind = running.client.post(name, b"behind" * 9)
            await sending
        except OSError as error:
            assert "before its size" in str(error), error
        else:
            # At QoS 0 it may show when it has been handed over.
            assert not qos
            await until(lambda: links)
        assert ticks_diff(ticks_ms(), start) < 1_000
        behind = behind or running.client.post(name, b"behind" * 9)
        await behind.wait()
        await until(lambda: got)
        assert set(got) == {b"behind" * 9}, got
        assert len(links) < 3, links


async def test_a_source_that_ends_early_at_qos_0():
    await a_short_source("short-0", 0, 300, 1000)


async def test_a_source_that_ends_early_at_qos_1():
    await a_short_source("short-1", 1, 300, 1000)


async def test_a_small_source_that_ends_early_at_qos_0():
    await a_short_source("small-0", 0, 20, 60)


async def test_a_small_source_that_ends_early_at_qos_1():
    await a_short_source("small-1", 1, 20, 60)


async def a_failing_source(qos, begin):
    """Publishes a Source that fails, and then something good."""
    arrived = []

    async def script(stream, n):
        await accept(stream)
        while True:
            first, body = await packet(stream)
            arrived.append(len(body))
            if first >> 4 == 3:
                await say(stream, puback(body))

    async with Scripted(script) as server:
        running = Running(server.port, buffer=256, keep_alive=1)
        client = running.client
        async with running:
            await running.up()
            try:
                # It may be refused, or end the link; but not hang.
                sending = client.publish("t", Source(1000, begin), qos, timeout_ms=600)
                await asyncio.wait_for_ms(sending, 2_000)
            except (OSError, ValueError):
                pass
            await asyncio.wait_for_ms(client.publish("t", b"behind", 1), 2_000)
            assert not running.task.done(), "run() ended"
            # A packet that was begun is ended only by the end of its link.
            assert max(arrived) < 20, arrived


def broken():
    yield b"x" * 300
    raise ValueError("a broken sensor")


def missing():
    return open(FOLDER + "/missing", "rb")  # noqa: SIM115


async def test_a_source_that_raises_in_the_middle_at_qos_0():
    await a_failing_source(0, broken)


async def test_a_source_that_raises_in_the_middle_at_qos_1():
    await a_failing_source(1, broken)


async def test_a_source_that_can_not_be_opened_at_qos_0():
    await a_failing_source(0, missing)


async def test_a_source_that_can_not_be_opened_at_qos_1():
    await a_failing_source(1, missing)


async def test_a_long_upload_to_a_slow_reader():
    size = 1_500_000
    got = []
    arrived = []
    firsts = []
    uploading = asyncio.Event()

    async def script(stream, n):
        assert n == 1, "a second connection"
        stream.s.setsockopt(1, 8, 65_536)  # SO_RCVBUF
        await accept(stream)
        _, body = await packet(stream)
        await say(stream, b"\x90\x03" + body[:2] + b"\1")
        _, small = await packet(stream)
        head = await stream.readexactly(9)
        left = size
        while left:
            left -= len(await stream.read(min(left, 5000)))
            if left < size // 2 and not uploading.is_set():
                uploading.set()
                # Input while output has no room: an acknowledgement, QoS 0 and 1.
                raw = b"\x30\x04\0\x01c0" + b"\x32\x06\0\x01c\0\x091"
                await say(stream, puback(small), raw)
            await asyncio.sleep_ms(4)
        arrived.append(head)
        while True:
            first, body = await packet(stream)
            firsts.append(first)
            if first == 0xC0:
                await say(stream, b"\xd0\0")
            elif first == 0x40:
                # Not at once: it is a slow broker, too.
                await asyncio.sleep_ms(150)
                await say(stream, b"\x40\x02" + head[-2:])

    async with Scripted(script) as server:
        running = Running(server.port, keep_alive=1)
        client = running.client
        client.transport = slow_tcp
        client.session.response_ms = 500
        client.subscribe_always("c", lambda t, p, *_: got.append(bytes(p)), 1)
        async with running:
            await running.up()
            small = client.post("t", b"s")
            large = client.post("t", Source(size, lambda: (PIECE * 8 for _ in range(750))))
            start = ticks_ms()
            await small.wait()
            assert not large.done()
            await large.wait()
            # Longer than everything that has a time limit.
            assert ticks_diff(ticks_ms(), start) > 1_100, ticks_diff(ticks_ms(), start)
            assert got == [b"0", b"1"] and not running.reasons, (got, running.reasons)
            # It went out once.
            assert set(firsts) <= {0x40, 0xC0}, firsts


main(globals(), sys.argv[3:])
