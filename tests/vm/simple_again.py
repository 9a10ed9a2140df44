"""What goes on after a lost connection, with umqtt.robust's class too."""

import sys

from simple_common import made, main, raised, until

from mqtt import robust


def sent_again(port):
    """A QoS 1 publish whose acknowledgement was lost goes out again after connect()."""
    client, _ = made(port)
    client.connect()
    payload = bytearray(b"first")
    raised(OSError, client.publish, b"t", payload, qos=1)
    payload[0] = 0
    client.connect(False)
    client.publish(b"t", b"second", qos=1)


def robust_publishes(port):
    client, _ = made(port, cls=robust.MQTTClient)
    client.timeout = 0.4
    client.DEBUG = True
    client.delay = lambda i: None
    client.connect(False)
    for i in range(6):
        client.publish(b"t", b"%d" % i, qos=1)
    client.publish_many([(b"t", b"%d" % i) for i in range(6, 20)])
    client.disconnect()


def robust_before_connect(port):
    """umqtt.robust's programs may begin with any call."""
    client, got = made(port, "early", cls=robust.MQTTClient)
    delays = []
    client.delay = delays.append
    client.publish(b"early", b"x", qos=1)
    client.subscribe(b"early")
    client.publish(b"early", b"y")
    assert client.wait_msg() == 0x30 and got == [(b"early", b"y")] and not delays
    client.disconnect()
    assert client.check_msg() is None and client.sock
    client.port = 1
    client.disconnect()
    reconnects = []

    def delay(i):
        reconnects.append(i)
        client.port = int(port) if i == 3 else 1

    client.delay = delay
    client.publish(b"early", b"z")
    assert reconnects == [1, 2, 3]
    # Subscribed anew, for the session was clean.
    client.publish(b"early", b"again", qos=1)
    until(lambda: (b"early", b"again") in got, client.wait_msg)


def robust_sub(port, got_wanted):
    """umqtt.robust's way of receiving: it may never return otherwise."""
    client, got = made(port, cls=robust.MQTTClient)
    client.delay = lambda i: None
    if not client.connect(clean_session=False):
        client.subscribe(b"t")
    until(lambda: len(got) >= int(got_wanted), client.wait_msg)
    until(lambda: len(got) >= 2 * int(got_wanted), client.check_msg)


def subscribes_anew(port):
    client, got = made(port)
    client.connect()
    client.subscribe(b"a", 1)
    client.subscribe(b"b")
    client.subscribe(b"c")
    client.unsubscribe(b"c")
    raised(OSError, until, lambda: False, client.wait_msg)
    client.connect(False)
    until(lambda: got, client.wait_msg)


main(globals(), *sys.argv[1:])
