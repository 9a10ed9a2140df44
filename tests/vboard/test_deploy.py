"""`fieldpost deploy` onto virtual boards: a real MicroPython, a real LittleFS, mpremote's ways."""

import ast
import json
import os
import pty
import random
import re
import select
import threading
import tty
import types

import pytest

from fieldpost import broker as brokers, cli, deploy, deployment, firmware, image, link as links
from fieldpost.remote import Remote
from shell import ROOT, run
from vboard import partitions, profile
from vm import needs_mosquitto, needs_vm

pytestmark = needs_vm

LOADER = {name: (ROOT / "firmware" / name).read_bytes() for name in ("boot.py", "main.py")}
# Says of which applications its parts are, then runs until it is stopped.
START = """
import time
from node import fixed, one, two
def main():
    print("started", {one.NAME, two.NAME, %(name)r})
    print("mqtt: online")
    try:
        %(loop)s
    except KeyboardInterrupt:
        pass
    print("node: machine.reset() starts it again")
"""


def application(name, loop="while True: time.sleep(1)"):
    """Returns {path: bytes} of a small one, some of whose files are the same in each."""
    files = {
        "node/__init__.py": "",
        "node/start.py": START % {"name": name, "loop": loop},
        "node/one.py": f"NAME = {name!r}  # {'one' * 300}",
        "node/two.py": f"NAME = {name!r}",
        "node/fixed.py": f"# {'the same' * 200}",
        "sensors/chip.py": f"# {name * 10}",
    }
    return {path: text.encode() for path, text in files.items()}


def in_slot(slot, app):
    return {**{f"{slot}/{path}": data for path, data in app.items()}, **LOADER, "slot": slot}


# ---- Boards ----------------------------------------------------------------------------------


class Desk:
    """A virtual board with files in it, and deploys to it."""

    def __init__(self, board, monkeypatch, capsys):
        self.board = board
        self._monkeypatch, self._capsys = monkeypatch, capsys
        board.install_micropython()
        self._place = partitions.load(board.flash)["vfs"]

    def put(self, files):
        """Makes the file system anew: it holds these files."""
        files = {
            path: data if isinstance(data, bytes) else data.encode()
            for path, data in files.items()
        }
        self.cells = image.make(files, self._place.size)[0]

    @property
    def cells(self):
        return self.board.flash.read(self._place.offset, self._place.size)

    @cells.setter
    def cells(self, data):
        # Past the flash's steps, which take their time.
        with open(self.board.flash.path, "r+b") as file:
            file.seek(self._place.offset)
            file.write(data)

    @property
    def files(self):
        return image.read(self.cells)

    def slot(self, slot):
        """Returns what a slot holds."""
        return {path[2:]: data for path, data in self.files.items() if path.startswith(slot + "/")}

    def on(self, until="started"):
        mark = self.board.mark()
        self.board.power_on()
        return self.board.wait_console(until, since=mark)

    def deploy(self, app, *options, root=LOADER, port=None):
        """Runs the command with an application of its own; returns (exit code, stdout, stderr)."""

        def source(board, config=None):
            made = types.SimpleNamespace(board=profile.load(board))
            made.wanted = lambda kept, say: (app, root)
            return made

        self._monkeypatch.setattr(deploy, "Source", source)
        self._capsys.readouterr()
        code = cli.main(["deploy", "--port", port or self.board.port, *options])
        return code, *self._capsys.readouterr()

    def before_send(self, number, act):
        """Calls act() before the so-manyth file of the next deploys is sent."""
        send, calls = Remote.send, []

        def hooked(remote, *arguments):
            calls.append(arguments)
            if len(calls) == number:
                act()
            send(remote, *arguments)

        self._monkeypatch.setattr(Remote, "send", hooked)


@pytest.fixture
def desk(tmp_path, air, monkeypatch, capsys):
    from vboard.virtual import VirtualBoard

    with VirtualBoard(tmp_path / "board", air) as board:
        yield Desk(board, monkeypatch, capsys)


def sent(said):
    """Returns the paths of the files that were sent."""
    return re.findall(r"^sent +[\d,]+  (.+)$", said, re.MULTILINE)


# ---- The node itself -------------------------------------------------------------------------

CONFIG = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "fieldpost", "password": "fieldpost-sim"},
    "broker": {"host": "127.0.0.1"},
    "sensors": [{"driver": "chip", "interval": 60}],
}


