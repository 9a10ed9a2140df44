"""`fieldpost build`: firmware and configuration become a board's file system."""

import hashlib
import json
from pathlib import Path

import sensors
from node.config import PATH as CONFIG
from vboard import profile as profiles

from . import command, config, firmware, image, place

# What a build consists of.
FILES, IMAGE, MANIFEST = "files", "filesystem.bin", "manifest.json"
# Where the application is in the image.
SLOT = firmware.SLOTS[0]


# What build() raises of itself, with OSError and ConfigError, whose faults are told otherwise.
ERRORS = (place.PlaceError, profiles.ProfileError, firmware.CompileError, image.ImageError)


def run(options):
    """Returns 0 for a build, 1 with the reason on stderr for none, 130 after a ctrl-C."""
    out = Path(options.out or Path("build", options.board))
    closing = f"{out}: {IMAGE}, its files in {FILES}/, {MANIFEST}"
    return command.run(options, out, build, ERRORS, closing)


def build(options, out, board=None):
    """Puts a build there; returns the lines that tell of it.

    `board` is a Profile in place of the board file's. Raises one of ERRORS, ConfigError, OSError.
    """
    board = board or profiles.load(options.board)
    place.refuse_foreign(out, (FILES, IMAGE, MANIFEST), "build")
    layout = board.layouts[options.layout]
    # All of them are there until a configuration says which it uses.
    drivers, used, filters, given = set(sensors.names()), set(), True, []
    if options.config:
        found = config.checked(options.config, board)
        drivers, filters = firmware.parts(found)
        used = drivers
        given = [firmware.File(CONFIG, Path(options.config).read_bytes(), 0, root=True)]
    known = firmware.modules()
    files = firmware.compiled(drivers, known, board.chip, used, filters) + given
    files.append(firmware.File(firmware.POINTER, SLOT.encode(), 0, root=True))
    files.sort(key=lambda file: file.place(SLOT))
    made, used = image.make({file.place(SLOT): file.data for file in files}, layout.size)
    _put(out, files, made, _manifest(options, board, files, made))
    left_out = sorted(set(known) - firmware.needed(drivers, known, filters=filters))
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
        late = " (unloaded after the start)" if file.name in firmware.GONE else late
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
    """Returns the bytes of RAM that code takes from the start on, and with all of it loaded."""
    stays = [file for file in files if file.early and file.name not in firmware.GONE]
    return sum(file.ram for file in stays), sum(file.ram for file in files)


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _put(out, files, made, manifest):
    with place.whole(out) as new:
        for file in files:
            path = new / FILES / file.place(SLOT)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        (new / IMAGE).write_bytes(made)
        (new / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
