"""Every command and the configuration of the README, run."""

import contextlib
import json
import re
import subprocess
import sys
import tempfile

import pytest

import chip_images
from fieldpost import broker as brokers
from fieldpost.simulation import simulation
from shell import ROOT, Terminal, run
from vboard import Air, available

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
NODE = "acme/berlin/hq/1/kitchen/node-01"
CONFIG = re.search(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL).group(1)


def make_sim(command):
    """The newcomer's: shows the table, ends at ctrl-C."""
    with Terminal(*command.split()) as terminal:
        terminal.wait_for("online")
        terminal.type("\x03")
        assert terminal.wait() == 0


def make_sim_for_a_time(command):
    """As written: 50 nodes for 20 s, none lost and each on time."""
    code, output = run(command)
    assert code == 0, output
    closing = re.search(r"50 nodes, (\d+) readings, 0 lost, at most (\d+) ms off", output)
    assert closing, output[-500:]
    assert int(closing.group(1)) > 50 * 3 * 8
    # A fifth of their interval of 2 s, on a machine that runs other tests as well.
    assert int(closing.group(2)) < 400


def make_sim_with_broker(command):
    with tempfile.TemporaryDirectory() as folder, brokers.mosquitto(folder) as broker:
        command = command.replace("127.0.0.1:1883", f"127.0.0.1:{broker.port}")
        code, output = run(f"{command} DURATION=3")
    assert code == 0, output
    assert "broker at 127.0.0.1" in output


def make_sim_with_world(command):
    code, output = run(command)
    assert code == 0, output
    assert "node-03 online" in output and " 0 lost, " in output


def drivers(command):
    code, output = run(command)
    assert code == 0 and "temperature" in output, output


def check_driver(command):
    code, output = run(command)
    assert code == 0 and "bme280" in output, output


def new_driver(command):
    with tempfile.TemporaryDirectory() as folder:
        code, output = run(command.replace("/tmp/greenhouse", f"{folder}/greenhouse"))
    assert code == 0 and "driver-check" in output, output


def make_test(command):
    # This runs in it.
    code, output = run(f"{command} -n")
    assert code == 0
    assert ".venv/bin/pytest" in output


def look(command):
    with running() as port:
        code, output = run(f"{command} -W 5", PORT=str(port))
    assert code == 27, output  # mosquitto_sub's code for the time-out asked for
    assert re.search(rf"^{NODE}/temperature {{\"value\":", output, re.M)


def tell(command):
    with running() as port:
        topic = f"{NODE}/reply"
        listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", topic]
        listen += ["-W", "20", "-C", "1"]
        with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as listener:
            # Again until it listens: nothing says when its subscription is granted.
            while listener.poll() is None:
                code, output = run(command, PORT=str(port))
                assert code == 0, output
                with contextlib.suppress(subprocess.TimeoutExpired):
                    listener.wait(1)
            reply = listener.stdout.read()
    assert '"command": "read", "ok": true' in reply, reply


def check_config(command):
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/config.json"
        with open(file, "w", encoding="utf-8") as config:
            config.write(CONFIG)
        code, output = run(command.replace("config.json", file))
    assert code == 0, output
    assert "good, 3 sensors" in output


def build(command):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/config.json", "w", encoding="utf-8") as config:
            config.write(CONFIG)
        command = command.replace("config.json", f"{folder}/config.json")
        code, output = run(f"{command} OUT={folder}/out")
        assert code == 0, output
        with open(f"{folder}/out/manifest.json", encoding="utf-8") as file:
            assert "sensors/digital.mpy" in json.load(file)["app"]
    assert "at 0x200000 (standard layout)" in output


def factory(command):
    with tempfile.TemporaryDirectory() as folder:
        code, output = run(f"{with_files(command, folder)} OUT={folder}/set")
    assert code == 0, output


def flash(command):
    with tempfile.TemporaryDirectory() as folder, blank_board(folder) as board:
        made = with_files("make factory MICROPYTHON=ESP32_GENERIC.bin CONFIG=config.json", folder)
        assert run(f"{made} OUT={folder}/set")[0] == 0
        code, output = run(f"{command.replace('/dev/ttyUSB0', board.port)} IMAGE={folder}/set")
        assert code == 0, output
        board.wait_console("node: ")


