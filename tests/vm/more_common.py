"""What the asyncio client's scripts share: waiting, a recorded client, scripted servers."""

import asyncio
import gc
import random
import socket
import sys
from time import ticks_diff, ticks_ms

from mqtt.client import Client

LIMIT_MS = 8_000
HOST = "127.0.0.1"
CONNACK = b"\x20\x02\0\0"
PRESENT = b"\x20\x02\x01\0"


def free_port():
    while True:
        port = random.randint(20_000, 30_000)  # below those the system gives out
        sock = socket.socket()
        try:
            sock.bind(socket.getaddrinfo(HOST, port)[0][-1])
            return port
        except OSError:
            pass
        finally:
            sock.close()


async def until(condition, what="the condition", limit_ms=LIMIT_MS):
    """Waits for condition() to be true and returns what it returned."""
    start = ticks_ms()
    while True:
        value = condition()
        if value:
            return value
        assert ticks_diff(ticks_ms(), start) < limit_ms, "never came: " + what
        await asyncio.sleep_ms(2)


class Scripted:
    """A server that does what the script says: async script(stream, number of the connection)."""

    def __init__(self, script):
        self.script = script
        self.connections = 0
        self.port = free_port()
        # What a script raised, other than the end of its connection.
        self.failure = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, HOST, self.port)
        return self

    async def __aexit__(self, kind, *_):
        self.server.close()
        await self.server.wait_closed()
        if self.failure and not kind:
            raise self.failure

    async def serve(self, stream, _):
        self.connections += 1
        try:
            await self.script(stream, self.connections)
        except (OSError, EOFError):
            pass
        except Exception as error:
            self.failure = error
        stream.s.close()


async def packet(stream):
    """Reads one packet: (first byte, body)."""
    first = (await stream.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await stream.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return first, await stream.readexactly(size)


def packets(raw):
    """Cuts bytes into (first byte, body) of packets of less than 128 bytes."""
    found = []
    while raw:
        found.append((raw[0], raw[2 : 2 + raw[1]]))
        raw = raw[2 + raw[1] :]
    return found


async def say(stream, *raws):
    stream.write(b"".join(raws))
    await stream.drain()


async def accept(stream, answer=CONNACK):
    """Takes CONNECT and answers it well."""
    assert (await packet(stream))[0] == 0x10
    await say(stream, answer)


async def acknowledge(stream):
    """Takes PUBLISHes at QoS 1 and answers them, until the end."""
    while True:
        await say(stream, puback((await publish(stream))[1]))


async def publish(stream):
    """Reads a PUBLISH: (first byte, body). The client's goodbye is the end."""
    first, body = await packet(stream)
    if first == 0xE0:
        raise EOFError
    assert first >> 4 == 3, first
    return first, body


def puback(body):
    """The answer to a PUBLISH at QoS 1 of that body."""
    end = 2 + body[1]
    return b"\x40\x02" + body[end : end + 2]


def content(body):
    """Payload of a PUBLISH at QoS 1 of that body."""
    return bytes(body[4 + body[1] :])


async def drain(stream):
    """Reads and throws away until the end."""
    while await stream.read(1000):
        pass


class Running:
    """A client with run() as a task and its hooks recorded; stopped at the end of the block."""

    def __init__(self, host, name="more", **options):
        hosts = [(HOST, host)] if isinstance(host, int) else host
        self.client = client = Client(name, hosts, **options)
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

    def start(self):
        self.task = asyncio.create_task(self.client.run())

    async def __aenter__(self):
        self.start()
        return self

    async def __aexit__(self, *_):
        await self.client.stop(timeout_ms=300)
        await asyncio.wait_for_ms(self.task, 1000)

    async def cancel(self):
        """Ends run() as the program's own end does."""
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            pass

    async def up(self, births=1):
        def risen():
            return self.client.connected and len(self.births) >= births

        await until(risen, "a connection: %s" % self.reasons)
        return self.client


async def _one(name, test):
    gc.collect()
    try:
        await asyncio.wait_for_ms(test(), 2 * LIMIT_MS)
    except Exception as error:
        print("FAIL", name)
        sys.print_exception(error, sys.stdout)
        return
    print("ok", name)


def main(tests, names):
    """Runs the tests of these names; prints `ok NAME`, or `FAIL NAME` and what it raised."""
    for name in names:
        asyncio.run(_one(name, tests[name]))
        asyncio.new_event_loop()
