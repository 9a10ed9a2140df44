"""Wi-Fi as the ESP32's driver shows it, and what happens to connections when it goes."""

import contextlib
import errno
import socket

import pytest

from vboard import AccessPoint
from vm import told

pytestmark = pytest.mark.both

# Prints each status that shows for the first time since the last one.
WATCH = """
import network, time
wlan = network.WLAN(network.WLAN.IF_STA)
def attempt(*args, **keywords):
    try:
        return args[0](*args[1:], **keywords)
    except OSError as error:
        print("error", error.args[0])
def watch(until=0, ms=10_000):
    last, began = None, time.ticks_ms()
    while last != until and time.ticks_diff(time.ticks_ms(), began) < ms:
        if wlan.status() != last:
            last = wlan.status()
            print("status", last, wlan.isconnected())
        time.sleep_ms(1)
"""


@pytest.fixture
def station(make_board):
    """Returns station(source): a board that is on and runs it, with WATCH's names."""

    def station(source, **files):
        board = make_board("from watch import *\n" + source, watch=WATCH, **files)
        board.power_on()
        return board

    return station


def test_joining(station):
    board = station(
        "attempt(wlan.connect, 'fieldpost', 'fieldpost-sim')\n"
        "attempt(wlan.disconnect)\n"
        "print(wlan.active(), wlan.active(True), wlan.active())\n"
        "watch(1000); wlan.connect('fieldpost', 'fieldpost-sim'); watch(1010)\n"
        "print(wlan.ifconfig()[0], -90 < wlan.status('rssi') < -30)\n"
        "attempt(wlan.connect, 'fieldpost', 'fieldpost-sim')\n"
        "wlan.disconnect(); watch(1000); print(wlan.ifconfig()[0])\n"
        "attempt(wlan.status, 'rssi')\n"
        "wlan.connect(); watch(1000, 5); watch(1010)\n"
        "wlan.active(False); watch(1000)\n"
    )
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "error Wifi Not Started",
        "error Wifi Not Started",
        "False True True",
        "status 1000 False",
        "status 1001 False",
        "status 1010 True",
        "127.0.0.1 True",
        "error Wifi Internal Error",
        "status 1000 False",
        "0.0.0.0",
        "error Wifi Not Connected",
        # As after any disconnect(), until something comes of it.
        "status 1000 False",
        "status 1000 False",
        "status 1010 True",
        "status 1000 False",
    ]


def test_second_connect_while_connecting(station):
    board = station(
        "wlan.active(True); wlan.connect('fieldpost', 'fieldpost-sim')\n"
        "attempt(wlan.connect, 'fieldpost', 'fieldpost-sim')\n"
        "wlan.disconnect(); attempt(wlan.connect, 'fieldpost', 'fieldpost-sim'); watch(1010)\n"
    )
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "error Wifi Internal Error",
        "status 1000 False",
        "status 1010 True",
    ]


@pytest.mark.parametrize(
    "ssid, key, reason", [("fieldpost", "wrong", 202), ("fieldpost", None, 202), ("no", "x", 201)]
)
def test_vain_attempts_show_their_reason_while_the_driver_tries_on(station, ssid, key, reason):
    board = station(
        f"wlan.active(True); wlan.connect({ssid!r}, {key!r}); watch({reason}); watch(0, 200)\n"
    )
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "status 1001 False",
        f"status {reason} False",
        f"status {reason} False",
    ]
    assert board.radio._failures > 1


def test_network_that_turns_up_is_joined(station, air):
    board = station("wlan.active(True); wlan.connect('late', None); watch(201); watch(1010)\n")
    board.wait_console("status 201")
    air.add(AccessPoint("late", None))
    board.wait_console("status 1010")


def test_password_of_an_access_point_may_change(station, air):
    board = station(
        "wlan.active(True); wlan.connect('fieldpost', 'fieldpost-sim'); watch(1010); watch(202)\n"
        "watch(1010)\n"
    )
    board.wait_console("status 1010")
    since = board.mark()
    point = air.access_points["fieldpost"]
    point.password = "other"
    point.kick()
    board.wait_console("status 202")
    point.password = "fieldpost-sim"
    board.wait_console("status 1010", since=since)


