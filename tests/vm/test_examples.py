"""Each program and command of lib/mqtt/README.md, run: programs on the real MicroPython.

`examples_world.py` says what surrounds them. A second client hears whether what the README says
happens.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys

import pytest
from examples_world import LIMIT_S, MODULES, Board, Listener, World, blocks, until
from tls_tools import Gate, Server

from fieldpost import broker as brokers
from vm import ROOT, needs_mosquitto, needs_vm

pytestmark = [needs_vm, needs_mosquitto]

PROGRAMS = blocks("python")
PLAIN = "broker.example:1883"
COMMANDS = dict(blocks("sh"))
# What is done with the program below each heading.
CASES = {}


def case(heading):
    def register(function):
        CASES[heading] = function
        return function

    return register


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world


class Stage:
    """The example below a heading, a board for it, and the listener."""

    def __init__(self, world, folder, program):
        self.world, self.folder, self.program = world, folder, program
        self.listener = Listener(world.port)
        for name in ("ca.der", "client.der", "client-key.der"):
            shutil.copy(world.folder / name, folder)

    def board(self, places=None, program=None):
        """Runs the example; by default its broker is the plain one."""
        places = {PLAIN: self.world.port} if places is None else places
        return Board(self.world, self.folder, program or self.program, places)


@pytest.fixture
def stage(world, tmp_path, request):
    made = Stage(world, tmp_path, dict(PROGRAMS)[request.param])
    with made.listener:
        yield made


@case("Install")
def install(stage):
    with serving() as (named, port):
        (stage.folder / "lib").mkdir()
        with stage.board({f"192.168.1.10:{named}": port}) as board:
            assert board.end().endswith("Done\n")
    came = {file.name: file.read_bytes() for file in (stage.folder / "lib/mqtt").iterdir()}
    assert came == {file.name: file.read_bytes() for file in MODULES}


@contextlib.contextmanager
def serving():
    """Runs the README's web server on loopback; gives the port it names and the one it has."""
    python, *arguments, named = COMMANDS["Install"].split()
    assert python == "python3"
    with subprocess.Popen(
        [sys.executable, *arguments, "0", "--bind", "127.0.0.1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout
            told = re.search(r"port (\d+)", server.stdout.readline())
            assert told, "the web server did not start"
            yield named, int(told.group(1))
        finally:
            server.kill()


@case("Telemetry")
def telemetry(stage):
    with stage.board() as board:
        stage.listener.expect("greenhouse/1/temperature", "21.5", board)
        # Again, and at QoS 0.
        until(lambda: len(stage.listener.got) >= 2, lambda: board.output)
        assert "from greenhouse-1 (d0, q0, r0" in stage.world.broker.log


@case("Network and status")
def status(stage):
    topic = "pump/1/status"
    with stage.board() as board:
        stage.listener.expect(topic, "online", board)
        # In the middle of its work it is cut off: the will speaks.
        with Listener(stage.world.port) as later:
            until(lambda: (topic, b"online", True) in later.got, lambda: later.got)
    stage.listener.expect(topic, "offline")
    with stage.board() as board:
        stage.listener.expect(topic, "online", board)
        output = board.end()
    until(lambda: stage.listener.payloads(topic)[-1] == "offline", lambda: stage.listener.got)
    assert output == ""
    until(lambda: "Received DISCONNECT from pump-1" in stage.world.broker.log, "no DISCONNECT")
    stage.listener.say(topic, "", retain=True)


@contextlib.contextmanager
def through_a_gate(stage):
    """Gives what ends the only way to the broker by its close(), and the board."""
    with contextlib.ExitStack() as gate:
        port = gate.enter_context(Gate(stage.world.port)).port
        with stage.board({PLAIN: port}) as board:
            yield gate, board


@case("Events with an offline window")
def events(stage):
    heard = functools.partial(stage.listener.payloads, "door/1/event")
    with through_a_gate(stage) as (gate, board):
        until(lambda: len(heard()) >= 3, lambda: board.output)
        gate.close()
        board.expect("no link:")
        before = len(heard())
        # The board goes on meanwhile; an attempt fails, too.
        until(lambda: board.output.count("no link:") >= 2, lambda: board.output)
        assert len(heard()) == before
        board.lead({PLAIN: stage.world.port})
        until(lambda: len(heard()) >= before + 5, lambda: board.output)
        assert "lost:" not in board.output
    numbers = [int(payload.partition(":")[0]) for payload in heard()]
    # In order, none missing; the one on its way when the link broke may have come twice.
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))


