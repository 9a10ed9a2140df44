"""The asyncio client's ways to a broker: several in order, pauses, stop and time limits.

    micropython tests/vm/mqtt_more.py PORT LOG NAME...

PORT is a Mosquitto's, LOG the file it logs to. Runs the tests of these names (more_common.py).
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import asyncio
import random
import sys
from time import ticks_diff, ticks_ms

from more_common import (
    CONNACK,
    HOST,
    Running,
    Scripted,
    accept,
    content,
    drain,
    free_port,
    main,
    packet,
    puback,
    publish,
    say,
    until,
)

from mqtt import client as module
from mqtt.client import Client, NotConnected, Timeout

BROKER = int(sys.argv[1])


class Highest:
    """In place of `random`: no pause is shorter than it may be."""

    @staticmethod
    def randint(low, high):
        return high


# ---- Several brokers in order ----------------------------------------------------------------


async def test_a_dead_broker_hands_over_to_the_next():
    dead = free_port()
    running = Running([(HOST, dead), (HOST, BROKER)], "second")
    running.client.backoff_base_ms = 2_000
    running.client.backoff_cap_ms = 300_000
    delivery = running.client.post("more/second", b"waited")
    start = ticks_ms()
    async with running:
        client = await running.up()
        await delivery.wait()
        assert ticks_diff(ticks_ms(), start) < 500
        assert client.port == BROKER and len(running.reasons) == 1
        assert "%s:%d" % (HOST, dead) in running.reasons[0], running.reasons
        assert running.pauses[0] <= 100, running.pauses


async def test_a_broker_that_refuses_hands_over_to_the_next():
    async def script(stream, n):
        assert (await packet(stream))[0] == 0x10
        await say(stream, b"\x20\x02\0\x05")
        await drain(stream)

    async with Scripted(script) as refusing:
        running = Running([(HOST, refusing.port), (HOST, BROKER)], "refused")
        running.client.backoff_base_ms = 2_000
        delivery = running.client.post("more/refused", b"waited")
        start = ticks_ms()
        async with running:
            client = await running.up()
            await delivery.wait()
            assert ticks_diff(ticks_ms(), start) < 500 and client.port == BROKER
            assert len(running.reasons) == 1 and "CONNACK 5" in running.reasons[0]


async def test_a_reason_names_the_broker_that_was_tried():
    async def refusing(stream, n):
        await packet(stream)
        await say(stream, b"\x20\x02\0\x05")
        await drain(stream)

    async def closing(stream, n):
        await packet(stream)

    async with Scripted(refusing) as one, Scripted(closing) as two:
        ports = one.port, two.port, free_port()
        async with Running([(HOST, port) for port in ports]) as running:
            await until(lambda: len(running.reasons) >= 3)
            for port, reason in zip(ports, running.reasons):
                assert "%s:%d" % (HOST, port) in reason, reason


async def test_the_pause_comes_behind_the_last_broker():
    module.random = Highest
    try:
        ports = [free_port() for _ in range(3)]
        running = Running([(HOST, port) for port in ports])
        running.client.backoff_base_ms = 40
        running.client.backoff_cap_ms = 100
        async with running:
            await until(lambda: len(running.reasons) >= 12)
            for i, reason in enumerate(running.reasons[:12]):
                assert "%s:%d" % (HOST, ports[i % 3]) in reason, (i, reason)
            assert running.pauses[:12] == [2, 2, 2, 2, 2, 40, 2, 2, 80, 2, 2, 100]
    finally:
        module.random = random


async def test_the_first_broker_is_tried_first_again_and_nothing_is_lost():
    got = []
    at = []

    def serve(name, answers):
        async def script(stream, n):
            at.append((name, n))
            if name == "first" and n < 3:
                return
            await accept(stream, CONNACK)
            for _ in range(answers if n < 3 else 1000):
                body = (await publish(stream))[1]
                got.append(content(body))
                await say(stream, puback(body))
            # One more is taken and not answered: it must come again.
            await publish(stream)

        return script

    async with Scripted(serve("first", 1000)) as one, Scripted(serve("second", 5)) as two:
        running = Running([(HOST, one.port), (HOST, two.port)], clean=False)
        waiting = [running.client.post("t", b"%d" % i) for i in range(30)]
        async with running:
            for delivery in waiting:
                await delivery.wait()
        assert at == [("first", 1), ("second", 1), ("first", 2), ("second", 2), ("first", 3)], at
        assert got == [b"%d" % i for i in range(30)], got


async def test_names_without_a_port_take_that_of_the_client():
    client = Client("names", [HOST, (HOST, 1)], BROKER)
    task = asyncio.create_task(client.run())
    await until(lambda: client.connected)
    assert (client.host, client.port) == (HOST, BROKER)
    await client.stop()
    await task


# ---- Attempts and pauses ---------------------------------------------------------------------


async def test_the_first_attempt_after_a_link_comes_at_once():
    async with Running(BROKER, "at-once") as running:
        client = await running.up()
        client.backoff_base_ms, client.backoff_cap_ms = 2_000, 300_000
        module.random = Highest
        try:
            start = ticks_ms()
            client.drop("once")
            await until(lambda: not client.connected)
            await running.up(2)
        finally:
            module.random = random
        assert running.pauses == [100] and ticks_diff(ticks_ms(), start) < 400


async def test_flapping_does_not_hammer():
    async def script(stream, n):
        await accept(stream)

    module.random = Highest
    try:
        async with Scripted(script) as server:
            running = Running(server.port)
            running.client.backoff_base_ms, running.client.backoff_cap_ms = 40, 200
            start = ticks_ms()
            async with running:
                await until(lambda: len(running.pauses) >= 7)
                # A twentieth, then base * 2**n up to the cap.
                assert running.pauses[:7] == [2, 40, 80, 160, 200, 200, 200], running.pauses
                assert ticks_diff(ticks_ms(), start) >= 2 + 40 + 80 + 160 + 200 + 200
                assert server.connections == 7
                # It stood for long enough: from the start.
                running.client.steady_ms = 0
                await until(lambda: len(running.pauses) >= 9)
                assert running.pauses[8] == 2, running.pauses
    finally:
        module.random = random


# ---- Stop, cancel, time limits ---------------------------------------------------------------


async def ended(delivery, ms):
    """Tells if it ends within that time, well or not."""
    try:
        await asyncio.wait_for_ms(delivery.wait(), ms)
    except asyncio.TimeoutError:
        return False
    except (Timeout, NotConnected):
        pass
    return True


async def test_deliveries_do_not_outlast_stop():
    async def script(stream, n):
        await accept(stream)
        await drain(stream)

    async with Scripted(script) as server:
        running = Running(server.port)
        async with running:
            client = await running.up()
            posted = [client.post("t", b"x", timeout_ms=100) for _ in range(3)]
        for delivery in posted:
            assert await ended(delivery, 400)


async def test_a_cancelled_run_keeps_what_waits():
    running = Running(BROKER, "kept")
    got = []
    async with Running(BROKER, "kept-watch") as watching:
        await watching.up()
        await watching.client.subscribe("kept/#", lambda t, p, *_: got.append(int(bytes(p))), 1)
        running.start()
        await running.up()
        # Nothing of it can have been answered.
        posted = [running.client.post("kept/x", b"%d" % i) for i in range(20)]
        await running.cancel()
        assert not any(delivery.done() for delivery in posted) and not running.client.connected
        posted += [running.client.post("kept/x", b"%d" % i) for i in range(20, 25)]
        async with running:
            for delivery in posted:
                await delivery.wait()
            await until(lambda: len(set(got)) == 25)
        assert sorted(set(got)) == list(range(25))


async def test_time_limits_hold_without_a_connection():
    running = Running(free_port())
    running.client.backoff_base_ms = running.client.backoff_cap_ms = 60_000
    module.random = Highest
    try:
        async with running:
            await until(lambda: len(running.pauses) >= 2)  # the long pause has begun
            for limit in (300, 60):
                start = ticks_ms()
                try:
                    await running.client.publish("t", b"x", 1, timeout_ms=limit)
                    raise AssertionError("no Timeout")
                except Timeout:
                    assert limit <= ticks_diff(ticks_ms(), start) < limit + 150
            assert not running.client.session.flight
    finally:
        module.random = random


main(globals(), sys.argv[3:])
