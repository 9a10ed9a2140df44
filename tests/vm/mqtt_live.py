"""The asyncio client on the real MicroPython: against a private Mosquitto, and evil servers.

    micropython tests/vm/mqtt_live.py FOLDER [NAME...]

FOLDER takes the broker's files; mosquitto and mosquitto_sub are taken from PATH. With NAMEs only
those tests run. Prints `ok NAME` or `FAIL NAME`, then a count. Waits for conditions, never a time.
"""

import asyncio
import gc
import os
import random
import sys
from time import ticks_diff, ticks_ms

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/../../lib")

import more_common  # noqa: E402
from more_common import CONNACK, accept, drain, free_port, packet, say  # noqa: E402

from mqtt.client import Client, NotConnected, Timeout  # noqa: E402

FOLDER = sys.argv[1]
LIMIT_MS = 15_000


async def until(condition, what="the condition"):
    """Waits for condition() to be true and returns what it returned."""
    return await more_common.until(condition, what, LIMIT_MS)


def read(name):
    try:
        with open(FOLDER + "/" + name) as file:
            return file.read()
    except OSError:
        return ""


# Process ids of what was started, ended at the end.
STARTED = []


def shell(command):
    """Starts command in the background and returns its process id."""
    os.system("sh -c 'exec %s' & echo $! > %s/pid" % (command, FOLDER))
    STARTED.append(int(read("pid")))
    return STARTED[-1]


class Mosquitto:
    """A broker of our own: start, stop (as `kill -9`), what it logged."""

    def __init__(self):
        self.port = free_port()
        with open(FOLDER + "/mosquitto.conf", "w") as file:
            file.write("listener %d 127.0.0.1\nallow_anonymous true\n" % self.port)
            file.write("log_type all\npersistence true\nautosave_interval 1\n")
            file.write("autosave_on_changes true\npersistence_location %s/\n" % FOLDER)

    def start(self):
        self.pid = shell("mosquitto -v -c %s/mosquitto.conf >> %s/log 2>&1" % (FOLDER, FOLDER))

    def stop(self):
        os.system("kill -9 %d 2>/dev/null" % self.pid)

    async def watch(self, topic):
        """Starts a mosquitto_sub and returns a function that gives its lines so far."""
        name = "sub%d" % len(STARTED)
        command = 'mosquitto_sub -h 127.0.0.1 -p %d -t "%s" -q 1 -F "%%r %%t %%p" > %s/%s'
        shell(command % (self.port, topic, FOLDER, name))
        await until(lambda: "\t%s (QoS 1)" % topic in read("log"), "the subscriber")
        return lambda: read(name).split("\n")


broker = Mosquitto()


class Evil:
    """A server that does what the script says: async script(stream, number of the connection)."""

    def __init__(self, script):
        self.script = script
        self.connections = 0
        self.port = free_port()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, stream, _):
        self.connections += 1
        try:
            await self.script(stream, self.connections)
        except (OSError, EOFError):
            pass
        stream.s.close()


class Running:
    """A client with run() as a task and its hooks recorded; stopped at the end of the block."""

    def __init__(self, port, name="live", **options):
        self.client = client = Client(name, "127.0.0.1", port, **options)
        client.backoff_base_ms = 20
        client.backoff_cap_ms = 200
        self.reasons = []
        self.pauses = []
        self.errors = []
        self.births = []
        client.on_disconnected = self.disconnected
        client.on_error = self.errors.append
        client.on_connected = self.connected

    async def connected(self, present):
        self.births.append(present)

    def disconnected(self, reason, pause):
        self.reasons.append(reason)
        self.pauses.append(pause)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.client.run())
        return self

    async def __aexit__(self, *_):
        await self.client.stop(timeout_ms=300)
        await asyncio.wait_for_ms(self.task, 1000)

    async def up(self):
        await until(lambda: self.client.connected, "a connection: %s" % self.reasons)
        return self.client


# Against Mosquitto