@needs_mosquitto
def test_a_blank_board_gets_a_node_and_then_one_driver(desk, air, tmp_path, monkeypatch, capsys):
    air.serve_time()
    with brokers.mosquitto(tmp_path / "broker") as broker:
        config = json.loads(json.dumps(CONFIG))
        config["broker"]["port"] = broker.port
        (tmp_path / "config.json").write_text(json.dumps(config))
        desk.board.power_on()
        desk.board.wait_state("repl")
        command = ["deploy", "--port", desk.board.port, "--timeout", "20"]
        assert cli.main([*command, "--config", str(tmp_path / "config.json")]) == 0
        said = capsys.readouterr().out
        assert {"a/node/app.mpy", "a/sensors/chip.mpy", "config.json"} <= set(sent(said))
        assert "bme280" not in said and "fieldpost-sim" not in said
        assert "deployed; online " in said
        first = desk.board.mark()

        chip = tmp_path / "firmware/sensors/chip.py"
        for folder in ("firmware", "lib"):
            copy_tree(ROOT / folder, tmp_path / folder)
        chip.write_text(chip.read_text() + "\nMENDED = True\n")
        places = ((tmp_path / "firmware", "/"), (tmp_path / "lib", "/lib"))
        monkeypatch.setattr(firmware, "ON_BOARD", places)
        assert cli.main(command) == 0
        said = capsys.readouterr().out
        assert sent(said) == ["b/sensors/chip.mpy", "slot"]
        assert "copied" in said and re.search(r"slot b: \d+ files verified", said)
        assert "node: stopped" in desk.board.wait_console("node: stopped", since=first)
        # Its broker heard it say goodbye, and hello again.
        assert re.findall(r"'acme/n1/status', ... \((\d) bytes\)", broker.log)[-2:] == ["7", "6"]
        assert desk.files["config.json"] == (tmp_path / "config.json").read_bytes()

        assert cli.main(command) == 0
        assert re.search(r"up to date: slot b has all \d+ files", capsys.readouterr().out)


def copy_tree(source, target):
    for file in source.rglob("*.py"):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())


# ---- What a deploy does ----------------------------------------------------------------------


def test_the_first_deploy_keeps_what_is_not_ours(desk):
    theirs = {"boot.py": "print('their boot')", "main.py": "print('theirs')", "data.txt": "mine"}
    desk.put(theirs)
    desk.on("theirs")
    code, said, errors = desk.deploy(application("new"))
    assert (code, errors) == (0, "")
    assert "boot.py is not ours: kept as boot.py.old" in said
    desk.board.wait_console("started {'new'}")
    files = desk.files
    assert files["boot.py.old"].decode() == theirs["boot.py"]
    assert files["main.py.old"].decode() == theirs["main.py"]
    assert files["data.txt"] == b"mine" and desk.slot("a") == application("new")


def test_an_application_at_the_root_gives_way(desk):
    flat = {**application("flat"), "node/app.py": b"", "lib/mqtt/client.py": b"", "lib/x.py": b""}
    desk.put({**flat, **LOADER})
    desk.on("started {'flat'}")
    code, said, _ = desk.deploy(application("new"))
    assert code == 0 and "an application at the root: removed at the end" in said
    assert desk.slot("a") == application("new")
    assert set(desk.files) - {f"a/{path}" for path in application("new")} == {
        "boot.py",
        "main.py",
        "slot",
        "lib/x.py",
    }


def test_a_dry_run_writes_nothing_and_the_node_goes_on(desk):
    desk.put(in_slot("a", application("old")))
    desk.on()
    before, first = desk.cells, desk.board.mark()
    code, said, errors = desk.deploy(application("new"), "--dry-run")
    assert (code, errors) == (0, "")
    assert "would send" in said and "would copy" in said and "sent" not in said
    desk.board.wait_console("started {'old'}", since=first)
    assert desk.cells == before


def test_what_is_up_to_date_is_left_alone(desk):
    desk.put(in_slot("b", application("same")))
    desk.on()
    before, first = desk.cells, desk.board.mark()
    code, said, _ = desk.deploy(application("same"))
    stopping = f"{desk.board.port}: stopping what runs there ...\n"
    assert code == 0 and said == stopping + "up to date: slot b has all 6 files\n"
    desk.board.wait_console("started {'same'}", since=first)
    # Its program was stopped, the chip was not reset.
    assert desk.board.boots == [1, 5] and desk.cells == before


