"""Against scripted servers that do not answer, lie or go."""

import sys
from errno import ETIMEDOUT
from time import ticks_diff, ticks_ms

from simple_common import made, main, raised, until

from mqtt.simple import MQTTException


def connects_and_publishes(port):
    """Says all that CONNECT can hold."""
    client, _ = made(port, "full", user="me", password="secret", keepalive=300)
    client.set_last_will("w", "t", True, 1)
    client.connect(False)
    client.publish(b"t", b"m", True, 1)
    client.disconnect()


def refused(port):
    client, _ = made(port)
    error, _ = raised(MQTTException, client.connect)
    assert error.args[0] == 5 and "password" in error.args[1], error
    assert client.sock is None


def refused_subscription(port):
    client, _ = made(port)
    client.connect()
    error, _ = raised(MQTTException, client.subscribe, b"secret")
    assert error.args[0] == 0x80 and "secret" in error.args[1], error
    client.subscribe(b"open", 1)
    client.publish(b"t", b"m", qos=1)
    client.connect()


def no_answer(port, call, least, most):
    """`call` raises ETIMEDOUT after least to most ms."""
    client, _ = made(port)
    client.timeout = 0.4
    if call != "connect":
        client.connect()
        # What wipes the time limit of umqtt's socket.
        client.check_msg()
    args = {"publish": (b"t", b"m", False, 1), "subscribe": (b"t",), "unsubscribe": (b"t",)}
    error, ms = raised(OSError, getattr(client, call), *args.get(call, ()))
    assert error.errno == ETIMEDOUT, error
    assert int(least) <= ms <= int(most), ms
    assert client.sock is None


def stalled_output(port):
    client, _ = made(port)
    client.timeout = 0.3
    client.connect()
    error, ms = raised(OSError, until, lambda: False, lambda: client.publish(b"t", bytes(5000)))
    assert error.errno == ETIMEDOUT and ms >= 290


def no_end_of_messages(port):
    """Messages come and come, but the acknowledgement does not."""
    client, _ = made(port)
    client.set_callback(lambda topic, msg: None)
    client.timeout = 0.4
    client.connect()
    client.check_msg()
    error, ms = raised(OSError, client.publish, b"t", b"m", qos=1)
    assert error.errno == ETIMEDOUT and ms < 2000


def disconnect_waits(port):
    client, _ = made(port)
    client.timeout = 0.4
    client.set_callback(lambda topic, msg: client.publish(b"answer", msg, qos=1))
    client.connect()
    client.wait_msg()
    client.disconnect()


def closed_by_the_broker(port, call):
    client, _ = made(port)
    client.connect()
    client.publish(b"t", b"close", qos=0)
    args = (b"t", b"m", False, 1) if call == "publish" else ()
    error, ms = raised(OSError, until, lambda: False, lambda: getattr(client, call)(*args))
    assert error.errno != ETIMEDOUT and ms < 900, (error, ms)
    assert client.sock is None
    client.connect()


def protocol_error(port):
    client, _ = made(port)
    client.connect()
    client.publish(b"go", b"")
    error, ms = raised(OSError, until, lambda: False, client.check_msg)
    assert "(" in str(error) and ms < 900, error
    assert client.sock is None


def stray_acknowledgements(port):
    client, got = made(port)
    client.connect()
    for i in range(3):
        client.publish(b"t", b"%d" % i, qos=1)
    client.publish(b"go", b"")
    until(lambda: got, client.wait_msg)
    client.publish(b"t", b"last", qos=1)


def keeps_alive(port):
    """check_msg pings by itself; its answer missing is an error."""
    client, _ = made(port, keepalive=1)
    client.connect()
    error, ms = raised(OSError, until, lambda: False, client.check_msg)
    assert error.errno == ETIMEDOUT and 1500 < ms < 10_000, (error, ms)


def late_reader(port):
    """What came while the program was busy is not overdue."""
    client, got = made(port, keepalive=1)
    client.connect()
    client.ping()
    client.publish(b"busy", b"")
    start = ticks_ms()
    while ticks_diff(ticks_ms(), start) < 700:  # busy for longer than an answer may take
        pass
    until(lambda: got, client.check_msg)


def silent_link(port):
    client, _ = made(port)
    client.timeout = 0.2
    client.connect()
    assert client.wait_msg() is None
    error, ms = raised(OSError, client.wait_msg)
    assert error.errno == ETIMEDOUT and 190 <= ms < 1500


def lying_lengths(port):
    client, got = made(port, buffer=256)
    client.connect()
    client.publish(b"go", b"")
    raised(OSError, until, lambda: False, client.wait_msg)
    assert not got


main(globals(), *sys.argv[1:])