async def test_will_birth_messages_and_stop():
    lines = await broker.watch("live/#")
    got = []
    running = Running(broker.port, keep_alive=30, will=("live/s", "offline", 1, True))
    client = running.client

    async def birth(present):
        await client.publish("live/s", "online", 1, True)

    client.on_connected = birth
    client.subscribe_always("live/in/+", lambda *a: got.append((a[0], bytes(a[1]), a[2])), 1)
    async with running:
        await running.up()
        await until(lambda: "0 live/s online" in lines(), "the birth")
        await client.publish("live/in/a", b"zero")
        await client.publish("live/in/b", "one", qos=1)
        await client.publish("live/in/c", b"kept", 1, True)
        await until(lambda: len(got) == 3)
        assert got[0] == ("live/in/a", b"zero", False) and got[1][1] == b"one"
        await until(lambda: "0 live/in/c kept" in lines())
        client.drop("as if the cable was pulled")
        await until(lambda: "0 live/s offline" in lines(), "the will")
        await until(lambda: running.reasons == ["as if the cable was pulled"])
        await running.up()
        await until(lambda: lines().count("0 live/s online") == 2)
        await until(lambda: got[-1] == ("live/in/c", b"kept", True), "the retained message")
        await client.publish("live/in/c", b"", 0, True)
        logged = read("log").count("Received DISCONNECT from live")
        await client.stop(("live/s", "offline", 1, True))
        await asyncio.wait_for_ms(running.task, 1000)
        await until(lambda: lines().count("0 live/s offline") == 2, "the farewell")
        await until(lambda: read("log").count("Received DISCONNECT from live") == logged + 1)
    assert not running.errors, running.errors


async def test_keep_alive_by_itself():
    async with Running(broker.port, "pinging", keep_alive=2) as running:
        await running.up()
        await until(lambda: read("log").count("Received PINGREQ from pinging") >= 3)
        assert not running.reasons, running.reasons


async def test_broker_restart_loses_no_qos_1():
    async with Running(broker.port, "restarted", clean=False, keep_alive=10) as running:
        client = await running.up()
        await client.publish("restart/x", b"before", 1)
        broker.stop()
        await until(lambda: running.reasons)
        waiting = [client.post("restart/x", b"m%d" % i, timeout_ms=10_000) for i in range(20)]
        try:
            await client.publish("restart/x", b"gone")
            raise AssertionError("QoS 0 was taken without a connection")
        except NotConnected:
            pass
        await until(lambda: any("no connection" in reason for reason in running.reasons))
        broker.start()
        for delivery in waiting:
            await delivery.wait()
        assert not client.session.flight and not running.errors


async def test_handlers_of_every_kind():
    async with Running(broker.port, "handlers") as running:
        client = await running.up()
        got = []

        def raising(topic, payload, retain, dup, qos):
            got.append(topic)
            raise ValueError("from a handler")

        async def answering(topic, payload, retain, dup, qos):
            await client.publish("h/answer", bytes(payload) + b"!", 1)
            await client.subscribe("h/late", late, 1)
            await client.publish("h/late", b"x", 1)
            await client.unsubscribe("h/ask")
            got.append(topic)
            raise ValueError("from a coroutine")

        def late(topic, payload, retain, dup, qos):
            got.append(topic)

        def answered(topic, payload, retain, dup, qos):
            got.append(str(payload, "utf-8"))

        assert await client.subscribe("h/raise", raising, 1) == 1
        assert await client.subscribe("h/ask", answering) == 0
        await client.subscribe("h/answer", answered, 1)
        await client.publish("h/raise", b"", 1)
        await client.publish("h/ask", b"question", 1)
        await until(lambda: "h/late" in got and "h/ask" in got)
        await until(lambda: len(running.errors) == 2)
        assert "question!" in got and not running.reasons
        await client.publish("h/ask", b"nobody hears it", 1)
        await client.publish("h/raise", b"", 1)
        await until(lambda: got.count("h/raise") == 2)
        assert got.count("h/ask") == 1