@pytest.mark.parametrize("reconnects", [0, 2])
def test_reconnects_limits_the_attempts(station, reconnects):
    board = station(
        f"wlan.active(True); wlan.config(reconnects={reconnects})\n"
        "print(wlan.config('reconnects'))\n"
        "wlan.connect('no', 'x'); watch(201); watch(0, 400)\n"
        # It has given up: a new attempt is no error.
        "wlan.connect('fieldpost', 'fieldpost-sim'); watch(1010)\n"
    )
    board.wait_console("status 201")
    board.wait_state("repl")
    assert told(board).splitlines()[0] == str(reconnects)
    assert told(board).splitlines()[-2:] == ["status 201 False", "status 1010 True"]
    assert board.radio._failures == 0


def test_without_reconnects_a_lost_link_stays_lost(station, air):
    board = station(
        "wlan.active(True); wlan.config(reconnects=0)\n"
        "wlan.connect('fieldpost', 'fieldpost-sim'); watch(1010); watch(200); watch(0, 100)\n"
        "wlan.config(reconnects=-1); print(wlan.config('reconnects'))\n"
    )
    board.wait_console("status 1010")
    air.access_points["fieldpost"].up = False
    board.wait_state("repl")
    assert told(board).splitlines()[-3:] == ["status 200 False", "status 200 False", "-1"]


def test_access_point_gone_is_noticed_late_and_joined_when_it_is_back(station, air, peer):
    board = station(
        "import link, socket\n"
        "sock = link.connect(); sock.settimeout(0.02)\n"
        "sock.write(b'echo 1\\n'); print(sock.read(2))\n"
        "print('linked')\n"
        "while sock: \n"
        "    try: sock.write(b'echo 2\\n'); sock.read(1)\n"
        "    except OSError as e: sock = None; print('silence', wlan.isconnected())\n"
        "other = socket.socket()\n"
        "attempt(other.connect, ('127.0.0.1', 7))\n"
        "attempt(socket.getaddrinfo, 'peer.example', 7)\n"
        "watch(1001); watch(201); watch(1010)\n"
        "other.connect(('peer.example', 7)); other.write(b'end\\n')\n"
        "print('back', other.read(9))\n"
    )
    air.beacon_timeout_s = 0.4
    board.wait_console("linked")
    air.access_points["fieldpost"].up = False
    board.wait_console("silence True")
    words = peer.words(0)
    board.wait_console("error -202")
    board.wait_console("status 1001")
    board.wait_console("status 201")
    air.access_points["fieldpost"].up = True
    board.wait_console("back b''")
    # Nothing came through since, no FIN either.
    assert peer.words(0) == words and "FIN" not in words
    lines = told(board).splitlines()
    assert lines[lines.index("silence True") + 1 :][:3] == [
        f"error {errno.EHOSTUNREACH}",
        "error -202",
        "status 1010 True",
    ]


def test_access_point_that_was_off_for_a_moment_knows_no_station(station, air, peer):
    board = station(
        "import link\nsock = link.connect()\nprint('linked')\nwatch(1001); watch(1010)"
    )
    air.beacon_timeout_s = 1000
    board.wait_console("linked")
    since = board.mark()
    air.access_points["fieldpost"].up = False
    air.access_points["fieldpost"].up = True
    board.wait_console("status 1001", since=since)
    board.wait_console("status 1010", since=since)
    assert peer.words(0) == []


def test_kick_cuts_and_rejoins_at_once(station, air, peer):
    board = station(
        "import link\nsock = link.connect()\nprint('linked')\nwatch(1001); watch(1010)\n"
        "sock.settimeout(0.02)\n"
        "attempt(sock.read, 1)\n"
        # Of the link's end the socket doesn't know: TCP_NODELAY may be set.
        "sock.setsockopt(6, 1, 0)\n"
        "print('dead')\n"
        "while not sock.read(1): pass\n"
    )
    board.wait_console("linked")
    since = board.mark()
    air.access_points["fieldpost"].kick()
    board.wait_console("status 1010", since=since)
    board.wait_console("dead")
    board.power_off()
    assert peer.words(0) == []