@case("Commands")
def commands(stage):
    listener = stage.listener
    listener.say("lamp/1/command", "off", retain=True)
    with stage.board() as board:
        until(lambda: "Sending SUBACK to lamp-1" in stage.world.broker.log, lambda: board.output)
        listener.say("lamp/1/command", "on")
        listener.expect("lamp/1/reply", "on: done", board)
        listener.say("lamp/1/command", "dance")
        listener.expect("lamp/1/reply", "dance: unknown", board)
        # The retained one, which came first, was not obeyed.
        assert listener.payloads("lamp/1/reply") == ["on: done", "dance: unknown"]
        listener.say("lamp/7/brightness", "40")
        board.expect("lamp/7/brightness 40")
    listener.say("lamp/1/command", "", retain=True)


@case("TLS")
def over_tls(stage):
    with stage.board({"broker.example:8883": stage.world.tls}) as board:
        board.end()
    stage.listener.expect("safe/1/state", "locked")
    # It verifies: with another authority it says what is wrong.
    shutil.copy(stage.folder / "client.der", stage.folder / "ca.der")
    with stage.board({"broker.example:8883": stage.world.tls}) as board:
        board.expect("certificate is of an unknown authority")


@case("TLS with a client certificate")
def over_mutual_tls(stage):
    with stage.board({"broker.example:8883": stage.world.mutual}) as board:
        board.end()
    stage.listener.expect("safe/2/state", "locked")
    assert "u'safe-2'" in stage.world.broker.log


def answers(stage, place, name):
    number = name[-1]
    with stage.board(place) as board:
        subscribed = f"Sending SUBACK to {name}"
        until(lambda: subscribed in stage.world.broker.log, lambda: board.output)
        stage.listener.say(f"roof/{number}/ask", "?")
        stage.listener.expect(f"roof/{number}/answer", "here", board)


@case("WebSocket")
def over_websocket(stage):
    answers(stage, {"broker.example:80": stage.world.ws}, "roof-1")


@case("WebSocket over TLS")
def over_websocket_and_tls(stage):
    answers(stage, {"broker.example:443": stage.world.wss}, "roof-2")


@case("Large messages in pieces")
def pieces(stage):
    picture = bytes(i * i & 255 for i in range(100_000))
    with stage.board() as board:
        until(lambda: "Sending SUBACK to panel-1" in stage.world.broker.log, lambda: board.output)
        for size in (100_000, 100):
            stage.listener.say("panel/1/picture", picture[:size])
            stage.listener.expect("panel/1/reply", f"{size} bytes", board)
            assert (stage.folder / "picture.new").read_bytes() == picture[:size]


@case("A payload out of a file")
def out_of_a_file(stage):
    # One that fits into the buffer as well.
    for size in (200_000, 100):
        picture = bytes(i * i & 255 for i in range(size))
        (stage.folder / "picture.jpg").write_bytes(picture)
        with stage.board() as board:
            board.end()
        until(lambda: stage.listener.got, "no picture")
        assert stage.listener.got.pop() == ("camera/1/picture", picture, False)


@case("Several brokers")
def several_brokers(stage):
    nobody = brokers.free_port()
    places = {PLAIN: nobody, "backup.example:1884": stage.world.port}
    with stage.board(places) as board:
        stage.listener.expect("bell/1/broker", "backup.example:1884", board)
        assert board.output.startswith("no link: broker.example:1883:")


