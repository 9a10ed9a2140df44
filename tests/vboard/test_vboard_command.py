"""`fieldpost vboard`: a board that a user runs, with the tools that a user has."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from serial import Serial

from fieldpost import broker as brokers, cli, consolelog, desk as desks, switches
from shell import ROOT, environment, run
from vm import needs_mosquitto, needs_vm

FIELDPOST = str(ROOT / ".venv/bin/fieldpost")
TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
CONFIG = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "attic", "password": "long-enough"},
    "broker": {"host": "127.0.0.1"},
    "time_server": "ntp.attic",
    "buses": {"main": {"scl": 22, "sda": 21}},
    "sensors": [
        {"driver": "bme280", "interval": 0.2, "address": 119},
        {"driver": "sht4x", "interval": 0.2, "name": "beam"},
        {"driver": "digital", "pin": 5, "name": "hatch", "device_class": "door"},
    ],
}

STUBBORN = b"""
while True:
    try:
        print("up")
        while True: pass
    except KeyboardInterrupt:
        print("no")
"""
SCAN = "w = network.WLAN(); w.active(True); print([one[0].decode() for one in w.scan()])"


class Running:
    """`fieldpost vboard start` in a process of its own."""

    def __init__(self, folder, *options):
        self.folder, self.port = folder, folder / "port"
        self._process = subprocess.Popen(
            [FIELDPOST, "vboard", "start", folder.name, *options],
            # By a relative path, as people name it.
            cwd=folder.parent,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        for line in self._process.stdout or ():
            self.said += line
            if "ctrl-C switches it off" in line:
                return
        self._process.wait()

    def stop(self, number=signal.SIGINT):
        """Returns (exit code, all that it said)."""
        self._process.send_signal(number)
        self.said += self._process.communicate(timeout=20)[0]
        return self._process.returncode, self.said

    def wait_console(self, text, count=1):
        """Waits until so many lines of the log hold `text`."""
        end = time.monotonic() + 20
        while sum(text in line for line in consolelog.lines(self.folder, 10_000)) < count:
            assert time.monotonic() < end, list(consolelog.lines(self.folder, 20))
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def fieldpost(capsys):
    """fieldpost(*arguments): (exit code, stdout and stderr) of a command in this process."""
    before = {number: signal.getsignal(number) for number in range(1, 16)}

    def call(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    yield call
    for number, handler in before.items():
        if number != signal.SIGKILL:
            signal.signal(number, handler)


@pytest.fixture
def config(tmp_path):
    """config(port): a configuration's file for a broker at that port."""

    path = tmp_path / "config.json"

    def make(port=1883):
        broker = {**CONFIG["broker"], "port": port}
        path.write_text(json.dumps({**CONFIG, "broker": broker}))
        return str(path)

    return make


