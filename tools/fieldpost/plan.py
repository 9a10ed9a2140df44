"""What a deploy does: from what is on a board to what is wanted there, as a list of steps.

No I/O here. Paths are the board's, without the first slash. The application goes into the slot
that is not started; until the pointer's rename the board starts the old one, from then on the new
one. Whatever step is the last that was done, whole or in part, the next plan goes on from there.
"""

import hashlib
from dataclasses import dataclass, field

from .firmware import POINTER, SLOTS

REMOVE, REMOVE_FOLDER, FOLDER, COPY, SEND, VERIFY = "remove rmdir mkdir copy send verify".split()
# What is being written, until it takes its name: <name>.new.
NEW = ".new"
# What somebody else's file of the root is kept as: <name>.old.
OLD = ".old"
BOOT, MAIN, CONFIG = "boot.py", "main.py", "config.json"
# In the order in which they are replaced. boot.py is before the pointer, since a board without
# slots has one that knows none; main.py is after it, since it finds its application in the slot.
BEFORE, AFTER = (BOOT,), (MAIN, CONFIG)
# Where boards without slots have the application: at the root, its library in lib.
FLAT = ("node", "sensors", "lib/mqtt")
# By these a board has our application there.
FLAT_APP = ("node/app.py", "node/app.mpy")
# A file of so many bytes at most lies within its folder's own blocks (a LittleFS cache).
INLINE = 128
# Blocks of a new folder.
FOLDER_BLOCKS = 2
# Blocks that LittleFS needs beside the files': for folders that grow, and to write before erasing.
SPARE_BLOCKS = 4


def digest(data):
    """Returns the SHA-256 of bytes as the board tells it."""
    return hashlib.sha256(data).hexdigest()


def pointed(data):
    """Returns what boot.py takes a pointer's bytes for."""
    return data.decode(errors="replace")[:2].strip()


@dataclass(frozen=True)
class Stored:
    """A file on the board."""

    size: int
    sum: str


@dataclass
class Found:
    """What a deploy needs to know of a board's files."""

    # Path -> Stored: what is in the slots, in FLAT, and at the root those that a deploy replaces.
    files: dict = field(default_factory=dict)
    # Folders, in the slots and in FLAT, with these themselves.
    folders: set = field(default_factory=set)
    # What the pointer says, as pointed() has it; "" without one.
    pointer: str = ""
    # Bytes of a block, and how many are free.
    block: int = 4096
    free: int = 0

    @property
    def active(self):
        """The slot that is started, None: the board has no slots yet, or a damaged pointer."""
        return self.pointer if self.pointer in SLOTS else None

    @property
    def flat(self):
        """Whether our application stands at the root."""
        return any(path in self.files for path in FLAT_APP)

    def below(self, folder):
        """Returns {path within it: Stored} of the files in a folder."""
        start = folder + "/"
        found = self.files.items()
        return {path[len(start) :]: file for path, file in found if path.startswith(start)}

    def folders_below(self, folder):
        return {path for path in self.folders if path.startswith(folder + "/")}


@dataclass(frozen=True)
class Step:
    action: str
    # What it is done to; for VERIFY the slot.
    path: str
    size: int = 0
    # Of COPY, where it is copied from.
    source: str = ""
    # Of SEND, the file's content.
    data: bytes = b""
    # Of COPY and SEND, what the file's sum is afterwards.
    sum: str = ""
    # Of VERIFY, what the sum of each file is then: {path: sum}.
    sums: dict = field(default_factory=dict)


