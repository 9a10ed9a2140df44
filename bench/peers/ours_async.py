# mqtt.client, asyncio. The loop runs only within these functions.

import asyncio

from mqtt.client import Client

IMPORTS = "mqtt.client, mqtt.tls"
WINDOW = 16


def _run(coroutine):
    return asyncio.get_event_loop().run_until_complete(coroutine)


def start(host, port, name, keep_alive=0, ca=None):
    client = Client(name, host, port, keep_alive=keep_alive, window=WINDOW)
    if ca:
        from mqtt.tls import TLS

        client.transport = TLS(ca)
    return client


def open(host, port, name, keep_alive=0, ca=None):
    return _run(_opened(start(host, port, name, keep_alive, ca)))


async def _opened(client):
    stands = asyncio.Event()

    async def connected(present):
        stands.set()

    client.on_connected = connected
    asyncio.create_task(client.run())
    await stands.wait()
    return client


def publish(client, topic, payload, qos):
    _run(client.publish(topic, payload, qos))


def burst(client, topic, payload, qos, count):
    _run((_posted if qos else _published)(client, topic, payload, count))


async def _published(client, topic, payload, count):
    for _ in range(count):
        await client.publish(topic, payload)


async def _posted(client, topic, payload, count):
    # The oldest is awaited as soon as the window is full.
    ring = [None] * WINDOW
    for i in range(count):
        at = i % WINDOW
        if ring[at]:
            await ring[at].wait()
        ring[at] = client.post(topic, payload)
    for delivery in ring:
        if delivery:
            await delivery.wait()


def first(host, port, name, topic, payload):
    return _run(_first(start(host, port, name), topic, payload))


async def _first(client, topic, payload):
    delivery = client.post(topic, payload)
    asyncio.create_task(client.run())
    await delivery.wait()
    return client


def idle(client, seconds):
    _run(_idle(seconds))


async def _idle(seconds):
    await asyncio.sleep(seconds)


def persist(host, port, name, keep_alive, topic, payloads):
    _run(_persist(start(host, port, name, keep_alive), topic, payloads))


async def _persist(client, topic, payloads):
    asyncio.create_task(client.run())
    for payload in payloads:
        await client.publish(topic, payload, 1)
