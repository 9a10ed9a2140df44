"""The fronts against the server of test_conformance.py: conformance_fronts.py FRONT CASE PORT.

Prints what happened, a line each. A publish to "go" tells the server that it is its turn.
"""

import asyncio
import socket
import sys

from mqtt.client import Client
from mqtt.robust import MQTTClient as Robust
from mqtt.simple import MQTTClient

HOST = "127.0.0.1"
FILTERS = ("#", "+/b", "a/b", "a/#", "$SYS/#", "é")


def refused(function, *args, **options):
    """Prints if a call raises ValueError."""
    try:
        function(*args, **options)
    except ValueError:
        print("refused")
    else:
        print("taken:", args, options)


def hear(topic_filter):
    """Returns a handler that prints what it gets."""
    return lambda topic, *rest: print("got %s: %s" % (topic_filter, shown(topic)))


def shown(topic):
    return topic if isinstance(topic, str) else str(bytes(topic), "utf-8")


class Blocking:
    """umqtt's interface."""

    def __init__(self, port, kind=MQTTClient, views=False):
        self.client = kind("conformance", HOST, port)
        self.client.timeout = 2
        self.client.set_callback(hear("all"), views=views)
        self.client.connect()

    def listens(self):
        self.client.subscribe(b"#", 1)
        self.client.publish(b"go", b"")
        try:
            while True:
                self.client.wait_msg()
        except OSError as error:
            print("closed: %s" % error)

    def leaves(self):
        self.client.publish(b"t", b"m", qos=1)
        self.client.disconnect()
        try:
            self.client.publish(b"t", b"late")
        except OSError:
            print("not connected")

    def refuses(self):
        client = self.client
        for function in (client.publish, client.subscribe):
            for bad in ("", "a\0b", b"\xff", b"\xed\xa0\x80", "a#", "a/+b"):
                refused(function, bad, b"m" if function == client.publish else 0)
        refused(client.publish, "a/+", b"m")
        refused(client.publish, "t", b"m", False, 2)
        refused(client.publish_many, [("t", b"m")], False, 2)
        refused(client.subscribe, "t", 2)
        client.publish(b"go", b"")
        client.disconnect()

    def talks(self):
        self.client.subscribe(b"talk", 1)
        for qos in (0, 1):
            self.client.publish(b"talk", b"m", qos=qos)
            self.client.wait_msg()
        self.client.disconnect()


class Supervised:
    """The asyncio client."""

    def __init__(self, port):
        self.client = client = Client("conformance", HOST, port)
        self.ended = asyncio.Event()
        client.on_disconnected = self.disconnected

    def disconnected(self, reason, pause):
        print("closed: %s" % reason)
        self.ended.set()

    async def up(self):
        self.task = asyncio.create_task(self.client.run())
        while not self.client.connected:
            assert not self.ended.is_set()
            await asyncio.sleep_ms(1)

    async def listens(self):
        for topic_filter in FILTERS:
            self.client.subscribe_always(topic_filter, hear(topic_filter), 1)
        await self.up()
        await self.client.publish(b"go", b"")
        await self.ended.wait()
        await self.client.stop()
        await self.task

    async def leaves(self):
        await self.up()
        await self.client.publish("t", b"m", 1)
        self.client.post("go", b"nobody acknowledges it")
        await self.client.stop()
        try:
            await self.client.publish("t", b"late")
        except Exception as error:
            print("not connected" if type(error).__name__ == "NotConnected" else error)
        await self.task

    async def refuses(self):
        await self.up()
        client = self.client
        handler = hear("never")
        for bad in ("", "a\0b", b"\xff", b"\xed\xa0\x80", "a#", "a/+b"):
            refused(client.post, bad, b"m")
            refused(client.subscribe_always, bad, handler)
        refused(client.post, "a/+", b"m")
        refused(client.post, "t", b"m", 2)
        refused(client.post, "t", b"m", qos=2)
        refused(client.subscribe_always, "t", handler, 2)
        await client.publish("go", b"")
        await client.stop()

    async def talks(self):
        await self.up()
        got = []
        await self.client.subscribe("talk", lambda *args: got.append(print("got talk")), 1)
        for qos in (0, 1):
            await self.client.publish("talk", b"m", qos)
        while len(got) < 2:
            await asyncio.sleep_ms(1)
        await self.client.stop()


def closed(port):
    """The server takes a second connection, and ends it, only when the first one is closed."""
    sock = socket.socket()
    sock.connect(socket.getaddrinfo(HOST, port)[0][-1])
    sock.settimeout(3)
    sock.read(1)


def main(front, case, port):
    port = int(port)
    if front == "client":
        tried = Supervised(port)
        asyncio.run(getattr(tried, case)())
    else:
        kind = Robust if front == "robust" else MQTTClient
        tried = Blocking(port, kind, front == "views")
        getattr(tried, case)()
    if case != "talks":
        closed(port)
    # Until here no collection may have closed what the front left open.
    assert tried


main(*sys.argv[1:])