@dataclass
class Plan:
    # The slot that is started afterwards.
    slot: str
    steps: list
    # Path -> Stored of the slot's files that are there already.
    kept: dict
    # Somebody else's files at the root that are kept under another name.
    saved: list

    @property
    def flip(self):
        """The number of the step at which the old application becomes the new one, -1: it was."""
        found = (number for number, step in enumerate(self.steps) if step.path == POINTER)
        return next(found, -1)

    def blocks(self, block):
        """Returns (blocks that the steps write before any old file goes, those they free before).

        What is removed after the pointer has changed comes too late to help.
        """
        written = freed = 0
        for step in self.steps:
            if step.action == FOLDER:
                written += FOLDER_BLOCKS
            elif step.action in (COPY, SEND):
                written += -(-step.size // block)
            elif step.action == REMOVE and step.path.startswith(self.slot + "/"):
                freed += -(-step.size // block) if step.size > INLINE else 0
        return written, freed


def make(found, app, root):
    """Returns the Plan that puts `app` into a slot and `root` at the root, {path: bytes} both."""
    slot = found.active
    before = []
    if slot is None or not _holds(found, slot, app):
        slot = SLOTS[1] if slot == SLOTS[0] else SLOTS[0]
        before = list(_fill(found, slot, app))
    saved = _foreign(found, root)
    steps = [
        *_leftovers(found),
        *before,
        *(_copy(found, name, name + OLD) for name in saved if not _saved(found, name)),
        *_replace(found, root, BEFORE),
        *([_send(POINTER, slot.encode())] if found.pointer != slot else []),
        *_replace(found, root, AFTER),
        *_flat(found),
    ]
    kept = {path: file for path, file in found.below(slot).items() if _is(file, app.get(path))}
    return Plan(slot, steps, kept, saved)


def shortage(found, plan):
    """Returns (bytes that a plan needs, bytes that there are for it)."""
    written, freed = plan.blocks(found.block)
    needed = written + SPARE_BLOCKS if written else 0
    return needed * found.block, (found.free + freed) * found.block


# ---- The slot --------------------------------------------------------------------------------


def _holds(found, slot, app):
    sums = {path: file.sum for path, file in found.below(slot).items()}
    wanted = {path: digest(data) for path, data in app.items()}
    return sums == wanted and found.folders_below(slot) == _folders(slot, app)


def _folders(slot, app):
    """Returns the folders within a slot that its files need."""
    found = set()
    for path in app:
        parts = path.split("/")[:-1]
        found.update("/".join([slot, *parts[:depth]]) for depth in range(1, len(parts) + 1))
    return found


def _fill(found, slot, app):
    """Yields the steps that make a slot hold the application and nothing else."""
    folders = _folders(slot, app) | {slot}
    stale = [path for path, file in found.below(slot).items() if not _is(file, app.get(path))]
    yield from (_remove(found, f"{slot}/{path}") for path in sorted(stale))
    if slot in found.files:
        yield _remove(found, slot)
    unwanted = found.folders_below(slot) - folders
    yield from (Step(REMOVE_FOLDER, path) for path in sorted(unwanted, reverse=True))
    yield from (Step(FOLDER, path) for path in sorted(folders - found.folders))
    sources = {file.sum: path for path, file in _elsewhere(found, slot).items()}
    for path, data in sorted(app.items()):
        if not _is(found.files.get(f"{slot}/{path}"), data):
            source = sources.get(digest(data))
            target = f"{slot}/{path}"
            yield _copy(found, source, target) if source else _send(target, data)
    yield Step(VERIFY, slot, sums={f"{slot}/{path}": digest(app[path]) for path in app})


def _elsewhere(found, slot):
    """Returns {path: Stored} of the files in the other slot."""
    others = [f"{other}/" for other in SLOTS if other != slot]
    return {path: file for path, file in found.files.items() if path.startswith(tuple(others))}


def _is(file, data):
    return file is not None and data is not None and file.sum == digest(data)


# ---- The root --------------------------------------------------------------------------------


def _foreign(found, root):
    """Returns the names of a board's start files that are not ours: it never had a deploy."""
    if found.active or found.flat:
        return []
    names = [name for name in (BOOT, MAIN) if name in found.files and name in root]
    return [name for name in names if not _is(found.files[name], root[name])]


def _saved(found, name):
    kept = found.files.get(name + OLD)
    return kept is not None and kept.sum == found.files[name].sum


def _replace(found, root, names):
    for name in names:
        if name in root and not _is(found.files.get(name), root[name]):
            yield _send(name, root[name])


def _leftovers(found):
    """Yields the steps that remove what an earlier deploy was writing when it broke off."""
    for name in (BOOT, MAIN, CONFIG, POINTER):
        for path in (name + NEW, name + OLD + NEW):
            if path in found.files:
                yield _remove(found, path)


def _flat(found):
    """Yields the steps that remove our application from the root: the slot hides it."""
    if not found.flat:
        return
    ours = [path for place in FLAT for path in _within(found, place) if _is_code(path)]
    # As long as these are there, the next plan goes on with it.
    ours.sort(key=lambda path: (path in FLAT_APP, path))
    yield from (_remove(found, path) for path in ours)
    left = set(found.files) - set(ours)
    for folder in sorted(found.folders, reverse=True):
        mine = any(folder == place or folder.startswith(place + "/") for place in FLAT)
        if mine and not any(path.startswith(folder + "/") for path in left):
            yield Step(REMOVE_FOLDER, folder)


def _within(found, place):
    return [f"{place}/{path}" for path in found.below(place)]


def _is_code(path):
    return path.endswith((".py", ".mpy"))


# ---- Steps -----------------------------------------------------------------------------------


def _remove(found, path):
    return Step(REMOVE, path, found.files[path].size)


def _copy(found, source, path):
    file = found.files[source]
    return Step(COPY, path, file.size, source=source, sum=file.sum)


def _send(path, data):
    return Step(SEND, path, len(data), data=data, sum=digest(data))