async def test_many_coroutine_handlers_hold_the_reader_back():
    async with Running(broker.port, "busy") as running:
        client = await running.up()
        client.handlers = 3
        at_work = [0, 0, 0]

        async def slow(topic, payload, retain, dup, qos):
            at_work[0] += 1
            at_work[1] = max(at_work[1], at_work[0])
            await asyncio.sleep_ms(5)
            at_work[0] -= 1
            at_work[2] += 1

        await client.subscribe("busy/x", slow, 1)
        for _ in range(30):
            await client.publish("busy/x", b"x")
        await until(lambda: at_work[2] == 30)
        assert at_work[1] == 3, at_work


async def test_large_payloads_go_out_whole_and_come_in_skipped():
    async with Running(broker.port, "large", buffer=256) as running:
        client = await running.up()
        got = []
        await client.subscribe("large/#", lambda t, p, *_: got.append(len(p)), 1)
        await client.publish("large/a", bytes(50_000), 1)
        await client.publish("large/a", b"small", 1)
        await until(lambda: got)
        assert got == [5] and not running.reasons
        assert "large/a', ... (50000 bytes)" in read("log")


async def test_the_window_pushes_back():
    async with Running(broker.port, "window", window=2) as running:
        client = await running.up()
        await asyncio.gather(*[client.publish("w/x", b"%d" % i, 1) for i in range(50)])
        assert not client.session.flight
        before = gc.mem_alloc()
        for _ in range(200):
            await client.publish("w/x", b"x")
        assert gc.mem_alloc() - before < 5_000


async def test_cancelled_publishes_leave_all_consistent():
    async with Running(broker.port, "cancel", window=2) as running:
        client = await running.up()
        for _ in range(20):
            tasks = [asyncio.create_task(client.publish("c/x", bytes(3000), 1)) for _ in range(5)]
            await asyncio.sleep_ms(random.randint(0, 2))
            for task in tasks:
                task.cancel()
            for task in tasks:
                try:
                    await task
                except asyncio.CancelledError:
                    pass
        await client.publish("c/x", b"last", 1)
        assert not client.session.flight and not running.reasons


async def test_run_may_be_cancelled_and_started_again():
    running = Running(broker.port, "again")
    async with running:
        await running.up()
        running.task.cancel()
        try:
            await running.task
        except asyncio.CancelledError:
            pass
        assert not running.client.connected
        running.task = asyncio.create_task(running.client.run())
        await running.up()


async def test_an_exception_in_the_birth_drops_the_link():
    running = Running(broker.port, "birth")
    births = []

    async def birth(present):
        births.append(present)
        if len(births) < 3:
            raise ValueError("no birth")

    running.client.on_connected = birth
    async with running:
        await until(lambda: len(births) == 3)
        await running.up()
        assert len(running.reasons) == 2 and "no birth" in running.reasons[0]


async def test_the_gate_is_awaited_before_each_attempt():
    gates = []

    async def gate():
        gates.append(1)

    running = Running(broker.port, "gate")
    running.client.gate = gate
    async with running:
        await running.up()
        running.client.drop("once")
        await until(lambda: len(gates) == 2)
        await running.up()


async def test_stop_before_the_first_step_of_run():
    client = Client("early", "127.0.0.1", broker.port)
    task = asyncio.create_task(client.run())
    await client.stop()
    await asyncio.wait_for_ms(task, 1000)


async def test_hooks_that_raise_harm_nothing():
    running = Running(broker.port, "hooks")

    def raising(*_):
        raise ValueError("from a hook")

    running.client.on_disconnected = running.client.on_error = raising
    running.client.subscribe_always("hooks/x", raising)
    async with running:
        client = await running.up()
        print("(two tracebacks of hooks follow)")
        await client.publish("hooks/x", b"", 1)
        client.drop("for the hook")
        await until(lambda: len(running.births) == 2)


async def test_more_filters_than_fit_into_a_packet():
    running = Running(broker.port, "filters", buffer=128)
    routes = [running.client.subscribe_always("f/%d/" % i + "x" * 40, print) for i in range(20)]
    async with running:
        await running.up()
        assert [route.granted for route in routes] == [0] * 20


