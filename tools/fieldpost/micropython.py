"""MicroPython's image for a board: judged against the board file, cut into what is written.

The image that micropython.org offers is one piece: boot loader, partition table at 0x8000, blank
bytes over all that belongs to the board (NVS), application. Written as it is, it erases NVS.
"""

import dataclasses
import io
import struct
from dataclasses import dataclass

from esptool.bin_image import ESP32FirmwareImage
from esptool.targets import CHIP_DEFS

from vboard import partitions
from vboard.profile import CHIPS, FIRST, SECTOR, Layout

from . import esplog
from .parts import Part

# Application image (ESP-IDF, App Image Format): magic, and in the extended header the chip.
MAGIC = 0xE9
CHIP_AT = 12
HEADER = 24

APP = 0
# Of data partitions: which application slot is started, and NVS.
OTA_DATA, NVS = 0x00, 0x02
# Partitions that are the file system, where the table names one: MicroPython before 1.26.
FILES = ("vfs", "ffat")


class MicroPythonError(Exception):
    """An image that can't be used for the board; the text says why and what to do."""


@dataclass(frozen=True)
class Image:
    """An image that was found good."""

    # What is written of it.
    parts: tuple
    # Partitions: NVS, the file system, and those that are left as they are.
    nvs: partitions.Partition | None
    files: partitions.Partition
    kept: tuple


def judged(data, board, layout):
    """Returns the Image in `data` for a Profile's layout, by its name. Raises MicroPythonError."""
    _check_header(data, board.chip, "it is")
    view = _View(data, board.image_offset, board.flash)
    listed, known = _partitions(view)
    _check_layout(listed, board, layout)
    files = _file_system(known, listed)
    parts = (_loader(view, board), *_cut(view, listed, board.chip))
    written = {part.offset for part in parts}
    return Image(
        parts=parts,
        nvs=next((one for one in listed if _is(one, NVS)), None),
        files=files,
        kept=tuple(one for one in listed if one.offset not in written and one != files),
    )


def profile_for(image, board, layout):
    """Returns the Profile with the file system where the image has it, which may be elsewhere."""
    found = board.layouts[layout]
    place = Layout(found.partitions, image.files.offset, image.files.size)
    return dataclasses.replace(board, layouts={**board.layouts, layout: place})


class _View:
    """An image as the flash would show it: what partitions.load reads."""

    def __init__(self, data, offset, size):
        self._data, self._offset, self.size = data, offset, size

    def read(self, offset, length):
        """Returns so many bytes, blank where the image has ended."""
        return self.image(offset, length).ljust(length, b"\xff")

    def image(self, offset, length):
        """Returns what the image has there, as far as it goes."""
        begin = offset - self._offset
        return self._data[begin : begin + length]


def _partitions(view):
    """Returns (those that the table lists, {label: as MicroPython has them})."""
    if view.read(partitions.TABLE, len(partitions.MAGIC)) != partitions.MAGIC:
        raise MicroPythonError(
            f"no partition table at {partitions.TABLE:#x}: it must be the whole image, the .bin "
            "and not the .app-bin"
        )
    try:
        listed = partitions.parse(view.read(partitions.TABLE, partitions.LENGTH))
        return listed, partitions.load(view)
    except partitions.PartitionError as error:
        raise MicroPythonError(str(error)) from None


def _is(partition, subtype):
    return (partition.type, partition.subtype) == (partitions.DATA, subtype)


# ---- What is judged ----------------------------------------------------------------------------


def _check_header(data, chip, subject):
    if len(data) < HEADER or data[0] != MAGIC:
        raise MicroPythonError(
            f"{subject} no ESP image: it begins with {data[:4].hex() or 'nothing'}"
        )
    (number,) = struct.unpack_from("<H", data, CHIP_AT)
    if number != CHIP_DEFS[chip].IMAGE_CHIP_ID:
        chips = {CHIP_DEFS[name].IMAGE_CHIP_ID: name for name in CHIPS}
        other = chips.get(number, f"the chip of number {number}")
        raise MicroPythonError(f"{subject} for {other}, the board has an {chip}")


