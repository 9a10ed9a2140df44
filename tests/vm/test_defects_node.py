"""The defects that concern a node, on the emulated board: what is true of ours now."""

import ast
import json
import re
import time

import pytest

from fieldpost import broker as brokers
from fieldpost.project import ON_BOARD
from vboard import Air, Board
from vm import needs_mosquitto

CONFIG = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "fieldpost", "password": "fieldpost-sim"},
    "broker": {"host": "127.0.0.1"},
    "sensors": [{"driver": "chip", "interval": 3600}],
}


@pytest.fixture
def air():
    made = Air()
    made.association_s = 0.05
    yield made
    made.close()


@pytest.fixture
def board(tmp_path, air):
    """A board with the firmware, not switched on, whose broker is not there yet."""
    with Board(tmp_path / "board", air) as made:
        made.config = json.loads(json.dumps(CONFIG))
        made.config["broker"]["port"] = brokers.free_port()
        made.install(*ON_BOARD, config=json.dumps(made.config))
        yield made


def tune(board, name, **constants):
    path = board.flash.path(name)
    text = path.read_text()
    for constant, value in constants.items():
        text, count = re.subn(rf"\b{constant} = [\d_]+", f"{constant} = {value}", text)
        assert count == 1, f"{name} has {count} times a number {constant}"
    path.write_text(text)


def files(board):
    """Returns all that is on the flash."""
    root = board.flash.path("/")
    found = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in found.items()}


@needs_mosquitto
def test_defect_13_no_broker_is_no_reason_to_touch_wifi_or_to_reboot(board, tmp_path):
    tune(board, "/lib/mqtt/client.py", backoff_base_ms=20, backoff_cap_ms=60)
    connects = []
    connect = board.radio.connect
    board.radio.connect = lambda *args: connects.append(args) or connect(*args)
    board.power_on()
    # Attempts that fill hours with the pauses of a real node.
    end = time.monotonic() + 20
    while board.console.count("; again in") < 20:
        assert time.monotonic() < end, board.console
        time.sleep(0.01)
    port = board.config["broker"]["port"]
    with brokers.mosquitto(tmp_path / "broker", "", port):
        board.wait_console("mqtt: online")
    assert len(connects) == 1 and board.boots == [1]
    assert board.console.count("wifi: joined") == 1 and "wifi: lost" not in board.console


def calls(tree):
    """Returns the names that a source calls: `f` of f() and of x.f()."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", None))


def test_defect_16_the_node_does_not_sleep():
    # When it does, this row of docs/defects.md changes, and a sleeping node has to say so.
    for folder, _ in ON_BOARD:
        for file in folder.rglob("*.py"):
            called = set(calls(ast.parse(file.read_text(encoding="utf-8"))))
            assert not called & {"deepsleep", "lightsleep"}, file


@needs_mosquitto
def test_defect_17_quick_power_cycles_and_resets_wipe_nothing(board, tmp_path):
    stages = (None, "node: acme/n1", "wifi: joined", "mqtt: ")
    before = files(board)
    for i in range(16):
        mark = board.mark()
        board.power_on()
        if stages[i % 4]:
            board.wait_console(stages[i % 4], since=mark)
        if i % 3 == 2:
            board.press_reset()
        board.power_off()
    assert files(board) == before
    mark = board.mark()
    with brokers.mosquitto(tmp_path / "broker", "", board.config["broker"]["port"]):
        board.power_on()
        # No safe mode, no access point of its own: it is what it was configured to be.
        board.wait_console("mqtt: online", since=mark)


def test_defect_18_will_birth_and_farewell_are_retained_alike():
    from node.status import Status

    status = Status("acme/n1/status", "acme/n1/faults")
    online, offline = status.online(), status.offline()
    assert online[0] == offline[0] and online[1] != offline[1]
    assert online[2:] == offline[2:] == (1, True)


@pytest.mark.parametrize("when", ["no network", "no broker", "online"])
@needs_mosquitto
def test_defect_19_ctrl_c_gets_the_prompt_and_no_watchdog_takes_it(board, air, tmp_path, when):
    tune(board, "node/config.py", WATCHDOG_MIN=1)
    board.config["watchdog"] = 1
    if when == "no network":
        board.config["wifi"]["ssid"] = "elsewhere"
    board.install(config=json.dumps(board.config))
    port = board.config["broker"]["port"]
    with brokers.mosquitto(tmp_path / "broker", "", port if when == "online" else None):
        board.power_on()
        board.wait_console({"online": "mqtt: online", "no broker": "mqtt: "}.get(when, "node: "))
        board.interrupt()
        board.wait_state("repl")
    # Longer than the watchdog's patience.
    end = time.monotonic() + 1.3
    while time.monotonic() < end:
        assert board.state == "repl" and board.boots == [1], board.console
        time.sleep(0.02)