def mpremote(port, *arguments):
    command = [sys.executable, "-m", "mpremote", "connect", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---- A board that runs -----------------------------------------------------------------------


@needs_vm
@needs_mosquitto
def test_a_node_reports_and_says_goodbye(tmp_path, config, fieldpost):
    folder = tmp_path / "board"
    with brokers.mosquitto(tmp_path / "broker") as broker:
        with Running(folder, "--config", config(broker.port)) as board:
            assert (
                "Wi-Fi 'attic'" in board.said and "BME280 at 0x77 (scl 22, sda 21)" in board.said
            )
            assert "an SHT4x at 0x44 (scl 22, sda 21)" in board.said
            assert "a contact at pin 5" in board.said and "board/port" in board.said
            board.wait_console("mqtt: online")
            for quantity in ("temperature", "beam-temperature", "hatch"):
                wait_until(lambda quantity=quantity: f"acme/n1/{quantity}'" in broker.log)
            # The board tests' lane, on a port with a node at work.
            code, said = run(f"make test-hil PORT={board.port} ARGS='-k \"nvs or button\"'")
            assert code == 0 and "1 passed, 1 skipped" in said, said
            board.wait_console("mqtt: online", 2)
            code, said = board.stop()
        assert code == 0 and said.endswith("switching off ...\noff\n")
        wait_until(lambda: "Received DISCONNECT" in broker.log)
        assert not (folder / "port").is_symlink()
        # It goes on where it was: nothing but the folder is named. The world may be another.
        world = tmp_path / "world.toml"
        world.write_text('[[faults]]\nsensor = "beam"\nfault = "unplugged"\nstart_s = 0')
        with Running(folder, "--world", str(world)) as board:
            assert "Wi-Fi 'attic'" in board.said
            board.wait_console("beam-temperature: no answer on the bus")
            board.wait_console("mqtt: online", 3)
            assert "a/" in mpremote(board.port, "ls") and board.stop(signal.SIGTERM)[0] == 0


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@needs_vm
def test_a_users_own_program_and_the_switches(tmp_path, fieldpost):
    folder, program = tmp_path / "board", tmp_path / "main.py"
    program.write_text("import machine\nprint('cause', machine.reset_cause())\n" * 2)
    link = tmp_path / "link"
    with Running(folder, "--link", str(link), "--ssid", "mine") as board:
        found = "print(machine.SoftI2C(scl=machine.Pin(18), sda=machine.Pin(19)).scan())"
        arguments = ("fs", "cp", str(program), ":", "+", "exec", f"import machine; {found}")
        assert "[118]" in mpremote(link, *arguments)
        assert fieldpost("vboard", "wifi", "off", folder) == (0, "Wi-Fi mine off\n")
        assert "[]" in mpremote(link, "exec", f"import network; {SCAN}")
        assert fieldpost("vboard", "wifi", "on", folder) == (0, "Wi-Fi mine on\n")
        assert fieldpost("vboard", "reset", folder) == (0, "reset\n")
        board.wait_console("cause 1", 2)
        assert fieldpost("vboard", "start", folder)[1].count("runs already, in process") == 1
        assert fieldpost("vboard", "power-on", folder)[1].endswith("board: the board is on\n")
        assert fieldpost("vboard", "power-off", folder) == (0, "power off\n")
        code, said = fieldpost("vboard", "reset", folder)
        assert code == 1 and "power-on switches it on" in said
        assert fieldpost("vboard", "power-on", folder) == (0, "power on\n")
        board.wait_console("cause 1", 4)
        assert board.stop(signal.SIGHUP)[0] == 0
    code, said = fieldpost("vboard", "console", folder, "-n", "10000")
    assert code == 0 and all(TIMED.match(line) for line in said.splitlines())
    assert "--- reset button" in said and said.endswith("--- power off\n")
    assert fieldpost("vboard", "power-on", folder)[0] == 1 and not link.exists()


@needs_vm
def test_a_program_that_will_not_end_loses_its_power(tmp_path, monkeypatch):
    folder = tmp_path / "board"
    folder.mkdir()
    desks.prepare(folder, "esp32_generic", {"main.py": STUBBORN})
    monkeypatch.setattr(desks, "FAREWELL_S", 0.3)
    with contextlib.closing(desks.Desk(folder, "esp32_generic")) as desk:
        desk.power_on()
        desk.board.wait_console("up")
        with pytest.raises(switches.SwitchError, match="no such switch: wifi up"):
            switches.throw(folder, "wifi", "up")
        assert not desk.switch_off() and desk.board.state == "off"


@needs_vm
def test_it_is_switched_off_well_at_any_moment_of_its_start(tmp_path):
    desks.prepare(tmp_path, "esp32_generic", {"main.py": b"while True: pass"})
    with contextlib.closing(desks.Desk(tmp_path, "esp32_generic")) as desk:
        for _ in range(20):
            desk.power_on()
            assert desk.switch_off(), desk.board.console


@needs_vm
def test_a_blank_board_waits_for_esptool(tmp_path, config, fieldpost):
    folder = tmp_path / "board"
    with Running(folder, "--blank", "--config", config(), "--board", "esp32_c6") as board:
        assert "flash is blank" in board.said and "Wi-Fi 'attic'" in board.said
        board.wait_console("invalid header: 0xffffffff")
        with Serial(str(board.port), timeout=5) as line:
            line.write(
                b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20" + b"U" * 32 + b"\xc0"
            )
            assert line.read(3) == b"\xc0\x01\x08"
        assert board.stop()[0] == 0
    assert set((folder / "flash.bin").read_bytes()) == {0xFF}
    code, said = fieldpost("vboard", "start", folder, "--board", "esp32_generic")
    assert code == 1 and "its board is an esp32_c6, not an esp32_generic" in said
    # What gets a configuration later gets MicroPython with it.
    desks.prepare(folder, "esp32_c6", {"main.py": b"print('up')"})
    with contextlib.closing(desks.Desk(folder, "esp32_c6")) as desk:
        desk.power_on()
        desk.board.wait_console("up")


# ---- The console -----------------------------------------------------------------------------


def test_the_console_is_kept_within_two_files(tmp_path):
    log = consolelog.Log(tmp_path, limit=10_000)
    for number in range(1000):
        log.write(f"line {number}")
    log.close()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2 and max(sizes) < 10_100
    found = list(consolelog.lines(tmp_path, 10_000))
    assert len(found) > 200 and found[-1].endswith("Z line 999")
    numbers = [int(line.split()[-1]) for line in found]
    assert numbers == list(range(numbers[0], 1000))
    assert list(consolelog.lines(tmp_path, 2)) == found[-2:]
    assert list(consolelog.lines(tmp_path, 0)) == []


def test_a_follower_misses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(consolelog, "LOOK_S", 0.001)
    log, stop, seen = consolelog.Log(tmp_path, limit=2_000), threading.Event(), []
    log.write("first")

    def follow():
        # One by one, as they come.
        seen.extend(consolelog.lines(tmp_path, 10, stop))

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    wait_until(lambda: seen)
    for number in range(300):
        wait_until(lambda number=number: len(seen) > number - 20)
        log.write(f"line {number}")
    wait_until(lambda: len(seen) > 300)
    stop.set()
    follower.join(10)
    log.close()
    assert [line.split()[-1] for line in seen] == ["first", *map(str, range(300))]


def test_what_would_play_with_a_terminal_is_spelled_out(tmp_path):
    log = consolelog.Log(tmp_path)
    log.write("\x1b[2Jred\x04\tÄ\u2028 \x9b")
    log.close()
    log.write("too late")
    (line,) = consolelog.lines(tmp_path, 5)
    assert line.endswith(" \\x1b[2Jred\\x04\tÄ\u2028 \\x9b")


def test_the_console_follows_until_ctrl_c(tmp_path):
    log = consolelog.Log(tmp_path)
    log.write("first")
    command = [FIELDPOST, "vboard", "console", str(tmp_path), "-f"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().endswith("first\n")
        log.write("second")
        assert process.stdout.readline().endswith("second\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    log.close()


# ---- What can't be ---------------------------------------------------------------------------


@needs_vm
def test_what_is_no_boards_folder_is_left_alone(tmp_path, config, fieldpost):
    (tmp_path / "letter").write_text("dear")
    code, said = fieldpost("vboard", "start", tmp_path)
    assert code == 1 and "holds letter, which is no board's" in said
    assert "a file, not a folder" in fieldpost("vboard", "start", tmp_path / "letter")[1]
    link = ["--link", tmp_path / "letter"]
    assert "no link: name another path" in fieldpost("vboard", "start", tmp_path / "b", *link)[1]
    assert (tmp_path / "letter").read_text() == "dear"
    link = ["--link", tmp_path / "none" / "port"]
    code, said = fieldpost("vboard", "start", tmp_path / "b", *link)
    assert code == 1 and said == f"fieldpost vboard: {link[1]}: No such file or directory\n"
    assert (
        "no board 'esp31'" in fieldpost("vboard", "start", tmp_path / "c", "--board", "esp31")[1]
    )
    assert "name that, too" in fieldpost("vboard", "start", tmp_path / "d", "--password", "x")[1]
    path = Path(config())
    path.write_text("{}")
    code, said = fieldpost("vboard", "start", tmp_path / "d", "--config", path)
    assert code == 1 and "config.json: wifi: missing" in said


@needs_vm
def test_where_no_board_runs_is_told(tmp_path, fieldpost):
    code, said = fieldpost("vboard", "console", tmp_path)
    assert code == 1 and f"no board has run in {tmp_path}" in said
    (tmp_path / "letter").write_text("dear")
    code, said = fieldpost("vboard", "console", tmp_path / "letter")
    assert code == 1 and said == f"fieldpost vboard: {tmp_path / 'letter'}: Not a directory\n"
    for arguments in (("reset",), ("wifi", "on"), ("power-off",)):
        assert fieldpost("vboard", *arguments, tmp_path)[1].endswith("no board runs there\n")
    with pytest.raises(switches.SwitchError):
        switches.throw(tmp_path, "reset")


@pytest.mark.parametrize("command", [("vboard", "start"), ("sim", "--vm", "--nodes", "1")])
def test_where_there_is_no_micropython_a_line_says_so(command, monkeypatch, fieldpost):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    code, said = fieldpost(*command)
    assert code == 1 and len(said.splitlines()) == 1
    assert "virtual boards need Linux on x86-64" in said and "arm64" in said


@needs_vm
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "world.toml: No such file or directory"),
        ("[places.attic.co2]\nbase = 1", "there is no such sensor: there are beam, bme280, hatch"),
    ],
)
def test_a_wrong_world_is_told(text, told, tmp_path, config, fieldpost):
    world = tmp_path / "world.toml"
    if text:
        world.write_text(text)
    options = ("--config", config(), "--world", world)
    code, said = fieldpost("vboard", "start", tmp_path / "board", *options)
    assert code == 1 and said.startswith("fieldpost vboard: ") and told in said