def test_a_stale_source_does_not_hide_what_is_new(desk):
    stale = {"b/node/one/__init__.py": b"NAME = 'stale'", "b/sensors/chip.py.new": b"half"}
    desk.put({**in_slot("a", application("old")), **stale})
    desk.on()
    code, said, _ = desk.deploy(application("new"))
    assert code == 0 and re.search(r"removed +14  b/node/one/__init__.py", said)
    assert desk.slot("b") == application("new")
    desk.board.wait_console("started {'new'}")


def test_without_a_reset_the_board_stays_at_its_prompt(desk):
    desk.put(in_slot("a", application("old")))
    desk.on()
    code, said, _ = desk.deploy(application("new"), "--no-reset")
    assert code == 0 and "starts at the next reset" in said
    assert desk.board.state == "repl" and desk.board.boots == [1]
    desk.board.press_reset()
    desk.board.wait_console("started {'new'}")


def test_a_node_that_does_not_come_online_is_told(desk):
    desk.put(in_slot("a", application("old")))
    desk.on()
    broken = {
        **application("new"),
        "node/start.py": b"def main():\n    print('config: no good')\n",
    }
    code, said, errors = desk.deploy(broken)
    assert code == 1 and "deployed; online" not in said
    assert "deployed, but the node did not come online" in errors and "config: no good" in errors
    silent = application("late", "while True: time.sleep(1)")
    silent["node/start.py"] = silent["node/start.py"].replace(b"mqtt: online", b"mqtt: no broker")
    code, _, errors = desk.deploy(silent, "--timeout", "0.5")
    assert code == 1 and "mqtt: no broker" in errors


# ---- What a board may be at ------------------------------------------------------------------


# Prints all the time, and takes the first ctrl-C for itself.
STUBBORN = """
def loop():
    try:
        while True: print("busy")
    except KeyboardInterrupt:
        while True: print("busy again")
loop()
"""


@pytest.mark.parametrize("loop", ["while True: pass", f"exec({STUBBORN!r})"])
def test_a_busy_program_is_stopped(loop, desk, monkeypatch):
    # After that the stubborn one gets another ctrl-C, which it has to take within it.
    monkeypatch.setattr(links, "PATIENCE_S", 4)
    desk.put(in_slot("a", application("old", loop)))
    desk.on()
    assert desk.deploy(application("new"))[0] == 0
    desk.board.wait_console("started {'new'}")


def test_an_armed_watchdog_does_not_bite(desk):
    armed = (
        "import machine\nprint('armed')\nwdt = machine.WDT(timeout=1000)\nwhile True: wdt.feed()"
    )
    desk.put({"main.py": armed})
    timeouts = []
    watchdog = desk.board.hardware.watchdog
    arm = watchdog.arm
    watchdog.arm = lambda ms: timeouts.append(ms) or arm(ms)
    desk.on("armed")
    code, _, errors = desk.deploy(application("new"))
    assert (code, errors) == (0, "")
    assert timeouts == [1000, 3_600_000]
    # Only by the deploy's own reset, which takes the watchdog away again.
    assert desk.board.boots == [1, 2]


@pytest.mark.parametrize(
    ("call", "tick"),
    # What could be taken for an answer, too.
    [("", "tick"), ("for path", "21"), ("for path", '{"room": 21}'), ("for path", "[2, 1]")]
    + [("show('/slot", "tick"), ("for path", "null")],
)
def test_a_program_that_prints_meanwhile_is_told(call, tick, desk, monkeypatch):
    desk.put(in_slot("a", application("old")))
    desk.on()

    def run(link, code, run=links.Link.run):
        return (f"{tick}\n" if code.startswith(call) else "") + run(link, code)

    monkeypatch.setattr(links.Link, "run", run)
    code, _, errors = desk.deploy(application("new"))
    assert code == 1 and f"the board printed {tick!r}"[:-1] in errors
    assert "nothing changed: the old application runs on" in errors


