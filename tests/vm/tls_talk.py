"""A client over any transport, on MicroPython: says on its output what happens to it.

    micropython tests/vm/tls_talk.py < OPTIONS

OPTIONS is one line of JSON, for an argument is limited to 255 bytes: host, port, client (more
options of Client), connect_ms, connack_ms, tls and websocket (options of these transports;
without both it is TCP), sizes (of the payloads a round sends to itself), flood (a round instead
publishes without end until the socket is full), rounds (connections until it stops; 0: it stops
when the first one ends). Prints `up`, `echo SIZE`, `full`, `sent COUNT`, `round N`,
`down REASON`, `error REPR`, and `loop MS`: the longest time the loop stood still.
"""

import asyncio
import json
import sys
from time import ticks_diff, ticks_ms

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/../../lib")

import names  # noqa: E402
from mqtt import transport as tcp_transport  # noqa: E402
from mqtt.client import Client  # noqa: E402

tcp_transport.socket = names  # pyright: ignore[reportAttributeAccessIssue]

OPTIONS = json.loads(sys.stdin.readline())


def transport():
    """Returns the transport of OPTIONS, None for TCP. Imports what it needs and no more."""
    over = {}
    if "tls" in OPTIONS:
        from mqtt.tls import TLS

        if "psk" in OPTIONS["tls"]:
            name, key = OPTIONS["tls"]["psk"]
            OPTIONS["tls"]["psk"] = (name, key.encode())
        over["over"] = TLS(**OPTIONS["tls"])
    if "websocket" in OPTIONS:
        from mqtt.websocket import WebSocket

        return WebSocket(**over, **OPTIONS["websocket"])
    return over.get("over")


class Talk:
    """Connects, sends to itself what comes back, and tells of it."""

    def __init__(self):
        self.client = client = Client(
            "talk", OPTIONS["host"], OPTIONS["port"], **OPTIONS.get("client", {})
        )
        client.transport = transport() or client.transport
        client.connect_ms = OPTIONS.get("connect_ms", client.connect_ms)
        client.session.connack_ms = OPTIONS.get("connack_ms", 10_000)
        client.backoff_base_ms = 20
        client.backoff_cap_ms = 200
        client.on_connected = self.connected
        client.on_disconnected = self.disconnected
        client.on_error = self.failed
        client.subscribe_always("talk/#", self.received, 1)
        self.rounds = 0
        self.got = asyncio.Event()
        self.over = asyncio.Event()
        self.stopping = False
        self.longest = 0

    def failed(self, error, _=None):
        print("error", repr(error))

    def received(self, topic, payload, *_):
        size = len(payload)
        assert bytes(payload) == pattern(size)
        print("echo", size)
        self.got.set()

    async def connected(self, present):
        print("up")
        asyncio.create_task(self.round())

    async def round(self):
        if OPTIONS.get("flood"):
            await self.flood()
        for size in OPTIONS.get("sizes", [10]):
            self.got.clear()
            await self.client.publish("talk/%d" % size, pattern(size), 1)
            await self.got.wait()
        self.rounds += 1
        print("round", self.rounds)
        if self.rounds == OPTIONS.get("rounds", 1):
            self.over.set()

    async def flood(self):
        # Large ones until one has to wait, then some that fit behind it.
        count = more = 0
        while more < 5:
            size = 0 if more else 800
            await self.client.publish("flood/%d" % count, pattern(size), 0)
            count += 1
            more += self.client.session.tx_len > 0
        print("full")
        await self.client.publish("flood/%d" % count, "", 1)
        print("sent", count + 1)

    def disconnected(self, reason, pause):
        if not self.stopping:
            print("down", reason)
        if not OPTIONS.get("rounds", 1):
            self.over.set()

    async def run(self):
        ticker = asyncio.create_task(self.tick())
        task = asyncio.create_task(self.client.run())
        await self.over.wait()
        self.stopping = True
        await self.client.stop()
        await task
        ticker.cancel()
        print("loop", self.longest)

    async def tick(self):
        before = ticks_ms()
        while True:
            await asyncio.sleep_ms(5)
            now = ticks_ms()
            self.longest = max(self.longest, ticks_diff(now, before))
            before = now


def pattern(size):
    """Returns bytes that are unlike wherever they are torn."""
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(size))


asyncio.run(Talk().run())
