# umqtt.simple: blocking, one publish after the other.

import sys

# It asks for a name that MicroPython no longer has; only TLS needs it.
try:
    import ssl

    sys.modules["ussl"] = ssl
except ImportError:
    ssl = None

from umqtt.simple import MQTTClient

IMPORTS = "umqtt.simple"


def open(host, port, name, keep_alive=0, ca=None):
    client = MQTTClient(name, host, port, keepalive=keep_alive, ssl=bool(ca))
    client.connect()
    return client


def handle(client, handler):
    client.set_callback(handler)


def listen(client, topic_filter, qos, handler):
    handle(client, handler)
    client.subscribe(topic_filter, qos)


def publish(client, topic, payload, qos):
    client.publish(topic, payload, qos=qos)


def burst(client, topic, payload, qos, count):
    for _ in range(count):
        client.publish(topic, payload, qos=qos)


def take(client):
    client.check_msg()


def serve(client, wanted):
    while wanted():
        client.wait_msg()


def persist(host, port, name, keep_alive, topic, payloads):
    # It raises and does no more: the application connects and publishes again.
    client = None
    for payload in payloads:
        while True:
            try:
                if client is None:
                    client = open(host, port, name, keep_alive)
                client.publish(topic, payload, qos=1)
                break
            except OSError:
                client = None
