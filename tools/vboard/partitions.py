"""The partition table in a flash, in ESP-IDF's format, and the `vfs` that MicroPython adds."""

import hashlib
import struct
from dataclasses import dataclass

# Where the table lies, and its length: 95 partitions and the MD5.
TABLE = 0x8000
LENGTH = 0xC00
# Magic, type, subtype, offset, size, label, flags.
ENTRY = struct.Struct("<2sBBII16sI")
MAGIC = b"\xaa\x50"
# Begins the entry that has the MD5 of those before it in its second half.
MD5_MARK = b"\xeb\xeb" + b"\xff" * 14
END = b"\xff" * ENTRY.size

APP, DATA = 0, 1
# Of DATA: what MicroPython gives its `vfs`, whatever file system is in it.
FAT = 0x81
# Label -> (type, subtype), as in ports/esp32/partitions-*.csv. Application slots count from OTA.
KINDS = {"factory": (APP, 0), "nvs": (DATA, 2), "phy_init": (DATA, 1), "otadata": (DATA, 0)}
OTA = 0x10


class PartitionError(Exception):
    """A partition table that a boot loader refuses; the text says what is wrong with it."""


@dataclass(frozen=True)
class Partition:
    label: str
    type: int
    subtype: int
    offset: int
    size: int
    # 1: encrypted, 2: read-only.
    flags: int = 0

    @property
    def end(self):
        return self.offset + self.size

    @property
    def app(self):
        """True for what can boot."""
        return self.type == APP


def load(flash):
    """Returns {label: Partition} as a running MicroPython finds them. Raises PartitionError."""
    found = parse(flash.read(TABLE, LENGTH))
    for partition in found:
        if partition.end > flash.size:
            raise PartitionError(
                f"partition {partition.label!r} ends at {partition.end:#x}, "
                f"the flash at {flash.size:#x}"
            )
    known = {partition.label: partition for partition in found}
    # MicroPython from 1.26 on: what is behind the last partition, if no table says otherwise.
    end = max(partition.end for partition in found)
    if not known.keys() & {"vfs", "ffat"} and end < flash.size:
        known["vfs"] = Partition("vfs", DATA, FAT, end, flash.size - end)
    return known


def named(places):
    """Returns Partitions of (label, offset, size), as a board file names them."""
    return [Partition(label, *_kind(label), offset, size) for label, offset, size in places]


def _kind(label):
    if label.startswith("ota_"):
        return APP, OTA + int(label[len("ota_") :])
    return KINDS.get(label, (DATA, FAT))


def build(partitions):
    """Returns the bytes of a table with its MD5, LENGTH of them."""
    entries = b"".join(
        ENTRY.pack(MAGIC, p.type, p.subtype, p.offset, p.size, p.label.encode(), p.flags)
        for p in partitions
    )
    return (entries + MD5_MARK + hashlib.md5(entries).digest()).ljust(LENGTH, b"\xff")


def parse(table):
    """Returns the list of Partitions in a table's bytes. Raises PartitionError."""
    found, checked = [], False
    for start in range(0, len(table), ENTRY.size):
        entry = table[start : start + ENTRY.size]
        if entry == END:
            break
        if entry.startswith(MD5_MARK):
            _check_md5(table[:start], entry[len(MD5_MARK) :], checked)
            checked = True
        elif entry.startswith(MAGIC):
            found.append(_partition(entry, start))
        else:
            raise PartitionError(f"entry at {TABLE + start:#x} begins with {entry[:2].hex()}")
    if not found:
        raise PartitionError(f"no partition table at {TABLE:#x}")
    if not checked:
        raise PartitionError("the partition table has no MD5")
    return found


def _check_md5(before, expected, checked):
    if checked:
        raise PartitionError("the partition table has a second MD5")
    if hashlib.md5(before).digest() != expected:
        raise PartitionError("the partition table's MD5 is wrong: it is damaged")


def _partition(entry, start):
    _, kind, subtype, offset, size, label, flags = ENTRY.unpack(entry)
    try:
        name = label.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise PartitionError(f"entry at {TABLE + start:#x} has no text as label") from None
    return Partition(name, kind, subtype, offset, size, flags)
