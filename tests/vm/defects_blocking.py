"""The blocking fronts' side of test_defects.py."""

import sys
from errno import ETIMEDOUT
from time import ticks_diff, ticks_ms

from simple_common import made, main, raised, until

from mqtt import robust
from mqtt.simple import MQTTException


def stalls(port):
    """A publish that nobody answers ends in time; it is kept for the next connection."""
    client, _ = made(port, "stalls")
    client.timeout = 0.6
    client.connect(False)
    client.publish(b"stalls/0", b"", qos=1)
    error, ms = raised(OSError, client.publish, b"stalls/1", b"", qos=1)
    assert error.errno == ETIMEDOUT and ms < 1500 and client.sock is None, (error, ms)
    client.connect(False)
    client.publish(b"stalls/2", b"", qos=1)
    client.disconnect()


def callback_publishes(port):
    """The callback publishes at QoS 1, and the link breaks within."""
    client, _ = made(port, "callback", robust.MQTTClient)
    client.delay = lambda i: None
    # QoS 1 asks come again after the link broke, and so do their answers.
    wanted = set(range(6))

    def callback(topic, msg):
        if topic == b"callback/ask":
            client.publish(b"callback/answer", msg, qos=1)
        else:
            wanted.discard(int(msg))

    client.set_callback(callback)
    client.connect(False)
    client.subscribe(b"callback/#", 1)
    for i in range(6):
        client.publish(b"callback/ask", b"%d" % i, qos=1)
    until(lambda: not wanted, client.wait_msg)
    client.disconnect()


def refused_subscription(port):
    """0x80 is told, and the connection stays."""
    client, got = made(port, "refused", robust.MQTTClient)
    client.connect()
    error, _ = raised(MQTTException, client.subscribe, b"refused/a")
    assert error.args[0] == 0x80, error
    client.subscribe(b"refused/b", 1)
    client.publish(b"refused/b", b"x", qos=1)
    until(lambda: got, client.wait_msg)
    client.disconnect()


def waits_without_a_broker(port):
    client, got = made(port, "waits", robust.MQTTClient)
    client.DELAY = 0.2
    client.connect(False)
    client.subscribe(b"waits", 1)
    # The link ends here; what is published behind it comes through the next one.
    client.publish(b"waits", b"x", qos=1)
    until(lambda: got, client.wait_msg)
    client.disconnect()


def long_callback(port):
    """A callback that takes its time can keep the link alive, and check_msg does by itself."""
    client, _ = made(port, "long", keepalive=1)
    client.timeout = 5
    done = []

    def callback(topic, msg):
        for _ in range(2):
            busy(800)
            client.ping()
        done.append(msg)

    client.set_callback(callback)
    client.connect()
    client.subscribe(b"long", 1)
    client.publish(b"long", b"", qos=1)
    until(lambda: done, client.check_msg)
    start = ticks_ms()
    until(lambda: ticks_diff(ticks_ms(), start) > 900, client.check_msg)
    client.publish(b"long/end", b"", qos=1)
    client.disconnect()


def busy(ms):
    start = ticks_ms()
    while ticks_diff(ticks_ms(), start) < ms:
        pass


def answered_while_busy(port):
    """The callback outlasts the patience of the publish, whose answer came meanwhile."""
    client, _ = made(port, "busy")
    client.timeout = 0.5
    client.set_callback(lambda topic, msg: busy(700))
    client.connect()
    client.subscribe(b"busy", 1)
    client.publish(b"busy", b"", qos=1)
    client.disconnect()


def broken_tls(port):
    """check_msg never blocks over TLS, and a link that breaks shows."""
    import ssl

    client, got = made(port, "tls", keepalive=1, ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    client.connect(False)
    client.subscribe(b"tls/#", 1)
    client.publish(b"tls/0", b"", qos=1)
    # All that was asked is answered: from here on the link may break.
    client.publish(b"tls/ready", b"")
    longest = 0

    def check():
        nonlocal longest
        start = ticks_ms()
        try:
            client.check_msg()
        finally:
            longest = max(longest, ticks_diff(ticks_ms(), start))

    raised(OSError, until, lambda: False, check)
    assert longest < 300 and client.sock is None, longest
    client.connect(False)
    client.publish(b"tls/1", b"", qos=1)
    until(lambda: (b"tls/1", b"") in got, client.check_msg)
    client.disconnect()


def short_writes(port):
    client, _ = made(port, "short", window=2, buffer=6_000)
    client.timeout = 5
    client.connect()
    # Linux's SOL_SOCKET and SO_SNDBUF: less than a write.
    client.sock.setsockopt(1, 7, 4096)
    client.publish(b"short/0", b"", qos=1)
    client.publish(b"short/1", bytes(range(256)) * 120, qos=1)
    client.publish(b"short/2", b"", qos=1)
    client.disconnect()


main(globals(), *sys.argv[1:])