def test_a_full_file_system_is_told_before_anything_is_touched(desk):
    desk.put({**in_slot("a", application("old")), "log": b"x" * (2_097_152 - 90_000)})
    desk.on()
    before, first = desk.cells, desk.board.mark()
    code, said, errors = desk.deploy({**application("new"), "node/big.py": b"#" * 60_000})
    assert code == 1 and "sent" not in said
    assert re.search(r"the file system has [\d,]+ bytes free, this takes [\d,]+", errors)
    assert "nothing changed: the old application is started again" in errors
    assert desk.cells == before
    desk.board.wait_console("started {'old'}", since=first)


@pytest.mark.parametrize(
    ("machine", "bytecode", "told"),
    [
        ("ESP32C3 module with ESP32C3", 6, "the board has an esp32c3, not an esp32: name it with"),
        ("Generic ESP32 module with ESP32", 5, "MicroPython there loads bytecode 5, not 6"),
    ],
)
def test_a_board_that_cannot_run_it_is_refused(machine, bytecode, told, desk, monkeypatch):
    monkeypatch.setattr(Remote, "board", lambda remote: (machine, bytecode))
    desk.put(in_slot("a", application("old")))
    desk.on()
    before = desk.cells
    code, _, errors = desk.deploy(application("new"))
    assert code == 1 and told in errors and desk.cells == before


def test_a_board_in_its_loader_or_without_power(desk, monkeypatch):
    desk.put({})
    desk.board.power_on()
    desk.board.wait_state("repl")
    desk.board.enter_bootloader()
    desk.board.wait_state("download")
    monkeypatch.setattr(links, "PATIENCE_S", 0.3)
    code, _, errors = desk.deploy(application("new"))
    assert code == 1 and "is in its ROM loader: press its reset button" in errors
    assert errors.count("\n") == 1
    desk.board.power_off()
    code, said, errors = desk.deploy(application("new"))
    assert code == 1 and "nothing answers: is it the board's port" in errors
    assert said.endswith("stopping what runs there ...\n")


def test_no_port_and_a_port_that_is_taken(desk):
    assert "no such port" in desk.deploy(application("new"), port="/dev/nowhere")[2]
    desk.put({})
    desk.board.power_on()
    desk.board.wait_state("repl")
    with links.Link(desk.board.port):
        code, _, errors = desk.deploy(application("new"))
    assert code == 1 and "in use by another program" in errors


# ---- Broken off ------------------------------------------------------------------------------


def test_ctrl_c_in_the_middle_leaves_the_old_one(desk):
    desk.put(in_slot("a", application("old")))
    desk.on()

    def ctrl_c():
        raise KeyboardInterrupt

    desk.before_send(3, ctrl_c)
    code, said, errors = desk.deploy(application("new"))
    assert code == 130 and len(sent(said)) == 2
    assert "stopped: nothing changed: the old application runs on at the next reset" in errors
    first = desk.board.mark()
    desk.board.press_reset()
    desk.board.wait_console("started {'old'}", since=first)
    # The next one goes on from there.
    code, said, _ = desk.deploy(application("new"))
    assert code == 0 and desk.slot("b") == application("new")


class Cable:
    """Between a board's port and another, until it is unplugged."""

    def __init__(self, port):
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._computer, other = pty.openpty()
        for end in (self._board, other):
            tty.setraw(end)
        self.port = os.ttyname(other)
        self._plugged = True
        self._thread = threading.Thread(target=self._carry, args=(other,))
        self._thread.start()

    def _carry(self, other):
        ends = {self._board: self._computer, self._computer: self._board}
        while self._plugged:
            for end in select.select(ends, [], [], 0.01)[0]:
                os.write(ends[end], os.read(end, 4096))
        for end in (*ends, other):
            os.close(end)

    def unplug(self):
        self._plugged = False
        self._thread.join()


