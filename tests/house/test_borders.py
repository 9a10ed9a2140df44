"""The borders of docs/architecture.md: which room may know which, read off the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOARD = ("firmware/", "lib/")
LINES = 400

ENGINE = ("packet", "session", "topic", "router", "large", "advice")
PURE = tuple(f"lib/mqtt/{name}.py" for name in ENGINE)
IO = {"socket", "asyncio", "time", "machine", "random", "network", "select"}
FIRMWARE = {"node", "sensors", "boot", "main", "firmware"}
HOST = {"fieldpost", "vboard", "tools"}
# Package -> the modules of fieldpost that may import it: each has its say, its errors, its noise.
PLACES = {
    "mpremote": {"link"},
    "esptool": {"esplog", "factory", "flasher", "micropython"},
    "esp_pylib": {"esplog"},
    "esp_idf_nvs_partition_gen": {"nvs"},
}
# What runs on MicroPython within tools/vboard, and what there is to import: each other, and those.
ON_CHIP = tuple(f"tools/vboard/{name}/" for name in ("chip", "frozen", "port"))
STAND_INS = {file.stem for folder in ON_CHIP for file in (ROOT / folder).glob("*.py")}
MICROPYTHON = {"_thread", "array", "collections", "errno", "gc", "io", "micropython", "sys", "vfs"}
MICROPYTHON |= {f"u{name}" for name in "binascii json os random select socket struct time".split()}
# Seconds and milliseconds between the epochs of 1970, 2000 and 1900 (NTP).
EPOCHS = {seconds * unit for seconds in (946684800, 2208988800, 3155673600) for unit in (1, 1000)}
# Of MicroPython's time, what counts from an epoch or needs one; ticks and sleeps need none.
WALL_TIME = {"time", "time_ns", "gmtime", "localtime", "mktime"}

# Module of the node -> those of it that it may import. app.py may import all.
KNOWN_ROLES = {
    "allowed": {"node.topics"},
    "config": {"node.allowed", "node.filter_rules", "node.topics"},
    "start": {"node.config", "node.app", "node.crash"},
    "hardware": {"node.rescue", "node.wires"},
}


# ---- Reading a source ----------------------------------------------------------------------


def imports(path, tree):
    """Returns {dotted name} of all that is imported, wherever in the file it stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(path, node)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    # MicroPython's old names (utime, usocket) are the same modules.
    return names | {name[1:] for name in names if name[0] == "u" and name[1:] in IO}


def absolute(path, node):
    """Returns the dotted name of `from ... import`'s module, a relative one made absolute."""
    if not node.level:
        return node.module
    package = package_of(path)
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *filter(None, [node.module])])


def package_of(path):
    parts = Path(path).parts
    return list(parts[1:-1])


def roots(path, tree):
    return {name.partition(".")[0] for name in imports(path, tree)}


# ---- The rules: each takes (path, tree) and returns what breaks it ---------------------------


def protocol_is_pure(path, tree):
    """The engine is driven by bytes and a clock handed in; advice.py only finds words for it."""
    return roots(path, tree) & IO if path in PURE else set()


def libraries_know_no_node(path, tree):
    """lib/ is of use on its own: it knows neither the firmware nor the host's tools."""
    return roots(path, tree) & (FIRMWARE | HOST) if path.startswith("lib/") else set()


def firmware_knows_no_tools(path, tree):
    """What stands on a board has no "if simulated"."""
    return roots(path, tree) & HOST if path.startswith("firmware/") else set()


def drivers_know_no_node(path, tree):
    """A driver gets its bus: it knows neither the node nor the pins."""
    if not path.startswith("firmware/sensors/"):
        return set()
    return roots(path, tree) & {"node", "machine", "umachine", "main", "boot"}


def roles_know_no_role(path, tree):
    """app.py hands the roles what they need. topics.py is rules, as config.py is, no role.

    start.py is there before the node and after its crash: it knows app.py, and two for itself.
    wires.py and rescue.py are the parts of hardware.py that are loaded late.
    """
    if not path.startswith("firmware/node/") or path.endswith("/app.py"):
        return set()
    allowed = KNOWN_ROLES.get(Path(path).stem, set())
    modules = {".".join(name.split(".")[:2]) for name in imports(path, tree)}
    known = {name for name in modules if name.startswith("node.")}
    if path.endswith("/__init__.py") or "node" in modules and not known:
        return known | (modules & {"node"})
    return known - allowed - {"node." + Path(path).stem}


def one_place_knows_epochs(path, tree):
    """Wall time and the RTC are clock.py's; all others count ticks or are told the time."""
    if not path.startswith(BOARD) or path == "firmware/node/clock.py":
        return set()
    return (imports(path, tree) & {"ntptime"}) | set(filter(None, map(epoch, ast.walk(tree))))


