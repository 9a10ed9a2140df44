"""The asyncio client's side of test_defects.py."""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import asyncio
import sys
from time import ticks_diff, ticks_ms

HOST = "127.0.0.1"
LIMIT_MS = 15_000


class Names:
    """In place of `socket`: one name, whose address is another each time it is asked for."""

    def __init__(self, ports):
        import socket

        self.real = socket
        self.ports = ports
        self.SOCK_STREAM = socket.SOCK_STREAM
        self.socket = socket.socket

    def getaddrinfo(self, host, port, *rest):
        assert host == "broker.example", host
        # Several addresses, of which the last one only answers.
        ports = self.ports.pop(0)
        return [self.real.getaddrinfo(HOST, port, *rest)[0] for port in ports]


async def until(condition, what):
    start = ticks_ms()
    while not condition():
        assert ticks_diff(ticks_ms(), start) < LIMIT_MS, "never came: " + what
        await asyncio.sleep_ms(2)


class Running:
    """A client with run() as a task; it says goodbye at the end of the block."""

    def __init__(self, port, name, host=HOST, **options):
        from mqtt.client import Client

        self.client = Client(name, host, port, **options)
        self.client.backoff_base_ms = 50
        self.client.backoff_cap_ms = 200
        # Why each link ended, and what on_error was told.
        self.reasons = []
        self.errors = []
        self.client.on_disconnected = lambda reason, pause: self.reasons.append(reason)
        self.client.on_error = self.errors.append

    async def __aenter__(self):
        self.task = asyncio.create_task(self.client.run())
        return self.client

    async def __aexit__(self, *_):
        await self.client.stop()
        await self.task


async def handler_publishes(port):
    """A handler awaits a publish at QoS 1 while the link breaks."""
    running = Running(port, "handler", clean=False)
    wanted = set(range(6))

    async def ask(topic, payload, *flags):
        await running.client.publish("handler/answer", bytes(payload), 1)

    running.client.subscribe_always("handler/ask", ask, 1)
    running.client.subscribe_always(
        "handler/answer", lambda topic, payload, *flags: wanted.discard(int(bytes(payload))), 1
    )
    async with running as client:
        await until(lambda: client.connected, "the connection")
        for i in range(6):
            await client.publish("handler/ask", b"%d" % i, 1)
        await until(lambda: not wanted, "the answers")
        assert not running.errors, running.errors


async def refused_subscription(port):
    running = Running(port, "refused")
    got = []
    async with running as client:
        await until(lambda: client.connected, "the connection")
        assert await client.subscribe("refused/a", lambda *_: None, 1) == 0x80
        assert await client.subscribe("refused/b", lambda topic, *_: got.append(topic), 1) == 1
        await client.publish("refused/b", b"x", 1)
        await until(lambda: got, "the message")
        assert not running.reasons, running.reasons


async def waits_without_a_broker(port):
    """What is posted while there is no broker goes out in order when there is one."""
    running = Running(port, "waits", keep_alive=10)
    async with running as client:
        await client.publish("waits/0", b"", 1)
        await until(lambda: running.reasons, "the end of the link")
        sent = [client.post("waits/%d" % i, b"") for i in range(1, 50)]
        for delivery in sent:
            await delivery.wait()
        # No attempt in vain was taken for anything but that.
        assert len(running.reasons) > 1 and not running.errors, running.reasons


async def outbox_keeps(port):
    """A publish given up after its time stays the first in the node's outbox."""
    from mqtt.client import NotConnected, Timeout
    from node.outbox import Outbox

    class Reading:
        level = "door"
        qos = 1
        retain = False

    class Client:
        tried = []
        faults = [Timeout("no acknowledgement in time"), NotConnected("gone"), None, None]

        async def publish(self, topic, payload, qos, retain):
            self.tried.append((topic, payload, qos))
            fault = self.faults.pop(0)
            if fault:
                raise fault

    class Reporter:
        def topic(self, reading):
            return reading.level

        def payload(self, reading):
            return reading.payload

    async def ready():
        pass

    client = Client()
    box = Outbox(client, Reporter(), True, 64, lambda line: None)
    for payload in (b"open", b"closed"):
        reading = Reading()
        reading.payload = payload
        box.put(reading)
    task = asyncio.create_task(box.run(ready))
    await until(lambda: not client.faults, "all attempts")
    task.cancel()
    payloads = [payload for _, payload, _ in client.tried]
    assert payloads == [b"open", b"open", b"open", b"closed"] and not box.dropped, payloads


async def long_handler(port):
    """Keep alive is kept while a handler takes its time."""
    running = Running(port, "long", keep_alive=1)
    done = []

    async def slow(topic, payload, *flags):
        await asyncio.sleep_ms(1900)
        done.append(topic)

    running.client.subscribe_always("long", slow, 1)
    async with running as client:
        await until(lambda: client.connected, "the connection")
        await client.publish("long", b"", 1)
        await until(lambda: done, "the handler's end")
        assert not running.reasons, running.reasons


async def subscriptions_last(port):
    """A broker that forgot the session is told of each subscription again."""
    running = Running(port, "lasting")
    got = []
    running.client.subscribe_always("lasting/a", lambda topic, *_: got.append(topic), 1)
    async with running as client:
        await until(lambda: client.connected, "the connection")
        await client.subscribe("lasting/b", lambda topic, *_: got.append(topic))
        client.drop("as if the link was lost")
        await until(lambda: client.connected, "the next connection")
        await client.publish("lasting/a", b"", 1)
        await client.publish("lasting/b", b"", 1)
        await until(lambda: len(got) == 2, "the messages")


async def names_are_asked_again(port, other):
    sys.modules["socket"] = Names([[1, port], [port], [1, 1, other], [other]])
    running = Running(port, "names", "broker.example")
    async with running as client:
        await client.publish("names/0", b"", 1)
        client.drop("to move")
        await client.publish("names/1", b"", 1)
        client.drop("to move on")
        await client.publish("names/2", b"", 1)


async def routing(port):
    """No wildcard at the front matches $SYS; handlers are told of the retain flag."""
    running = Running(port, "routing")
    everything = []
    system = []
    first = []
    client = running.client
    client.subscribe_always("#", lambda *args: everything.append((args[0], bool(args[2]))))
    client.subscribe_always("+/broker/version", lambda *args: first.append(args[0]))
    client.subscribe_always("$SYS/broker/version", lambda *args: system.append(bool(args[2])))
    async with running:
        await client.publish("routing/kept", b"x", 1, True)
        await client.publish("routing/new", b"x", 1)
        await until(lambda: system and len(everything) > 1, "the messages")
        client.drop("to get the retained message")
        await until(lambda: ("routing/kept", True) in everything, "the retained message")
        await client.publish("routing/kept", b"", 1, True)
    assert system[0] is True and not first, (system, first)
    assert not [topic for topic, _ in everything if topic.startswith("$")], everything
    assert ("routing/new", False) in everything and ("routing/new", True) not in everything


asyncio.run(globals()[sys.argv[1]](*[int(port) for port in sys.argv[2:]]))
print("done", sys.argv[1])
