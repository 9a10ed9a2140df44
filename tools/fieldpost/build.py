"""`fieldpost build`: firmware and configuration become a board's file system."""

import contextlib
import hashlib
import json
import shutil
import signal
import tempfile
from pathlib import Path

import sensors
from node.config import PATH as CONFIG, ConfigError
from vboard import profile as profiles

from . import config, firmware, image
from .output import complain

# What a build consists of.
FILES, IMAGE, MANIFEST = "files", "filesystem.bin", "manifest.json"
# Where the application is in the image.
SLOT = firmware.SLOTS[0]


class BuildError(Exception):
    """No build can be put there; the text says why."""


def run(options):
    """Returns 0 for a build, 1 with the reason on stderr for none, 130 after a ctrl-C."""
    out = Path(options.out or Path("build", options.board))
    try:
        with _interruptible():
            lines = _build(options, out.resolve())
    except ConfigError as error:
        for fault in error.faults:
            complain(f"{options.config}: {fault}")
        return 1
    except (
        BuildError,
        profiles.ProfileError,
        firmware.CompileError,
        image.ImageError,
    ) as error:
        complain(f"fieldpost build: {error}")
        return 1
    except OSError as error:
        complain(f"fieldpost build: {out}: can't be written: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        return 130
    for line in lines:
        print(line)
    print(f"{out}: {IMAGE}, its files in {FILES}/, {MANIFEST}")
    return 0


def _build(options, out):
    """Puts a build there; returns the lines that tell of it."""
    board = profiles.load(options.board)
    _refuse_foreign(out)
    layout = board.layouts[options.layout]
    drivers = set(sensors.names())
    given = []
    if options.config:
        found = config.checked(options.config, board)
        drivers = {sensor["driver"] for sensor in found["sensors"]}
        given = [firmware.File(CONFIG, Path(options.config).read_bytes(), 0, root=True)]
    known = firmware.modules()
    files = firmware.compiled(drivers, known, board.chip) + given
    files.append(firmware.File(firmware.POINTER, SLOT.encode(), 0, root=True))
    files.sort(key=lambda file: file.place(SLOT))
    made, used = image.make({file.place(SLOT): file.data for file in files}, layout.size)
    _put(out, files, made, _manifest(options, board, files, made))
    left_out = sorted(set(known) - firmware.needed(drivers, known))
    return [
        f"{board.name}, drivers: {', '.join(sorted(drivers))}",
        f"left out: {', '.join(left_out) or 'nothing'}",
        *_sizes(files),
        *_memory(files, board),
        f"file system: {used * image.BLOCK:,} of {layout.size:,} bytes used, "
        f"at {layout.offset:#x} ({options.layout} layout)",
    ]


# ---- What is told of it ----------------------------------------------------------------------


def _manifest(options, board, files, made):
    layout = board.layouts[options.layout]
    start, whole = _ram(files)
    return {
        "board": options.board,
        "chip": board.chip,
        "layout": options.layout,
        "image": {
            "file": IMAGE,
            "offset": layout.offset,
            "size": layout.size,
            "sha256": _sha256(made),
        },
        "ram": {"start": start, "whole": whole, "budget": board.budget},
        "slot": SLOT,
        # By their place at the root, by their place in the slot.
        "root": _told(file for file in files if file.root),
        "app": _told(file for file in files if not file.root),
    }


def _told(files):
    return {file.path: {"size": len(file.data), "sha256": _sha256(file.data)} for file in files}


def _sizes(files):
    yield f"{'bytes':>9}{'RAM':>9}  file"
    for file in files:
        late = "" if file.early else " (loaded when it is needed)"
        yield f"{len(file.data):>9,}{file.ram:>9,}  {file.place(SLOT)}{late}"
    total = sum(len(file.data) for file in files)
    yield f"{total:>9,}{_ram(files)[1]:>9,}  {len(files)} files"


def _memory(files, board):
    start, whole = _ram(files)
    yield (
        f"RAM: the code takes about {start:,} bytes at the start, {whole:,} with all loaded, of "
        f"{board.budget:,} for code and data"
    )
    yield f"(estimated: {firmware.RAM_PER_BYTE} bytes a byte of bytecode, measured on 32 bits)"
    if start > board.budget:
        yield f"warning: the code alone is over the RAM budget of {board.name}"


def _ram(files):
    """Returns the bytes of RAM that code takes at the start, and with all of it loaded."""
    return sum(file.ram for file in files if file.early), sum(file.ram for file in files)


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---- Where it is put -------------------------------------------------------------------------


def _refuse_foreign(out):
    """Raises BuildError for a folder with anything in it that isn't a build's."""
    if not out.exists():
        return
    if not out.is_dir():
        raise BuildError(f"{out}: a file, not a folder")
    foreign = sorted({path.name for path in out.iterdir()} - {FILES, IMAGE, MANIFEST})
    if foreign:
        raise BuildError(f"{out}: holds {foreign[0]}, which no build made: name another folder")


def _put(out, files, made, manifest):
    """Writes a build beside its place, then puts it there: whole, or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    # For its owner alone, as mkdtemp makes it: the configuration has passwords.
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new, old = beside / "new", beside / "old"
        new.mkdir(0o700)
        for file in files:
            path = new / FILES / file.place(SLOT)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        (new / IMAGE).write_bytes(made)
        (new / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        if out.exists():
            out.rename(old)
        try:
            new.rename(out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def _interruptible():
    # The command begins with a ctrl-C that ends it at once: from here on there is to tidy up.
    def stop(*_):
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