def epoch(node):
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value in EPOCHS:
        return f"the epoch {node.value}"
    if isinstance(node, ast.Attribute) and node.attr in {"datetime", "settime"}:
        return f".{node.attr}"
    if isinstance(node, ast.Attribute) and node.attr in WALL_TIME:
        return f"time.{node.attr}" if is_time(node.value) else None
    if isinstance(node, ast.ImportFrom) and node.module in {"time", "utime"}:
        return ", ".join(sorted({alias.name for alias in node.names} & WALL_TIME))
    return None


def is_time(node):
    return isinstance(node, ast.Name) and node.id in {"time", "utime"}


def board_has_no_typing(path, tree):
    """MicroPython has no module typing."""
    unknown = {"typing", "typing_extensions", "__future__", "contextlib", "pathlib"}
    return roots(path, tree) & unknown if path.startswith(BOARD) else set()


def virtual_board_knows_no_firmware(path, tree):
    """The virtual board runs any firmware; it is a chip, not a part of ours."""
    return roots(path, tree) & FIRMWARE if path.startswith("tools/vboard/") else set()


def virtual_board_knows_no_tool(path, tree):
    """It is of use to others' tests: ours are around it, not in it."""
    return roots(path, tree) & (HOST - {"vboard"}) if path.startswith("tools/vboard/") else set()


def stand_ins_run_on_micropython(path, tree):
    """chip/, frozen/ and port/ run where there is no CPython."""
    if not path.startswith(ON_CHIP):
        return set()
    # By MicroPython's old names nobody's file is in the way; imports() gives both.
    known = STAND_INS | MICROPYTHON | {name[1:] for name in MICROPYTHON}
    return roots(path, tree) - known


def packages_have_their_place(path, tree):
    """A port or a chip is driven in one place, where the package's errors are known."""
    if not path.startswith("tools/fieldpost/"):
        return set()
    return {
        name for name in roots(path, tree) & PLACES.keys() if Path(path).stem not in PLACES[name]
    }


RULES = (
    protocol_is_pure,
    libraries_know_no_node,
    firmware_knows_no_tools,
    drivers_know_no_node,
    roles_know_no_role,
    one_place_knows_epochs,
    board_has_no_typing,
    virtual_board_knows_no_firmware,
    virtual_board_knows_no_tool,
    stand_ins_run_on_micropython,
    packages_have_their_place,
)


def faults(rule, path, source):
    return sorted(rule(path, ast.parse(source)))


# ---- The house keeps them --------------------------------------------------------------------


