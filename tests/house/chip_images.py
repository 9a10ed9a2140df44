"""MicroPython images for tests: a real, old one, and small ones for any chip."""

import functools
import hashlib
import operator
import struct
from pathlib import Path

from esptool.targets import CHIP_DEFS

from vboard import partitions, profile

# ESP-IDF, Partition Tables: (type, subtype) by a partition's name.
KINDS = {"nvs": (1, 2), "phy_init": (1, 1), "otadata": (1, 0), "factory": (0, 0), "vfs": (1, 0x81)}


def etboard():
    """Returns the path of a MicroPython 1.16 for the ESP32, with a `vfs` in its table."""
    import thonnycontrib.thonny_etboard_firmware as package

    folder = Path(package.__file__).parent / "etboard" / "firmware"
    return folder / "etboard_firmware_micropython_custom_0831_last.bin"


def application(chip, data, revision=0):
    """Returns an application image, or a boot loader's, whose one segment is `data`.

    It is for chips from `revision` on, 100 times the major one.
    """
    data += bytes(-len(data) % 4)
    # ESP-IDF, App Image Format: header, extended header with the chip, a SHA-256 at the end.
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000)
    number = CHIP_DEFS[chip].IMAGE_CHIP_ID
    head += struct.pack("<4BHBHH4xB", 0xEE, 0, 0, 0, number, 0, revision, 0xFFFF, 1)
    made = head + struct.pack("<II", 0x3FFB0000, len(data)) + data
    checksum = functools.reduce(operator.xor, data, 0xEF)
    made += bytes(15 - len(made) % 16) + bytes([checksum])
    return made + hashlib.sha256(made).digest()


def table(entries):
    """Returns a partition table of (name, offset, size), with its MD5."""
    made = b""
    for name, offset, size in entries:
        kind, subtype = KINDS.get(name) or (0, 0x10 + int(name[-1]))
        made += struct.pack(
            "<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name.encode(), 0
        )
    return made + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(made).digest()


def combined(chip, entries, loader=b"loader" * 100, program=b"program." * 500, more=()):
    """Returns MicroPython's whole image for a chip; `more` is (offset, bytes) put over it."""
    begin = profile.CHIPS[chip]
    first = next(offset for name, offset, _ in entries if KINDS.get(name, (0,))[0] == 0)
    pieces = [
        (begin, application(chip, loader)),
        (partitions.TABLE, table(entries)),
        (first, application(chip, program)),
        *more,
    ]
    made = bytearray(b"\xff" * (max(offset + len(data) for offset, data in pieces) - begin))
    for offset, data in pieces:
        made[offset - begin : offset - begin + len(data)] = data
    return bytes(made)


def of_board(name, layout="standard", **more):
    """Returns an image that fits a board file's layout."""
    board = profile.load(name)
    return combined(board.chip, board.layouts[layout].partitions, **more)