def deploy(command):
    with tempfile.TemporaryDirectory() as folder, blank_board(folder) as board:
        board.install_micropython()
        board.press_reset()
        command = command.replace("/dev/ttyUSB0", board.port)
        made = with_files(f"{command} CONFIG=config.json", folder)
        code, output = run(made)
    assert code == 0, output
    assert "deployed; online" in output


def vboard(command):
    with tempfile.TemporaryDirectory() as folder:
        made = with_files(f"{command} FOLDER={folder}/board", folder)
        with Terminal(*made.split()) as terminal:
            terminal.wait_for("ctrl-C switches it off")
            terminal.type("\x03")
            assert terminal.wait() == 0


def with_files(command, folder):
    """Returns the command with real files in place of the README's names."""
    with open(f"{folder}/config.json", "w", encoding="utf-8") as config:
        config.write(CONFIG)
    command = command.replace("ESP32_GENERIC.bin", str(chip_images.etboard()))
    return command.replace("config.json", f"{folder}/config.json")


@contextlib.contextmanager
def blank_board(folder):
    """A virtual board that is on, within reach of what the README's configuration names."""
    from vboard.virtual import VirtualBoard

    config = json.loads(CONFIG)
    air = Air(config["wifi"]["ssid"], config["wifi"]["password"])
    air.serve_time()
    with brokers.mosquitto(folder) as broker, contextlib.closing(air):
        air.hosts[config["broker"]["host"]] = ("127.0.0.1", broker.port)
        with VirtualBoard(f"{folder}/board", air) as board:
            board.power_on()
            yield board


@contextlib.contextmanager
def running():
    with tempfile.TemporaryDirectory() as folder, simulation(folder, 1) as made:
        made.power_on()
        made.boards[0].wait_console("mqtt: online")
        yield made.site.port


KNOWN = {
    "make sim": make_sim,
    "mosquitto_sub -h 127.0.0.1 -p $PORT -v -t 'acme/#'": look,
    f"mosquitto_pub -h 127.0.0.1 -p $PORT -t {NODE}/command -m read": tell,
    "make sim NODES=50 DURATION=20": make_sim_for_a_time,
    "make sim BROKER=127.0.0.1:1883": make_sim_with_broker,
    "make sim WORLD=docs/worlds/greenhouse.toml DURATION=15": make_sim_with_world,
    "make test": make_test,
    ".venv/bin/fieldpost config check config.json": check_config,
    ".venv/bin/fieldpost drivers": drivers,
    ".venv/bin/fieldpost drivers bme280 --board esp32_c3": drivers,
    ".venv/bin/fieldpost new-driver greenhouse --out /tmp/greenhouse": new_driver,
    ".venv/bin/fieldpost driver-check bme280": check_driver,
    "make build CONFIG=config.json": build,
    "make factory MICROPYTHON=ESP32_GENERIC.bin CONFIG=config.json": factory,
    "make flash PORT=/dev/ttyUSB0": flash,
    "make deploy PORT=/dev/ttyUSB0": deploy,
    "make vboard CONFIG=config.json": vboard,
}


# Those that need a MicroPython for virtual boards.
VIRTUAL = (flash, deploy, vboard, check_driver)


@pytest.mark.skipif(sys.platform == "win32", reason="these are a shell's commands")
@pytest.mark.parametrize("command", COMMANDS)
def test_command_works(command):
    if KNOWN[command] in VIRTUAL and available.why_not():
        pytest.skip(available.why_not())
    KNOWN[command](command)


def test_the_example_of_a_board_test_passes(tmp_path):
    if available.why_not():
        pytest.skip(available.why_not())
    example = re.search(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL).group(1)
    (tmp_path / "test_example.py").write_text(example)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--rootdir",
        tmp_path,
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True, timeout=40)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_command_is_known():
    assert set(COMMANDS) == set(KNOWN)


def test_the_example_reading_is_one():
    example = re.search(r"^    ({\"value\".*})$", TEXT, re.MULTILINE).group(1)
    assert list(json.loads(example)) == ["value", "unit", "time", "seq"]


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
