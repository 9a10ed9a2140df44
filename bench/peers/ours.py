# mqtt.simple, blocking; mqtt.robust where the link is to come back by itself.

from mqtt.simple import MQTTClient

IMPORTS = "mqtt.simple"
WINDOW = 16


def open(host, port, name, keep_alive=0, ca=None):
    context = None
    if ca:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ca)
    client = MQTTClient(name, host, port, keepalive=keep_alive, ssl=context, window=WINDOW)
    client.connect()
    return client


def handle(client, handler):
    client.set_callback(handler, views=True)


def listen(client, topic_filter, qos, handler):
    handle(client, handler)
    client.subscribe(topic_filter, qos)


def publish(client, topic, payload, qos):
    client.publish(topic, payload, qos=qos)


def burst(client, topic, payload, qos, count):
    if qos:
        client.publish_many((topic, payload) for _ in range(count))
        return
    for _ in range(count):
        client.publish(topic, payload)


def take(client):
    client.check_msg()


def serve(client, wanted):
    while wanted():
        client.wait_msg()
        client.check_msg()


def persist(host, port, name, keep_alive, topic, payloads):
    from mqtt import robust

    client = robust.MQTTClient(name, host, port, keepalive=keep_alive)
    client.reconnect()
    for payload in payloads:
        client.publish(topic, payload, qos=1)