async def test_stop_while_the_gate_is_closed():
    running = Running(broker.port, "closed")
    never = asyncio.Event()
    running.client.gate = never.wait
    async with running:
        await asyncio.sleep_ms(10)


# Against evil servers


async def test_nobody_listens():
    async with Running(free_port()) as running:
        await until(lambda: len(running.reasons) >= 3)
        assert "127.0.0.1" in running.reasons[0] and "ECONNREFUSED" in running.reasons[0]
        assert not running.errors
        start = ticks_ms()
        try:
            await running.client.publish("t", b"x", 1, timeout_ms=50)
            raise AssertionError("no Timeout")
        except Timeout:
            assert 40 < ticks_diff(ticks_ms(), start) < 500
        assert not running.client.session.flight


async def test_the_end_of_the_stream_at_each_place():
    async def script(stream, n):
        if n == 1:
            return
        await packet(stream)
        if n == 2:
            return
        await say(stream, CONNACK[:n])
        if n < 5:
            return
        await say(stream, CONNACK)
        await drain(stream)

    async with Evil(script) as evil, Running(evil.port) as running:
        await until(lambda: evil.connections >= 5)
        assert len(running.reasons) >= 4 and not running.errors
        for reason in running.reasons[:3]:
            assert "before CONNACK" in reason or "ECONNRESET" in reason, reason


async def test_a_stall_after_connect():
    async def script(stream, n):
        if n > 1:
            await accept(stream)
        await drain(stream)

    async with Evil(script) as evil:
        running = Running(evil.port)
        running.client.session.connack_ms = 100
        running.client.session.response_ms = 100
        async with running:
            await running.up()
            assert "CONNACK" in running.reasons[0]


async def test_refusals_are_named_and_slow_down():
    async def script(stream, n):
        await packet(stream)
        await say(stream, bytes((0x20, 2, 0, n)) if n < 6 else CONNACK)
        await drain(stream)

    async with Evil(script) as evil, Running(evil.port) as running:
        running.client.backoff_base_ms = 1
        await running.up()
        for code in range(1, 6):
            assert "CONNACK %d" % code in running.reasons[code - 1]
        assert running.client._attempt > 10 and not running.errors


async def test_a_refused_subscription_is_an_answer():
    async def script(stream, n):
        await accept(stream)
        _, body = await packet(stream)
        await say(stream, b"\x90\x04" + body[:2] + b"\x80\0", b"\x30\x04\0\x01bx")
        await drain(stream)

    async with Evil(script) as evil:
        running = Running(evil.port)
        got = []
        refused = running.client.subscribe_always("a", got.append, 1)
        granted = running.client.subscribe_always("b", lambda *a: got.append(a[0]), 1)
        async with running:
            await until(lambda: got == ["b"])
            assert refused.granted == 0x80 and granted.granted == 0
            assert len(running.errors) == 1 and not running.reasons


async def test_no_suback():
    async def script(stream, n):
        await accept(stream)
        first, body = await packet(stream)
        assert first == 0x82
        if n == 2:
            await say(stream, b"\x90\x03" + body[:2] + b"\0")
        await drain(stream)

    async with Evil(script) as evil:
        running = Running(evil.port)
        running.client.session.response_ms = 50
        running.client.subscribe_always("a", None)
        async with running:
            await running.up()
            assert "acknowledgement" in running.reasons[0]


async def test_no_pingresp():
    async def script(stream, n):
        await accept(stream)
        await drain(stream)

    async with Evil(script) as evil:
        running = Running(evil.port, keep_alive=1)
        running.client.session.response_ms = 100
        async with running:
            await until(lambda: running.reasons)
            assert "PINGRESP" in running.reasons[0]
            await running.up()


