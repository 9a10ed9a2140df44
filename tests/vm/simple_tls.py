"""The way to the broker: addresses and TLS."""

import socket
import sys
from errno import ETIMEDOUT
from time import ticks_diff, ticks_ms

from simple_common import HOST, made, main, raised, until

import names
from mqtt import simple


def name_resolved_anew(port):
    class Module:
        SOCK_STREAM = socket.SOCK_STREAM
        socket = socket.socket
        names = []

        @staticmethod
        def getaddrinfo(host, port, *rest):
            # The first address is dead: each time, and each is tried.
            Module.names.append(host)
            dead = socket.getaddrinfo(HOST, 1, *rest)
            return dead + socket.getaddrinfo(HOST, port, *rest)

    simple.socket = Module
    client, _ = made(port)
    client.server = "broker.example"
    for _ in range(2):
        client.connect()
        client.publish(b"t", b"m", qos=1)
        client.disconnect()
    assert Module.names == ["broker.example"] * 2
    client.port = 1
    error, ms = raised(OSError, client.connect)
    assert error.errno != ETIMEDOUT and ms < 900 and client.sock is None, error


def over_tls(port, way, ca):
    """All over TLS: `way` is context, verified or legacy."""
    client, got = secure(port, way, ca)
    client.connect()
    assert client.check_msg() is None
    client.subscribe(b"tls", 1)
    client.publish(b"tls", b"x" * 500, qos=1)
    until(lambda: got, client.check_msg)
    start = ticks_ms()
    assert client.check_msg() is None and ticks_diff(ticks_ms(), start) < 500
    client.publish_many((b"tls", b"%d" % i) for i in range(20))
    until(lambda: len(got) == 21, client.wait_msg)
    client.disconnect()


def secure(port, way, ca):
    import ssl

    if way == "legacy":
        return made(port, "tls", ssl=True, ssl_params={"server_hostname": "localhost"})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client, got = made(port, "tls", ssl=context)
    if way == "verified":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=ca)
        simple.socket = names
        client.server = "localhost"
    return client, got


def tls_of_a_stranger(port, ca):
    client, _ = secure(port, "verified", ca)
    raised((OSError, ValueError), client.connect)
    assert client.sock is None


def tls_stalls(port, where):
    """The handshake never ends, or the peer falls silent behind it."""
    client, _ = secure(port, "context", "")
    client.timeout = 0.5
    if where == "later":
        client.connect()
        client.check_msg()
        error, ms = raised(OSError, client.wait_msg)
    else:
        error, ms = raised(OSError, client.connect)
    assert error.errno == ETIMEDOUT and ms < 2500 and client.sock is None, (error, ms)


main(globals(), *sys.argv[1:])
