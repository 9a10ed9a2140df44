"""What umqtt.simple's documentation says, against a real broker."""

import sys

from simple_common import made, main, until


def session_present(port):
    client, _ = made(port, "present")
    assert client.connect() == False  # noqa: E712 - umqtt's is 0
    client.disconnect()
    assert not client.connect(False)
    client.disconnect()
    assert client.connect(clean_session=False, timeout=2) == True  # noqa: E712
    assert client.timeout == 2
    client.disconnect()


def messages_of_all_kinds(port):
    client, got = made(port, "kinds")
    client.connect()
    client.subscribe(b"kinds/+", 1)
    for topic, msg, qos in (
        (b"kinds/a", b"bytes", 0),
        ("kinds/b", "str ü", 1),
        (b"kinds/c", bytearray(b"array"), 1),
        (b"kinds/d", memoryview(b"view"), 0),
        (b"kinds/e", b"", 1),
        ("kinds/ü", b"x" * 900, 0),
    ):
        client.publish(topic, msg, qos=qos)
        until(lambda: got, client.wait_msg)
        raw = topic.encode() if isinstance(topic, str) else topic
        assert got.pop() == (raw, msg.encode() if isinstance(msg, str) else bytes(msg)), topic
    client.publish(b"kinds/a", b"gone", True)
    until(lambda: got, client.wait_msg)
    client.unsubscribe(b"kinds/+")
    client.publish(b"kinds/a", b"nobody hears it", qos=1)
    client.subscribe("kinds/a")
    until(lambda: len(got) == 2, client.wait_msg)
    assert got[1] == (b"kinds/a", b"gone")
    client.publish(b"kinds/a", b"", True)
    client.disconnect()


def return_values(port):
    client, got = made(port, "values")
    client.connect()
    assert client.check_msg() is None
    client.subscribe(b"values", 1)
    client.publish(b"values", b"0")
    assert client.wait_msg() == 0x30 and len(got) == 1
    assert client.check_msg() is None and len(got) == 1
    client.publish(b"values", b"1", qos=1)
    until(lambda: len(got) == 2, client.check_msg)
    client.ping()
    assert client.wait_msg() is None
    # Two messages, two calls.
    client.publish_many([(b"values", b"2"), (b"values", b"3")], qos=0)
    assert client.wait_msg() == 0x30 and client.wait_msg() == 0x30 and len(got) == 4
    client.disconnect()
    client.disconnect()


def last_will(port):
    client, got = made(port, "watcher")
    client.connect()
    client.subscribe(b"will/#")
    lost, _ = made(port, "lost")
    lost.set_last_will(b"will/lost", b"gone", False, 1)
    lost.connect()
    lost.sock.close()
    until(lambda: got, client.wait_msg)
    assert got == [(b"will/lost", b"gone")]
    lost.sock = None
    lost.connect()
    lost.disconnect()
    client.publish(b"will/none", b"", qos=1)
    until(lambda: len(got) == 2, client.wait_msg)
    assert got[1][0] == b"will/none"


def views(port):
    client, _ = made(port, "views")
    got = []
    client.set_callback(lambda *args: got.append((bytes(args[0]), bytes(args[1]), args[2])), True)
    client.connect()
    client.publish(b"views/kept", b"1", True, 1)
    client.subscribe(b"views/#", 1)
    client.publish(b"views/new", b"2", qos=1)
    until(lambda: len(got) == 2, client.wait_msg)
    assert got == [(b"views/kept", b"1", True), (b"views/new", b"2", False)]
    client.publish(b"views/kept", b"", True)
    client.disconnect()


def many(port):
    client, _ = made(port, "many", window=16)
    client.timeout = 10
    client.connect()
    other, _ = made(port, "counter")
    numbers = [0]

    def count(topic, msg):
        assert int(msg) == numbers[0]
        numbers[0] += 1

    other.set_callback(count)
    other.connect()
    other.subscribe(b"many", 1)
    client.publish_many(("many", b"%d" % i) for i in range(1000))
    until(lambda: numbers[0] == 1000, other.check_msg)
    client.disconnect()
    other.disconnect()


def identifiers_wrap(port):
    client, _ = made(port, "wrap", window=16)
    client.timeout = 20
    client.connect()
    client.publish_many((b"wrap", b"") for _ in range(66_000))
    client.publish(b"wrap", b"last", qos=1)
    client.disconnect()


main(globals(), *sys.argv[1:])