async def test_no_puback_is_repeated_then_resent_on_a_new_link():
    seen = []

    async def script(stream, n):
        await packet(stream)
        await say(stream, CONNACK if n == 1 else b"\x20\x02\x01\0")
        while True:
            first, body = await packet(stream)
            seen.append((n, first, body))
            if n == 2:
                await say(stream, b"\x40\x02" + body[3:5])

    async with Evil(script) as evil:
        running = Running(evil.port, clean=False)
        running.client.session.response_ms = 60
        async with running:
            await running.up()
            await running.client.publish("t", b"x", 1)
            body = b"\0\x01t\0\x01x"
            assert seen == [(1, 0x32, body), (1, 0x3A, body), (2, 0x3A, body)], seen


async def test_a_lying_length():
    lies = (b"\x30\xff\xff\xff\x7f\0\x01tx", b"\x40\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\x7f")

    async def script(stream, n):
        await accept(stream)
        if n <= len(lies):
            await say(stream, lies[n - 1])
        await drain(stream)

    async with Evil(script) as evil:
        running = Running(evil.port, keep_alive=1)
        running.client.session.response_ms = 100
        async with running:
            await until(lambda: len(running.reasons) == 3 and running.client.connected)
            assert "PINGRESP" in running.reasons[0]
            assert "0x40" in running.reasons[1] and "length" in running.reasons[2]


async def test_a_server_that_reads_nothing():
    async def script(stream, n):
        await accept(stream)
        await until(lambda: running.reasons)

    async with Evil(script) as evil:
        running = Running(evil.port, keep_alive=0)
        running.client.session.response_ms = 200
        async with running:
            client = await running.up()
            try:
                while True:
                    await client.publish("t", bytes(20_000))
            except NotConnected:
                pass
            await until(lambda: running.reasons)
            assert "output" in running.reasons[0], running.reasons


async def test_a_slow_reader_gets_every_byte():
    got = [0, 0]

    async def script(stream, n):
        await accept(stream)
        while True:
            raw = await stream.read(3000)
            if not raw:
                return
            got[0] += len(raw)
            got[1] += sum(raw)
            await asyncio.sleep_ms(1)

    async with Evil(script) as evil, Running(evil.port) as running:
        client = await running.up()
        total = 0
        for i in range(60):
            await client.publish("t", bytes([i]) * 20_000)
            total += i * 20_000
        await until(lambda: got[0] == 60 * (4 + 3 + 20_000))
        assert got[1] == total + 60 * (0x30 + sum(b"\xa3\x9c\x01\0\x01t"))
        assert not running.reasons, running.reasons


# By itself, for it ends the loop.


def interrupted():
    """A KeyboardInterrupt ends asyncio.run(); stop() on the same loop still says goodbye."""
    running = Running(broker.port, "interrupted", will=("interrupt/s", "will", 1, False))
    lines = None

    async def work():
        nonlocal lines
        lines = await broker.watch("interrupt/#")
        running.task = asyncio.create_task(running.client.run())
        await running.up()
        raise KeyboardInterrupt

    async def goodbye():
        await running.client.stop(("interrupt/s", "farewell", 1, False))
        await asyncio.wait_for_ms(running.task, 1000)
        await until(lambda: "0 interrupt/s farewell" in lines())
        assert "0 interrupt/s will" not in lines()

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        asyncio.run(goodbye())


async def one(name, test):
    gc.collect()
    try:
        await asyncio.wait_for_ms(test(), 2 * LIMIT_MS)
    except Exception as error:
        print("FAIL", name)
        sys.print_exception(error)
        return False
    print("ok", name)
    return True


async def every(names):
    broker.start()
    await until(lambda: "running" in read("log"), "the broker")
    passed = 0
    for name in names:
        passed += await one(name, globals()[name])
    return passed


def main():
    names = sys.argv[2:] or [name for name in sorted(globals()) if name.startswith("test_")]
    try:
        passed = asyncio.run(every(names))
        interrupted()
        print("ok interrupted")
    finally:
        for pid in STARTED:
            os.system("kill -9 %d 2>/dev/null" % pid)
    print("%d passed, %d failed" % (passed, len(names) - passed))
    return 0 if passed == len(names) else 1


sys.exit(main())
