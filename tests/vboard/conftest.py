"""What the tests of the emulated board share."""

import contextlib
import gc
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from nvs_kit import WholeFlash

from vboard import Air, Board
from vboard.flash import SECTOR, Flash
from vm import KINDS

# Joins the air of the tests; `from join import wlan` in a program waits for it.
JOIN = """
import network, time
wlan = network.WLAN(network.WLAN.IF_STA)
if not wlan.active():
    wlan.active(True)
if not wlan.isconnected():
    wlan.connect("fieldpost", "fieldpost-sim")
while not wlan.isconnected():
    time.sleep_ms(1)
"""

# Connects to the peer of the tests.
LINK = """
import socket
import join
def connect():
    link = socket.socket()
    link.connect(socket.getaddrinfo("peer.example", 7)[0][-1])
    return link
"""


def pytest_collection_modifyitems(items):
    # A board that is switched off makes no noise: no unraisable exception, no open socket.
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error"))


@pytest.fixture
def no_leaks():
    """Fails the test when it leaves a thread or a file descriptor behind."""
    descriptors, threads = _descriptors(), set(threading.enumerate())
    yield
    gc.collect()
    until(lambda: not _new_threads(threads), f"threads left: {_new_threads(threads)}")
    assert len(_descriptors()) <= len(descriptors), "file descriptors left"


def _descriptors():
    return os.listdir("/dev/fd")


def _new_threads(before):
    # The clock's thread serves all tests.
    return [t for t in threading.enumerate() if t not in before and t.name != "vboard-clock"]


def until(condition, text="not in time", timeout=10):
    """Waits until condition() is true."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, text
        time.sleep(0.001)


@pytest.fixture
def air(no_leaks):
    air = Air()
    air.association_s, air.beacon_timeout_s, air.retry_s = 0.02, 0.1, 0.05
    yield air
    air.close()


def pytest_generate_tests(metafunc):
    # Whatever is marked so holds on both interpreters.
    if "new_board" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker
        if marked("virtual"):
            kinds = KINDS[1:]
        else:
            kinds = KINDS if marked("both") and not marked("emulated") else KINDS[:1]
        metafunc.parametrize("kind", kinds)


@pytest.fixture
def board_of(tmp_path, air):
    """Returns board_of(kind, name, profile): an empty board."""

    def make(kind, name="board", profile="esp32_generic"):
        if kind == "emulated":
            return Board(tmp_path / name, air, profile=profile)
        from vboard.virtual import VirtualBoard

        board = VirtualBoard(tmp_path / name, air, profile=profile)
        board.install_micropython()
        return board

    return make


@pytest.fixture
def new_board(board_of, kind):
    """Returns new_board(name, profile): an empty board of the test's kind."""
    return lambda name="board", profile="esp32_generic": board_of(kind, name, profile)


@pytest.fixture
def make_board(new_board):
    """Returns make_board(main_source, name, profile, **files): a board that is switched off.

    Files are named without their .py, by keyword or, in folders, as **{"folder/name": text}.
    """
    boards = []

    def make(main="", name="board", profile="esp32_generic", **files):
        board = new_board(name, profile)
        boards.append(board)
        sources = {"main": main, "join": JOIN, "link": LINK, **files}
        board.write_files({f"{stem}.py": text for stem, text in sources.items()})
        return board

    yield make
    for board in boards:
        board.close()


@pytest.fixture
def run(make_board):
    """Returns run(main_source, **files): a board whose program has ended; its console tells."""

    def run(main, **files):
        board = make_board(main, **files)
        board.power_on()
        board.wait_state("repl")
        return board

    return run


@pytest.fixture
def peer(air):
    """A Peer that boards know as peer.example."""
    peer = Peer()
    air.hosts["peer.example"] = ("127.0.0.1", peer.port)
    yield peer
    peer.close()


@pytest.fixture
def make_nvs(tmp_path):
    """Returns make_nvs(pages or image): a WholeFlash of tests/house/nvs_kit.py."""
    made = []

    def make(content=3):
        if isinstance(content, int):
            content = b"\xff" * content * SECTOR
        path = tmp_path / f"{len(made)}.bin"
        path.write_bytes(content)
        flash = Flash(path, len(content), sizes=(len(content),))
        made.append(flash)
        return WholeFlash(flash)

    yield make
    for flash in made:
        flash.close()


class Peer:
    """A TCP peer on loopback that does what each line it gets says.

    `echo TEXT`, `slow TEXT` (byte by byte), `bytes N`, `count N` (reads N bytes, then tells how
    many), `pause` (reads no more), `end` (sends a FIN).
    """

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # The connections as they were accepted, and what became of each: (socket, list of words).
        self.connections = []
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            words = []
            thread = threading.Thread(target=self._serve, args=(sock, words), daemon=True)
            self._threads.append(thread)
            with self._changed:
                self.connections.append((sock, words))
                self._changed.notify_all()
            thread.start()

    def _serve(self, sock, words):
        try:
            with sock.makefile("rb") as lines:
                for line in lines:
                    self._note(words, line.decode().rstrip("\n"))
                    if not self._obey(sock, lines, *line.split(b" ", 1)):
                        return
            self._note(words, "FIN")
        except OSError as error:
            self._note(words, type(error).__name__)

    def _note(self, words, word):
        with self._changed:
            words.append(word)
            self._changed.notify_all()

    def _obey(self, sock, lines, word, rest=b""):
        word = word.strip()
        if word == b"echo":
            sock.sendall(rest)
        elif word == b"slow":
            for i in range(len(rest)):
                sock.sendall(rest[i : i + 1])
                time.sleep(0.001)
        elif word == b"bytes":
            sock.sendall(bytes(int(rest)))
        elif word == b"count":
            sock.sendall(b"%d\n" % len(lines.read(int(rest))))
        elif word == b"end":
            sock.shutdown(socket.SHUT_WR)
        return word != b"pause"

    def wait(self, word, timeout=10, connection=-1):
        """Waits until a connection (by default the last) was told a word or ended with it."""
        with self._changed:
            found = self._changed.wait_for(lambda: word in self._words(connection), timeout)
        assert found, f"no {word!r} in {self._words(connection)}"

    def words(self, connection=-1):
        with self._changed:
            return list(self._words(connection))

    def _words(self, connection):
        found = self.connections[connection:] or [(None, [])]
        return found[0][1]

    def close(self):
        # Closing a socket wakes nobody who waits for it, shutting it down does.
        for sock in (self._listener, *(sock for sock, _ in self.connections)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        for sock in (self._listener, *(sock for sock, _ in self.connections)):
            sock.close()
