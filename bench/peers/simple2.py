# umqtt.simple2: publish at QoS 1 doesn't wait, check_msg takes the acknowledgements.

import sys

try:
    import ssl

    sys.modules["ussl"] = ssl
except ImportError:
    ssl = None

from umqtt.simple2 import MQTTClient, MQTTException

IMPORTS = "umqtt.simple2"
WINDOW = 16


def open(host, port, name, keep_alive=0, ca=None):
    client = MQTTClient(name, host, port, keepalive=keep_alive, ssl=bool(ca))
    client.connect()
    return client


def handle(client, handler):
    client.set_callback(handler)


def listen(client, topic_filter, qos, handler):
    handle(client, handler)
    client.subscribe(topic_filter, qos)
    _drain(client, 0)


def _drain(client, left):
    while len(client.rcv_pids) > left:
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
    # What fails or is not acknowledged in time the application publishes again.
    client = None
    outcome = []
    for payload in payloads:
        while True:
            try:
                if client is None:
                    client = open(host, port, name, keep_alive)
                    client.set_callback_status(lambda packet_id, status: outcome.append(status))
                outcome.clear()
                client.publish(topic, payload, qos=1)
                while not outcome:
                    client.check_msg()
                if outcome[0] == 1:
                    break
            except (OSError, MQTTException):
                pass
            client = None