def house():
    for folder in (*BOARD, "tools/vboard/", "tools/fieldpost/"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_border_holds(rule):
    broken = {path: faults(rule, path, source) for path, source in house()}
    assert {path: found for path, found in broken.items() if found} == {}, rule.__doc__


def test_files_on_the_board_are_short():
    lengths = {path: len(source.splitlines()) for path, source in house()}
    long = {p: n for p, n in lengths.items() if p.startswith(BOARD) and n >= LINES}
    assert long == {}


def test_the_rules_meet_their_files():
    paths = {path for path, _ in house()}
    assert {*PURE, "firmware/node/app.py", "firmware/node/clock.py"} <= paths
    assert all(any(path.startswith(folder) for path in paths) for folder in ON_CHIP)
    for package, stems in PLACES.items():
        for path in (f"tools/fieldpost/{stem}.py" for stem in stems):
            assert package in roots(path, ast.parse((ROOT / path).read_text(encoding="utf-8")))


# ---- The rules find what breaks them -----------------------------------------------------------

BROKEN = (
    (protocol_is_pure, "lib/mqtt/packet.py", "import time"),
    (protocol_is_pure, "lib/mqtt/session.py", "def f():\n    from asyncio import sleep"),
    (protocol_is_pure, "lib/mqtt/topic.py", "import usocket"),
    (protocol_is_pure, "lib/mqtt/topic.py", "import random, struct"),
    (libraries_know_no_node, "lib/mqtt/client.py", "from node.config import load"),
    (libraries_know_no_node, "lib/mqtt/client.py", "import sensors"),
    (libraries_know_no_node, "lib/flashlog/log.py", "import fieldpost.cli"),
    (firmware_knows_no_tools, "firmware/node/app.py", "import vboard"),
    (drivers_know_no_node, "firmware/sensors/bme280.py", "from machine import I2C"),
    (drivers_know_no_node, "firmware/sensors/bme280.py", "import node.config as c"),
    (drivers_know_no_node, "firmware/sensors/bme280.py", "from node import config"),
    (roles_know_no_role, "firmware/node/wifi.py", "from node.clock import now"),
    (roles_know_no_role, "firmware/node/wifi.py", "from node import clock"),
    (roles_know_no_role, "firmware/node/wifi.py", "from . import clock"),
    (roles_know_no_role, "firmware/node/wifi.py", "from .clock import now"),
    (roles_know_no_role, "firmware/node/wifi.py", "import node"),
    (roles_know_no_role, "firmware/node/reporter.py", "from node import topics"),
    (roles_know_no_role, "firmware/node/topics.py", "from node import config"),
    (roles_know_no_role, "firmware/node/config.py", "from node import topics, wifi"),
    (roles_know_no_role, "firmware/node/__init__.py", "from node import app"),
    (roles_know_no_role, "firmware/node/start.py", "from node import wifi"),
    (roles_know_no_role, "firmware/node/crash.py", "from node import start"),
    (one_place_knows_epochs, "firmware/node/sampler.py", "import ntptime"),
    (one_place_knows_epochs, "firmware/node/sampler.py", "OFFSET = 946_684_800_000"),
    (one_place_knows_epochs, "firmware/node/app.py", "machine.RTC().datetime((2026, 1))"),
    (one_place_knows_epochs, "firmware/node/app.py", "now = time.time()"),
    (one_place_knows_epochs, "firmware/main.py", "from time import gmtime"),
    (one_place_knows_epochs, "lib/mqtt/client.py", "year = time.localtime()[0]"),
    (board_has_no_typing, "firmware/node/app.py", "from typing import Any"),
    (board_has_no_typing, "lib/mqtt/client.py", "import typing"),
    (virtual_board_knows_no_firmware, "tools/vboard/board.py", "from node import config"),
    (virtual_board_knows_no_firmware, "tools/vboard/devices/bme280.py", "import sensors"),
    (virtual_board_knows_no_tool, "tools/vboard/virtual.py", "from fieldpost import image"),
    (stand_ins_run_on_micropython, "tools/vboard/chip/machine.py", "import threading"),
    (stand_ins_run_on_micropython, "tools/vboard/frozen/dht.py", "from pathlib import Path"),
    (stand_ins_run_on_micropython, "tools/vboard/port/socket.py", "from .. import relay"),
    (packages_have_their_place, "tools/fieldpost/deploy.py", "from mpremote import transport"),
    (packages_have_their_place, "tools/fieldpost/flash.py", "def f():\n    import esptool"),
    (packages_have_their_place, "tools/fieldpost/link.py", "from esptool.cmds import reset_chip"),
)

KEPT = (
    (protocol_is_pure, "lib/mqtt/packet.py", "import struct"),
    (protocol_is_pure, "lib/mqtt/client.py", "import asyncio, time, socket"),
    (libraries_know_no_node, "lib/mqtt/client.py", "from mqtt import packet\nfrom . import topic"),
    (drivers_know_no_node, "firmware/sensors/bme280.py", "from sensors import SensorError"),
    (roles_know_no_role, "firmware/node/app.py", "from node import clock, config, wifi"),
    (roles_know_no_role, "firmware/node/config.py", "from node import topics"),
    (roles_know_no_role, "firmware/node/config.py", "from .topics import check"),
    (roles_know_no_role, "firmware/node/start.py", "from node.app import Node"),
    (roles_know_no_role, "firmware/node/reporter.py", "import json\nfrom mqtt import topic"),
    (one_place_knows_epochs, "firmware/node/clock.py", "EPOCH = 946684800\nimport ntptime"),
    (one_place_knows_epochs, "firmware/node/app.py", "import time\ntime.ticks_ms()"),
    (one_place_knows_epochs, "firmware/boot.py", "machine.RTC().memory(b'')"),
    (one_place_knows_epochs, "firmware/node/reporter.py", "reading.time = clock.time()"),
    (one_place_knows_epochs, "tools/vboard/clock.py", "OFFSET = 946684800"),
    (board_has_no_typing, "tools/vboard/board.py", "from typing import Any"),
    (virtual_board_knows_no_firmware, "tools/fieldpost/sim.py", "from node import config"),
    (virtual_board_knows_no_tool, "tools/fieldpost/desk.py", "from . import boards"),
    (virtual_board_knows_no_tool, "tools/vboard/vm.py", "from . import relay\nimport vboard.air"),
    (stand_ins_run_on_micropython, "tools/vboard/port/time.py", "import _board\nimport utime"),
    (stand_ins_run_on_micropython, "tools/vboard/process.py", "import subprocess"),
    (packages_have_their_place, "tools/fieldpost/link.py", "from mpremote import transport"),
    (packages_have_their_place, "tools/vboard/loader.py", "from esptool import targets"),
)


@pytest.mark.parametrize(("rule", "path", "source"), BROKEN)
def test_a_broken_border_is_found(rule, path, source):
    assert faults(rule, path, source)


@pytest.mark.parametrize(("rule", "path", "source"), KEPT)
def test_what_a_border_allows_passes(rule, path, source):
    assert faults(rule, path, source) == []


def test_each_rule_is_shown_both_ways():
    assert {case[0] for case in BROKEN} == set(RULES)
    assert {case[0] for case in KEPT} >= set(RULES) - {firmware_knows_no_tools}
