"""What a program does to its sockets at the wrong moment harms no board."""

import contextlib
import socket
import threading

import pytest

pytestmark = pytest.mark.both


@pytest.fixture
def repeater(air):
    """Answers each datagram twice, as datagrams.example."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        air.hosts["datagrams.example"] = server.getsockname()
        thread = threading.Thread(target=_repeat, args=(server,), daemon=True)
        thread.start()
        yield
        server.sendto(b"", server.getsockname())
        thread.join(5)


def _repeat(server):
    while True:
        data, peer = server.recvfrom(100)
        if not data:
            return
        # OSError: whoever asked has gone.
        with contextlib.suppress(OSError):
            server.sendto(data, peer)
            server.sendto(data, peer)


DATAGRAMS = """
import join, socket, time
to = socket.getaddrinfo("datagrams.example", 7)[0][-1]
for pause in (0, 1, 5) * 5:
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.sendto(b"?", to)
    time.sleep_ms(pause)
    ask.close()
last = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
last.sendto(b"still here", to)
print(last.recvfrom(20)[0])
last.close()
"""


def test_a_datagram_nobody_reads_any_more(run, repeater):
    assert "b'still here'" in run(DATAGRAMS).console


CONNECTIONS = """
import join, link, socket
to = socket.getaddrinfo("peer.example", 7)[0][-1]
for _ in range(40):
    made = socket.socket()
    made.setblocking(False)
    try:
        made.connect(to)
    except OSError:
        pass
    made.close()
made = link.connect()
made.write(b"echo still here\\n")
print(made.readline())
made.close()
"""


def test_a_connection_given_up_before_it_stands(run, peer):
    assert r"b'still here\n'" in run(CONNECTIONS).console


WITHOUT_PEER = """
import join, socket
ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for text in (b"?", b"more than an address"):
    try:
        ask.send(text)
    except OSError:
        print("refused", len(text))
ask.close()
"""


def test_a_datagram_to_nobody_is_refused(run):
    lines = run(WITHOUT_PEER).console.splitlines()
    assert {"refused 1", "refused 20"} <= set(lines)


TOO_LARGE = """
import esp32, join, socket
listener = socket.socket()
for name, call in (
    ("port", lambda: listener.bind(("0.0.0.0", 70_000))),
    ("number", lambda: esp32.NVS("here").set_i32("key", 1 << 40)),
):
    try:
        call()
    except OverflowError:
        print(name, "too large")
listener.close()
"""


def test_numbers_too_large_are_told_to_the_program(run):
    lines = run(TOO_LARGE).console.splitlines()
    assert {"port too large", "number too large"} <= set(lines)
