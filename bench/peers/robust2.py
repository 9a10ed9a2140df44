# umqtt.robust2: simple2 with a queue, and a loop that the application runs.

import sys

try:
    import ssl

    sys.modules["ussl"] = ssl
except ImportError:
    ssl = None

from umqtt.robust2 import MQTTClient

IMPORTS = "umqtt.robust2"
# With more than ten equal messages in flight it raises KeyError.
WINDOW = 8


def open(host, port, name, keep_alive=0, ca=None):
    client = MQTTClient(name, host, port, keepalive=keep_alive, ssl=bool(ca))
    client.connect()
    if client.is_conn_issue():
        raise OSError
    return client


def handle(client, handler):
    client.set_callback(handler)


def listen(client, topic_filter, qos, handler):
    handle(client, handler)
    client.subscribe(topic_filter, qos)
    _drain(client, 0)


def _drain(client, left):
    while client.things_to_do() > left:
        client.check_msg()


def publish(client, topic, payload, qos):
    client.publish(topic, payload, qos=qos)
    if qos:
        _drain(client, 0)


def burst(client, topic, payload, qos, count):
    for _ in range(count):
        client.publish(topic, payload, qos=qos)
        if qos:
            _drain(client, WINDOW - 1)
    _drain(client, 0)


def take(client):
    client.check_msg()


def serve(client, wanted):
    while wanted():
        client.check_msg()


def persist(host, port, name, keep_alive, topic, payloads):
    client = open(host, port, name, keep_alive)
    for payload in payloads:
        client.publish(topic, payload, qos=1)
        while client.things_to_do():
            while client.is_conn_issue():
                client.reconnect()
            client.check_msg()
            client.send_queue()