def test_a_port_may_go_and_come_back_with_the_reset(desk, tmp_path, monkeypatch):
    # As that of a chip with USB of its own.
    desk.put(in_slot("a", application("old")))
    desk.on()
    port, cables = tmp_path / "port", [Cable(desk.board.port)]
    port.symlink_to(cables[0].port)
    reset = links.Link.reset

    def renewed(link):
        reset(link)
        cables[0].unplug()
        cables.append(Cable(desk.board.port))
        port.unlink()
        port.symlink_to(cables[1].port)

    monkeypatch.setattr(links.Link, "reset", renewed)
    again = "while True:\n time.sleep_ms(50)\n print('mqtt: online')"
    app = application("new", f"exec({again!r})")
    code, said, errors = desk.deploy(app, port=str(port))
    cables[1].unplug()
    assert (code, errors) == (0, "") and "deployed; online" in said


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("OSError(28)", "the board's file system is full: remove files"),
        ("MemoryError()", "the board has too little memory left: reset it"),
        ("ValueError('odd')", "the board says: ValueError: odd"),
    ],
)
@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("b/node/one.py", "nothing changed: the old application runs on at the next reset"),
        ("slot", "the old or the new application starts at the next reset, each is whole"),
        ("config.json", "the new application is in place and starts at the next reset"),
    ],
)
def test_a_fault_on_the_board_is_told_and_what_it_starts_next(
    fault, told, path, state, desk, monkeypatch
):
    desk.put(in_slot("a", application("old")))
    desk.on()
    send = Remote.send

    def failing(remote, name, *arguments):
        if name == path:
            remote._link.run(f"raise {fault}")
        send(remote, name, *arguments)

    monkeypatch.setattr(Remote, "send", failing)
    code, _, errors = desk.deploy(application("new"), root={**LOADER, "config.json": b"{}"})
    assert code == 1 and told in errors and state in errors
    first, started = desk.board.mark(), "new" if path == "config.json" else "old"
    desk.board.press_reset()
    desk.board.wait_console(f"started {{{started!r}}}", since=first)


def test_a_lost_port_is_told(desk):
    desk.put(in_slot("a", application("old")))
    desk.on()
    cable = Cable(desk.board.port)
    desk.before_send(2, cable.unplug)
    code, _, errors = desk.deploy(application("new"), port=cable.port)
    cable.unplug()
    assert code == 1 and "the port is gone: is the board plugged in?" in errors
    assert "nothing changed: the old application" in errors
    first = desk.board.mark()
    desk.board.press_reset()
    desk.board.wait_console("started {'old'}", since=first)


def test_nobody_reads_what_it_says(desk):
    desk.put({})
    desk.board.power_on()
    desk.board.wait_state("repl")
    # Its exit code is that of the reader.
    run(f".venv/bin/fieldpost deploy --port {desk.board.port} --no-reset | true")
    assert desk.files["slot"] == b"a" and "node/app.mpy" in desk.slot("a")


# ---- The power fails -------------------------------------------------------------------------


def flat(name):
    return {**application(name), "node/app.py": b"", "node/old.py": b"#" * 500}


# What is there, and whether each deploy begins there or where the last one broke off.
BEGINNINGS = {
    "slot to slot": (in_slot("a", application("old")), False),
    "the first one": ({"main.py": "print('started', {'old'})"}, True),
    "from the root into a slot": (
        {**flat("old"), **LOADER, "main.py": LOADER["main.py"] + b"#"},
        True,
    ),
}


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("beginning", "cuts"),
    [("slot to slot", 120), ("the first one", 40), ("from the root into a slot", 40)],
)
def test_whenever_the_power_fails_the_old_one_or_the_new_one_boots(beginning, cuts, desk):
    files, anew = BEGINNINGS[beginning]
    desk.put(files)
    before, chance, old = desk.cells, random.Random(beginning), "old"
    steps, seen, failures = 0, [], 0
    desk.on()
    # The first one has its power, and tells how many steps there are.
    for number in range(cuts + 1):
        if anew and number:
            desk.board.power_off()
            desk.cells, old = before, "old"
            desk.on()
        if number:
            desk.board.flash.cut_after(chance.randrange(steps))
        new, begun = f"new {number}", desk.board.flash.steps
        if deployed(desk, application(new), {**LOADER, "config.json": b"%d" % number}):
            steps = desk.board.flash.steps - begun
        failures += desk.board.state == "off"
        desk.board.power_off()
        (started,) = ast.literal_eval(desk.on().partition("started")[2].strip())
        assert started in (old, new)
        seen.append(started == new)
        old = started
    assert set(seen) == {True, False} and failures > cuts // 3


def deployed(desk, app, root):
    """Returns whether a deploy came to its end."""
    try:
        with links.Link(desk.board.port, patience_s=0.1) as link:
            deployment.Deployment(link, lambda kept, say: (app, root), lambda text: None).run()
    except deployment.ERRORS:
        return False
    return True
