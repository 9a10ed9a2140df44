"""A world in a file, in TOML: what World takes as a script, and around it

recordings  CSV files that are played back (recording.py), each with `file` (beside this one),
            maybe `place`, `loop` (true: it begins anew, else it stays at its end) and `speed`
sensors     what simulated nodes have, as in a node's configuration
faults      which sensor has which fault when (faults/script.py), maybe of one `node` only
"""

import sys
from pathlib import Path
from typing import NamedTuple

from . import recording, script as scripts
from .devices import emulations
from .faults.script import KEYS
from .script import ScriptError
from .weather import QUANTITIES
from .world import World

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECORDING = ("file", "place", "loop", "speed")


# What a fault of a file may say: as a FaultPlayer's, and whose it is.
FAULT = (*KEYS, "node")


class WorldFile(NamedTuple):
    """What a file says."""

    path: Path
    # World's script, and the quantities that aren't there by themselves.
    script: dict
    quantities: dict
    # A list of objects each, which whoever uses them judges; `sensors` None: none are named.
    faults: list
    sensors: list | None

    def world(self, seed: int | str) -> World:
        """Returns a World of it; it begins now."""
        return World(seed, self.script, quantities=self.quantities)

    def faults_of(self, node: str) -> list:
        """Returns the faults of a node, without its name: its own and those of all."""
        mine = [fault for fault in self.faults if fault.get("node", node) == node]
        return [{key: fault[key] for key in fault if key != "node"} for fault in mine]


def load(path) -> WorldFile:
    """Reads and judges a file. Raises ScriptError, whose text names the file."""
    path = Path(path)
    try:
        script = tomllib.loads(path.read_text(encoding="utf-8"))
        return _judged(path, script)
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{path}: it is no text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path}: {error}") from None


def _judged(path, script):
    brought = {}
    for emulation in emulations().values():
        brought.update(emulation.quantities)
    names = (*QUANTITIES, *brought)
    lists = {key: _objects(path, script, key) for key in ("recordings", "faults", "sensors")}
    sensors = lists["sensors"] if "sensors" in script else None
    script = {key: value for key, value in script.items() if key not in lists}
    try:
        scripts.check(script, names, more=tuple(lists))
    except ScriptError as error:
        # The script is the file here.
        text = str(error).removeprefix("script").removeprefix(".").strip()
        raise ScriptError(f"{path}: {text}") from None
    for number, entry in enumerate(lists["recordings"], 1):
        _play(path, f"{path}: recordings {number}", script, entry, names)
    for number, fault in enumerate(lists["faults"], 1):
        _check_fault(f"{path}: fault {number}", fault)
    return WorldFile(path, script, brought, lists["faults"], sensors)


def _check_fault(where, fault):
    # The rest is judged when its sensors are there.
    for key in fault:
        if key not in FAULT:
            raise ScriptError(f"{where}: there is no {key!r}: allowed are {', '.join(FAULT)}")
    if not isinstance(fault.get("node", ""), str):
        raise ScriptError(f"{where}: node is {fault['node']!r}: text is needed")


def _objects(path, script, key):
    found = script.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ScriptError(f"{path}: {key} is {found!r}: tables [[{key}]] are needed")
    return found


def _play(path, where, script, entry, names):
    _check_recording(where, entry)
    there = script
    if "place" in entry:
        there = script.setdefault("places", {}).setdefault(entry["place"], {})
    for name, points in recording.read(path.parent / entry["file"], names).items():
        if name in there:
            raise ScriptError(f"{where}: {entry['file']} has {name}: that is told already")
        there[name] = recording.Recording(
            points, entry.get("loop", False), entry.get("speed", 1.0)
        )


def _check_recording(where, entry):
    for key in entry:
        if key not in RECORDING:
            raise ScriptError(f"{where} has no {key!r}: allowed are {', '.join(RECORDING)}")
    for key in ("file", "place"):
        if not isinstance(entry.get(key, "" if key == "place" else None), str):
            raise ScriptError(f"{where}: {key} is {entry.get(key)!r}: text is needed")
    if not isinstance(entry.get("loop", False), bool):
        raise ScriptError(f"{where}: loop is {entry['loop']!r}: true or false is needed")
    speed = entry.get("speed", 1.0)
    if not scripts.is_number(speed) or speed <= 0:
        raise ScriptError(f"{where}: speed is {speed!r}: a number above 0 is needed")
