"""The asyncio client's handlers: what they are told, and many that publish.

    micropython tests/vm/mqtt_more_handlers.py PORT LOG NAME...

PORT is a Mosquitto's, LOG the file it logs to. Runs the tests of these names (more_common.py).
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import sys

from more_common import (
    Running,
    Scripted,
    accept,
    drain,
    main,
    packet,
    say,
    until,
)

BROKER = int(sys.argv[1])


async def answered_by_handlers(name, count, handlers, response_ms):
    """Has so many coroutine handlers at once publish and await it; returns the Running."""
    finished = []
    running = Running(BROKER, name)
    client = running.client
    client.handlers = handlers
    client.session.response_ms = response_ms

    async def answer(topic, payload, *_):
        await client.publish("answers/" + name, payload, 1)
        finished.append(int(bytes(payload)))

    client.subscribe_always("ask/" + name, answer, 1)
    async with running, Running(BROKER, name + "-asks") as asking:
        await running.up()
        await asking.up()
        for i in range(count):
            asking.client.post("ask/" + name, b"%d" % i)
        await until(lambda: len(finished) >= count)
        assert sorted(finished) == list(range(count)), finished
    return running


async def test_more_publishing_handlers_than_may_be_at_work():
    running = await answered_by_handlers("many", 4, 2, 10_000)
    assert not running.reasons and not running.errors


async def test_handlers_that_hold_the_reader_back_do_not_break_the_link():
    running = await answered_by_handlers("held", 4, 1, 400)
    assert not running.reasons, running.reasons


async def test_what_a_handler_is_told():
    got = []
    later = []
    firsts = 0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B

    async def script(stream, n):
        await accept(stream)
        _, body = await packet(stream)
        await say(stream, b"\x90\x04" + body[:2] + b"\1\1")
        for first in firsts:
            for topic in b"ft":
                tail = b"\0\x07" if first & 2 else b""
                await say(stream, bytes((first, 4 + len(tail), 0, 1, topic)) + tail + b"x")
        for _ in range(8):
            assert await packet(stream) == (0x40, b"\0\x07")
        await drain(stream)

    async def task(*args):
        later.append(args[2:])

    async with Scripted(script) as server:
        running = Running(server.port)
        running.client.subscribe_always("f", lambda *args: got.append(args[2:]))
        running.client.subscribe_always("t", task)
        async with running:
            await until(lambda: len(got) == len(later) == 6)
    # Retain, DUP, QoS.
    told = [(0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    assert got == later == told, (got, later)


async def test_what_mosquitto_says_of_a_retained_message():
    got = []
    async with Running(BROKER, "retained") as running:
        client = await running.up()
        await client.publish("retained/x", b"old", 1, True)
        note = lambda topic, payload, *flags: got.append((bytes(payload),) + flags)  # noqa: E731
        await client.subscribe("retained/#", note, 1)
        await client.publish("retained/x", b"new", 1, True)
        await client.publish("retained/x", b"", 0, True)
        await until(lambda: len(got) == 3)
    assert got == [(b"old", 1, 0, 1), (b"new", 0, 0, 1), (b"", 0, 0, 0)], got


main(globals(), sys.argv[3:])