@case("First publishes behind CONNECT")
def behind_connect(stage):
    line = "client.early = False\n"
    assert line in stage.program
    for program, together in ((stage.program, False), (stage.program.replace(line, ""), True)):
        first = []

        def script(connection):
            # One write is one segment here.
            first.append(connection.recv(4096))
            connection.sendall(b"\x20\2\0\0")
            while b"meter/1/start" not in b"".join(first):
                piece = connection.recv(4096)
                assert piece
                first.append(piece)
            connection.sendall(b"\x40\2\0\1")

        with Server(script) as server, stage.board({PLAIN: server.port}, program) as board:
            until(lambda: b"meter/1/start" in b"".join(first), lambda: board.output)
        assert first[0].startswith(b"\x10") and (b"meter/1/start" in first[0]) is together


@case("When it fails")
def fails(stage):
    with stage.board({PLAIN: brokers.free_port()}) as board:
        output = board.end()
    assert output.startswith("not sent: ") and output.endswith("given up\n")
    assert "no link: broker.example:1883: [Errno 111] ECONNREFUSED: no connection" in output


@case("Coming from umqtt.simple")
def simple(stage):
    with stage.board() as board:
        stage.listener.expect("garage/1/state", "closed", board)
        stage.listener.say("garage/1/door", "open")
        stage.listener.expect("garage/1/reply", "garage/1/door: open", board)
    stage.listener.say("garage/1/state", "", retain=True)


@case("Coming from umqtt.robust")
def robust(stage):
    heard = functools.partial(stage.listener.payloads, "counter/1/count")
    with through_a_gate(stage) as (gate, board):
        until(lambda: len(heard()) >= 3, lambda: board.output)
        board.lead({PLAIN: stage.world.port})
        gate.close()
        board.expect("mqtt: ")
        before = len(heard())
        until(lambda: len(heard()) >= before + 3, lambda: board.output)
    numbers = list(map(int, heard()))
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))


@case("Many messages at once")
def many(stage):
    with stage.board() as board:
        board.end()
    heard = functools.partial(stage.listener.payloads, "logger/1/temperature")
    until(lambda: len(heard()) == 4, heard)
    assert heard() == ["20.1", "20.4", "20.2", "19.9"]


@case("TLS, blocking")
def blocking_tls(stage):
    with stage.board({"broker.example:8883": stage.world.tls}) as board:
        board.end()
    stage.listener.expect("vault/1/state", "locked")
    # It verifies.
    shutil.copy(stage.folder / "client.der", stage.folder / "ca.der")
    with stage.board({"broker.example:8883": stage.world.tls}) as board:
        output = board.end(code=1)
    assert "ValueError" in output and "not correctly signed" in output, output


def test_each_block_is_known():
    headings = [heading for heading, _ in PROGRAMS]
    assert sorted(headings) == sorted(CASES)
    assert [heading for heading, _ in blocks("sh")] == ["Install", "TLS"]
    assert len(blocks("")) == len(PROGRAMS) + len(COMMANDS)


@pytest.mark.parametrize("stage", list(CASES), indirect=True)
def test_example(stage, request):
    CASES[request.node.callspec.params["stage"]](stage)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("stage", ["TLS with a client certificate"], indirect=True)
def test_openssl_makes_what_the_board_reads(stage):
    for name in ("ca.pem", "client.pem", "client.key"):
        shutil.copy(stage.world.folder / name, stage.folder)
    for name in ("ca.der", "client.der", "client-key.der"):
        (stage.folder / name).unlink()
    subprocess.run(
        ["sh", "-e", "-c", COMMANDS["TLS"]], cwd=stage.folder, check=True, timeout=LIMIT_S
    )
    over_mutual_tls(stage)
