"""What a callback may do, and the edges of arguments, against a real broker."""

import sys
from errno import ENOTCONN

from simple_common import made, main, raised, until

from mqtt import robust


def callback_publishes_and_subscribes(port):
    client, _ = made(port, "callback")
    got = []

    def callback(topic, msg):
        if topic == b"cb/ask":
            client.publish(b"cb/answer", msg, qos=1)
            client.publish(b"cb/zero", msg)
            if msg == b"0":
                client.subscribe(b"cb/answer", 1)
                client.subscribe(b"cb/late")
                client.unsubscribe(b"cb/zero")
            assert client.wait_msg() is client.check_msg()
        else:
            got.append((topic, msg))

    client.set_callback(callback)
    client.connect()
    client.subscribe(b"cb/ask", 1)
    # Far more answers than the window holds, and all of them before any acknowledgement.
    client.publish_many([(b"cb/ask", b"%d" % i) for i in range(60)])
    until(lambda: (b"cb/answer", b"59") in got, client.wait_msg)
    answers = [int(msg) for topic, msg in got if topic == b"cb/answer"]
    assert answers == list(range(answers[0], 60)), answers
    client.publish(b"cb/late", b"x", qos=1)
    until(lambda: (b"cb/late", b"x") in got, client.wait_msg)
    client.disconnect()


def callback_raises(port):
    client, got = made(port, "raises", cls=robust.MQTTClient)
    client.connect()

    def callback(topic, msg):
        got.append(msg)
        raise ValueError("from the callback") if len(got) < 3 else OSError(5)

    client.set_callback(callback)
    client.subscribe(b"raises", 1)
    client.publish(b"raises", b"a")
    raised(ValueError, client.wait_msg)
    client.publish(b"raises", b"b")
    raised(ValueError, until, lambda: False, client.check_msg)
    # An OSError of its own is not taken for a lost connection.
    client.publish(b"raises", b"c")
    error, _ = raised(OSError, client.wait_msg)
    assert error.errno == 5 and client.sock
    raised(OSError, client.publish_many, [(b"raises", b"%d" % i) for i in range(9)])
    client.set_callback(lambda topic, msg: got.append(msg))
    client.publish(b"raises", b"last", qos=1)
    until(lambda: b"last" in got, client.wait_msg)
    client.disconnect()


def callback_disconnects(port):
    client, got = made(port, "bye")
    client.connect()
    client.set_callback(lambda topic, msg: client.disconnect())
    client.subscribe(b"bye", 1)
    client.publish(b"bye", b"x")
    assert client.wait_msg() == 0x30 and client.sock is None
    client.connect()
    client.publish(b"bye", b"x")
    until(lambda: client.sock is None, client.check_msg)


def larger_than_the_buffer(port):
    client, got = made(port, "large", buffer=128)
    client.timeout = 5
    client.connect()
    client.subscribe(b"large", 1)
    client.publish(b"large", bytes(9_000), qos=1)
    client.publish(b"large", bytes(5_000))
    client.publish(b"large", b"small", qos=1)
    until(lambda: got, client.wait_msg)
    assert got == [(b"large", b"small")]
    raised(ValueError, client.publish, b"l" * 200, b"")
    raised(ValueError, client.publish, b"l" * 200, b"", qos=1)
    client.subscribe(b"l" * 200)
    client.publish(b"large", b"still here", qos=1)
    client.disconnect()


def wrong_arguments(port):
    client, _ = made(port, "wrong")
    for call in (client.publish, client.ping, client.wait_msg, client.check_msg):
        args = (b"t", b"m") if call == client.publish else ()
        error, _ = raised(OSError, call, *args)
        assert error.errno == ENOTCONN
    client.connect()
    raised(ValueError, client.publish, b"a/+", b"")
    raised(ValueError, client.publish, b"a/#", b"", qos=1)
    raised(ValueError, client.publish, b"", b"")
    raised(ValueError, client.publish, b"a", b"", qos=2)
    raised(ValueError, client.subscribe, b"a#")
    raised(ValueError, client.subscribe, b"a", 2)
    raised(ValueError, client.set_last_will, b"#", b"")
    client.set_callback(None)
    raised(ValueError, client.subscribe, b"a")
    client.publish(b"a", b"", qos=1)
    client.set_last_will(b"a", b"", qos=3)
    raised(ValueError, client.connect)
    assert client.sock is None
    error, _ = raised(OSError, client.publish, b"a", b"", qos=1)
    assert error.errno == ENOTCONN


main(globals(), *sys.argv[1:])