def _check_integrity(data, what):
    """An application that was cut off would only be noticed by the boot loader, as a reset."""
    with esplog.quiet():
        try:
            image = ESP32FirmwareImage(io.BytesIO(data))
        except (RuntimeError, struct.error, IndexError, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MicroPythonError(f"its {what} is damaged: {reason}") from None
    if image.append_digest and image.stored_digest != image.calc_digest:
        raise MicroPythonError(f"its {what} is damaged: its SHA-256 is wrong")
    if image.checksum != image.calculate_checksum():
        raise MicroPythonError(f"its {what} is damaged: its checksum is wrong")


def _check_layout(listed, board, layout):
    differing = _differences(listed, board.layouts[layout])
    if not differing:
        return
    for name, other in board.layouts.items():
        if not _differences(listed, other):
            raise MicroPythonError(f"it is for another layout: --layout {name}")
    raise MicroPythonError(
        f"its partitions are not those of the board file's {layout} layout: "
        + "; ".join(differing)
    )


def _differences(listed, layout):
    """Returns a line for each partition that the two have otherwise."""
    # With a file system of its own in the table, what an application leaves is no file system.
    own_files = any(found.label in FILES for found in listed)
    found = {
        partition.label: (partition.offset, partition.size)
        for partition in listed
        if partition.label not in FILES
    }
    apps = {partition.label for partition in listed if partition.type == APP}
    wanted = {label: (offset, size) for label, offset, size in layout.partitions}
    lines = []
    for label in sorted(found.keys() | wanted.keys()):
        here, there = found.get(label), wanted.get(label)
        if here == there:
            continue
        smaller = here and there and here[0] == there[0] and here[1] < there[1]
        if not (smaller and own_files and label in apps):
            lines.append(f"{label} at {_place(here)}, in the board file at {_place(there)}")
    return lines


def _place(place):
    return f"{place[0]:#x} of {place[1]:#x} bytes" if place else "no place"


def _file_system(known, listed):
    """Returns the partition of the files: the table's, or what MicroPython makes of the rest."""
    found = next((known[label] for label in FILES if label in known), None)
    if found is None:
        raise MicroPythonError("its partitions leave no room for a file system")
    if found.offset % SECTOR or found.size % SECTOR or not found.size:
        raise MicroPythonError(
            f"its file system at {_place((found.offset, found.size))} is uneven"
        )
    for other in listed:
        if other != found and other.offset < found.end and found.offset < other.end:
            raise MicroPythonError(f"its file system lies over its partition {other.label}")
    return found


# ---- What is written ---------------------------------------------------------------------------


def _loader(view, board):
    """Returns the Part of all that is before the first partition: boot loader and table."""
    data = view.image(board.image_offset, FIRST - board.image_offset)
    _check_integrity(data, "boot loader")
    return Part("bootloader", board.image_offset, data)


def _cut(view, listed, chip):
    """Yields a Part for each partition that the image has something for."""
    started = False
    for partition in sorted(listed, key=lambda partition: partition.offset):
        piece = view.image(partition.offset, partition.size)
        if partition.type == APP and piece.strip(b"\xff"):
            _check_header(piece, chip, f"its partition {partition.label} is")
            _check_integrity(piece, f"application in {partition.label}")
            yield Part(partition.label if started else "micropython", partition.offset, piece)
            started = True
        elif _belongs(partition, piece):
            whole = view.read(partition.offset, partition.size)
            yield Part(partition.label, partition.offset, whole)
    if not started:
        raise MicroPythonError("there is no application in it")


def _belongs(partition, piece):
    """True for data that goes with the application; NVS and the files are the board's own."""
    if partition.label in FILES or partition.type != partitions.DATA or _is(partition, NVS):
        return False
    # Blank as well: else a board would go on starting the application in its other slot.
    return _is(partition, OTA_DATA) or bool(piece.strip(b"\xff"))