@pytest.fixture
def silent_port():
    """The port of a server that answers nobody: more connections wait for it than may."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_connection_in_the_making_never_gets_made_when_the_network_goes(station, air, silent_port):
    board = station(
        "import asyncio, join, select, socket\n"
        "sock = socket.socket(); sock.setblocking(False)\n"
        "poll = select.poll(); poll.register(sock, select.POLLOUT)\n"
        f"attempt(sock.connect, ('127.0.0.1', {silent_port}))\n"
        "watch(1000, 20); print('begun'); watch(1001)\n"
        "print('ready', poll.poll(30))\n"
    )
    board.wait_console("begun")
    air.access_points["fieldpost"].kick()
    board.wait_state("repl")
    assert told(board).endswith("ready []")


def test_sockets_need_a_network(station, air):
    board = station(
        "import errno, socket\n"
        "for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
        "    sock = socket.socket(socket.AF_INET, kind)\n"
        "    try: sock.connect(('127.0.0.1', 7)) if kind == 1 else sock.sendto(b'', ('::', 7))\n"
        "    except OSError as error: print(error.errno == errno.EHOSTUNREACH)\n"
        "    sock.close()\n"
        "attempt(socket.getaddrinfo, 'localhost', 7)\n"
    )
    board.wait_state("repl")
    assert told(board).splitlines() == ["True", "True", "error -202"]


def test_names_are_the_air_s(station, air, peer):
    board = station(
        "import join, socket\n"
        "print(socket.getaddrinfo('peer.example', 1)[0][-1][1])\n"
        "print(socket.getaddrinfo('127.0.0.1', 8883)[0])\n"
        "attempt(socket.getaddrinfo, 'no-such-name.invalid', 7)\n"
    )
    board.wait_state("repl")
    assert told(board).splitlines() == [
        str(peer.port),
        "(2, 1, 0, '', ('127.0.0.1', 8883))",
        "error -202",
    ]


def test_time_server(station, air):
    server = air.serve_time()
    board = station(
        "import join, socket, struct\n"
        "def ask():\n"
        "    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    sock.settimeout(0.05 if asked else 5)\n"
        "    request = bytearray(48); request[0] = 0x23; request[40:48] = b'12345678'\n"
        "    sock.sendto(request, socket.getaddrinfo('pool.ntp.org', 123)[0][-1])\n"
        "    return sock.recv(48)\n"
        "asked = False\n"
        "reply = ask()\n"
        "print(reply[24:32], len(reply), struct.unpack('!I', reply[40:44])[0] > 3_900_000_000)\n"
        "asked = True; print('asked'); \n"
        "while True: attempt(ask)\n"
    )
    board.wait_console("asked")
    assert told(board).splitlines()[0] == "b'12345678' 48 True"
    server.answers = False
    board.wait_console("error")


def test_wifi_outlives_a_soft_reset_and_nothing_else(station):
    board = station(
        "import machine\n"
        "print('cause', machine.reset_cause(), wlan.active(), wlan.isconnected())\n"
        "if machine.reset_cause() == 1:\n"
        "    import join; machine.soft_reset()\n"
        "if machine.reset_cause() == 5: machine.reset()\n"
    )
    board.wait_console("cause 5 True True")
    board.wait_console("cause 2 False False")


def test_two_boards_in_one_air(make_board, air, peer):
    names = [f"node{n}" for n in range(4)]
    source = "import link, network\nsock = link.connect(); sock.write(b'echo %s\\n')\n"
    source += "print(sock.read(5), join_mac())\n"
    mac = "from network import WLAN\ndef join_mac(): return WLAN().config('mac').hex()\n"
    boards = [make_board(mac + source.replace("%s", name), name=name) for name in names]
    for board in boards:
        board.power_on()
    macs = set()
    for board in boards:
        board.wait_state("repl")
        macs.add(told(board).split()[-1])
        assert board.name in board.console
    assert len(macs) == 4
    air.access_points["fieldpost"].up = False
    assert not any(board.radio.online for board in boards)
