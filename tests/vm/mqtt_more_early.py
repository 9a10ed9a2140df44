"""The asyncio client's early publishes: in CONNECT's segment, before CONNACK.

    micropython tests/vm/mqtt_more_early.py PORT LOG NAME...

PORT is a Mosquitto's, LOG the file it logs to. Runs the tests of these names (more_common.py).
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import asyncio
import sys

from more_common import (
    CONNACK,
    PRESENT,
    Running,
    Scripted,
    acknowledge,
    content,
    drain,
    main,
    packets,
    puback,
    publish,
    say,
    until,
)

BROKER = int(sys.argv[1])


def logged():
    with open(sys.argv[2]) as file:
        return file.read()


async def first_read(early):
    """Returns the packets of a server's first read, before it said CONNACK."""
    reads = []

    async def script(stream, n):
        reads.append(await stream.read(1000))
        await say(stream, CONNACK)
        await acknowledge(stream)

    async with Scripted(script) as server:
        running = Running(server.port)
        running.client.early = early
        posted = [running.client.post("t", b"%d" % i) for i in range(3)]
        async with running:
            await running.up()
            if early:
                # It answered none of those that came with CONNECT.
                assert not any(delivery.done() for delivery in posted)
            else:
                for delivery in posted:
                    await delivery.wait()
    return packets(reads[0])


async def test_early_publishes_come_with_connect():
    found = await first_read(True)
    assert [first for first, _ in found] == [0x10, 0x32, 0x32, 0x32]
    assert [content(body) for _, body in found[1:]] == [b"0", b"1", b"2"]
    found = await first_read(False)
    assert [first for first, _ in found] == [0x10]


async def test_early_also_after_a_link_that_stood():
    reads = []

    async def script(stream, n):
        reads.append(packets(await stream.read(1000)))
        await say(stream, CONNACK)
        if n == 1:
            await until(lambda: running.client.connected)
            return
        for _, body in reads[-1][1:]:
            await say(stream, puback(body))
        await acknowledge(stream)

    async with Scripted(script) as server:
        running = Running(server.port)
        running.client.steady_ms = 0  # else one that ends within 1 s counts as failed
        posted = []
        running.client.on_disconnected = lambda *_: posted.append(running.client.post("t", b"x"))
        async with running:
            await until(lambda: posted)
            await posted[0].wait()
            assert [first for first, _ in reads[1]] == [0x10, 0x32], reads


async def test_a_broker_that_forbids_it_gets_a_plain_attempt_next():
    got = []

    async def script(stream, n):
        raw = packets(await stream.read(1000))
        got.append([first for first, _ in raw])
        if len(raw) > 1:
            return
        await say(stream, PRESENT)
        while True:
            first, body = await publish(stream)
            got.append((first, body))
            await say(stream, puback(body))

    async with Scripted(script) as server:
        running = Running(server.port, clean=False)
        posted = [running.client.post("t", b"%d" % i) for i in range(3)]
        async with running:
            for delivery in posted:
                await delivery.wait()
        assert got[:2] == [[0x10, 0x32, 0x32, 0x32], [0x10]]
        # With DUP and the same identifiers, for they went out once; each once, in order.
        assert got[2:] == [(0x3A, b"\0\x01t\0" + b"%c%d" % (i + 1, i)) for i in range(3)], got
        assert len(running.reasons) == 1


async def test_a_slow_gate_does_not_keep_a_forbidding_broker_from_its_plain_attempt():
    got = []

    async def script(stream, n):
        raw = packets(await stream.read(1000))
        got.append(len(raw))
        if len(raw) > 1:
            return
        await say(stream, CONNACK)
        await acknowledge(stream)

    async with Scripted(script) as server:
        running = Running(server.port)
        running.client.gate = lambda: asyncio.sleep_ms(120)
        delivery = running.client.post("t", b"x")
        async with running:
            await until(lambda: delivery.done() or len(got) > 5)
            assert delivery.done(), got


async def test_early_resend_of_a_kept_session():
    seen = []

    async def script(stream, n):
        raw = packets(await stream.read(1000))
        seen.append([(first, content(body)) for first, body in raw[1:]])
        await say(stream, CONNACK if n == 1 else PRESENT)
        for first, body in raw[1:] if n == 2 else []:
            await say(stream, puback(body))
            first, body = await publish(stream)
            seen[-1].append((first, content(body)))
            await say(stream, puback(body))
        await drain(stream)

    async with Scripted(script) as server:
        running = Running(server.port, clean=False, window=3)
        posted = [running.client.post("t", b"%d" % i) for i in range(6)]
        running.start()
        await running.up()
        await running.cancel()
        async with running:
            for delivery in posted:
                await delivery.wait()
    assert seen[0] == [(0x32, b"0"), (0x32, b"1"), (0x32, b"2")], seen
    # In order: what went out before with DUP, then what had no room in the window.
    dups = [(0x3A, b"0"), (0x3A, b"1"), (0x3A, b"2")]
    assert seen[1] == dups + [(0x32, b"3"), (0x32, b"4"), (0x32, b"5")], seen


async def test_mosquitto_takes_early_publishes():
    got = []
    async with Running(BROKER, "early-watch") as watching:
        await watching.up()
        await watching.client.subscribe("early/#", lambda t, p, *_: got.append(int(bytes(p))), 1)
        running = Running(BROKER, "early", window=4, clean=False)
        posted = [running.client.post("early/x", b"%d" % i) for i in range(20)]
        async with running:
            for delivery in posted:
                await delivery.wait()
            running.client.drop("once")
            posted = [running.client.post("early/x", b"%d" % i) for i in range(20, 40)]
            for delivery in posted:
                await delivery.wait()
            await until(lambda: len(got) >= 40)
        assert got == list(range(40)), got
        log = logged()
        start = log.index("from early (")
        assert "Sending CONNACK to early (" in log[start - 400 : start]


main(globals(), sys.argv[3:])
