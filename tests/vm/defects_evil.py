"""Each front against a server that means harm: all that is published has to arrive.

    micropython defects_evil.py FRONT PORT

Prints `end KIND REASON` for each connection that ended: "overdue" if patience had to end it.
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import gc
import sys
from errno import ETIMEDOUT
from time import ticks_diff, ticks_ms

HOST = "127.0.0.1"
LIMIT_MS = 10_000


def tell(overdue, reason):
    print("end", "overdue" if overdue else "ends", reason)


def simple(port):
    from mqtt.simple import MQTTClient, MQTTException

    client = MQTTClient("evil", HOST, port)
    client.timeout = 0.4
    client.set_callback(lambda topic, msg: None)

    def subscribe():
        try:
            client.subscribe(b"cmd", 1)
        except MQTTException as error:
            print("refused", error.args[0])

    def publish(i):
        # What was in flight is sent again by connect(), and awaited by disconnect().
        if i not in published:
            published.append(i)
            client.publish(b"t", b"%d" % i, qos=1)

    published = []
    steps = [subscribe, lambda: publish(0), lambda: publish(1), client.disconnect]
    start = ticks_ms()
    while steps:
        assert ticks_diff(ticks_ms(), start) < LIMIT_MS, "it never ended"
        try:
            if not client.sock:
                client.connect()
            steps[0]()
            steps.pop(0)
        except OSError as error:
            tell(error.errno == ETIMEDOUT, error)
        except MQTTException as error:
            tell(False, error)


def asynchronous(port):
    import asyncio

    from mqtt.client import Client

    client = Client("evil", HOST, port)
    client.backoff_base_ms = 1
    client.session.connack_ms = 300
    client.session.response_ms = 200

    def ended(reason, _):
        if reason != "stopped":
            words = ("within", "in time", "ETIMEDOUT")
            tell(any(word in reason for word in words), reason)

    client.on_disconnected = ended
    client.on_error = lambda error: print("error", error)

    async def up(present):
        ready.set()

    client.on_connected = up
    ready = asyncio.Event()

    async def work():
        client.subscribe_always("cmd", lambda *_: None, 1)
        running = asyncio.create_task(client.run())
        await ready.wait()
        for i in range(2):
            await client.publish("t", b"%d" % i, 1, False, LIMIT_MS)
        await client.stop()
        await running

    asyncio.run(work())


fronts = {"simple": simple, "asyncio": asynchronous}
fronts[sys.argv[1]](int(sys.argv[2]))
gc.collect()
print("done", gc.mem_alloc())
