# chumicro-mqtt: nothing blocks, the application calls handle() again and again.

import select

import chumicro_sockets
from chumicro_mqtt import MQTTClient
from chumicro_timing import ticks

IMPORTS = "chumicro_mqtt.client, chumicro_sockets.sockets_factory, chumicro_sockets._adapters.mp"
WINDOW = 16


def start(host, port, name, keep_alive=0, ca=None):
    context = chumicro_sockets.ssl_context_with_ca(ca) if ca else None

    def connector():
        return chumicro_sockets.connector(host, port, tls=bool(ca), context=context)

    client = MQTTClient(
        transport_factory=connector,
        client_id=name,
        keep_alive_seconds=keep_alive,
        # Only so does it send again what is not acknowledged.
        clean_session=False,
        rx_buffer_size=2048,
    )
    # Publishes that wait for their acknowledgement.
    client.waiting = 0
    client.topics = {}
    # Its socket, and what waits for it.
    client.polled = client.poll = None
    client.connect()
    return client


def open(host, port, name, keep_alive=0, ca=None):
    client = start(host, port, name, keep_alive, ca)
    while client.state != "connected":
        _turn(client)
    return client


def _turn(client):
    # What its runner does: sleeps until the socket or a deadline wants it.
    now = ticks.ticks_ms()
    client.handle(now)
    found = client.io_socket
    raw = getattr(found, "sock", found)
    mask = client.io_interest(now)
    if raw is None or not mask:
        return
    if raw is not client.polled:
        client.polled = raw
        client.poll = select.poll()
        client.poll.register(raw, select.POLLIN)
    client.poll.modify(raw, (mask & 1 and select.POLLIN) | (mask & 2 and select.POLLOUT))
    due = client.next_deadline(now)
    client.poll.poll(100 if due is None else max(0, min(100, ticks.ticks_diff(due, now))))


def handle(client, handler):
    client.on_message = handler


def listen(client, topic_filter, qos, handler):
    handle(client, handler)
    granted = []
    client.subscribe(topic_filter.decode(), qos, on_subscribe=lambda *answer: granted.append(1))
    while not granted:
        _turn(client)


def publish(client, topic, payload, qos):
    burst(client, topic, payload, qos, 1)


def burst(client, topic, payload, qos, count):
    # It takes a str.
    name = client.topics.get(topic)
    if not name:
        name = client.topics[topic] = topic.decode()

    def done(*_):
        client.waiting -= 1

    for _ in range(count):
        if not qos:
            client.publish(name, payload)
            client.handle(ticks.ticks_ms())
            continue
        while client.waiting >= WINDOW:
            client.handle(ticks.ticks_ms())
        client.waiting += 1
        client.publish(name, payload, qos=1, on_publish=done)
        client.handle(ticks.ticks_ms())
    while client.waiting:
        client.handle(ticks.ticks_ms())


def first(host, port, name, topic, payload):
    client = start(host, port, name)
    burst(client, topic, payload, 1, 1)
    return client


def take(client):
    client.handle(ticks.ticks_ms())


def serve(client, wanted):
    while wanted():
        _turn(client)


def persist(host, port, name, keep_alive, topic, payloads):
    client = open(host, port, name, keep_alive)
    name = topic.decode()
    acknowledged = []
    for payload in payloads:
        acknowledged.clear()
        client.publish(name, payload, qos=1, on_publish=lambda *_: acknowledged.append(1))
        while not acknowledged:
            _turn(client)
