"""A page of an NVS partition as ESP-IDF writes it: a header, states, 126 entries of 32 bytes.

Sources: ESP-IDF Programming Guide, "Non-Volatile Storage Library", Internals; ESP-IDF's
components/nvs_flash. Encrypted partitions are not known here.
"""

import struct
import zlib
from dataclasses import dataclass

from .flash import BLANK, SECTOR

ENTRY = 32
ENTRIES = 126
# What the value of one item can have at most, bytes: a page less the entry that begins it.
VALUE_MAX = (ENTRIES - 1) * ENTRY
# Format version 2; later ones count down.
VERSION = 0xFE

# State of a page, sequence number, version, reserved; the CRC32 is of all but the state.
HEADER = struct.Struct("<IIB19sI")
# Each state clears one bit more than the one before. UNUSED is an erased page.
UNUSED, ACTIVE, FULL, FREEING = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8
# A page that has no meaning: it counts as free, and is erased before its use.
CORRUPT = 0
IN_USE = (ACTIVE, FULL, FREEING)

# State of an entry, two bits of the table behind the header.
EMPTY, WRITTEN, ERASED = 0b11, 0b10, 0b00
# The table has room for two entries that a page hasn't.
TABLE = range(128)
TABLE_START, ENTRIES_START = 32, 64
# Entries whose states lie in one word, the least that is programmed.
WORD = 16

# Namespace, type, span, chunk, CRC32 of the rest, key, data.
HEAD = struct.Struct("<BBBBI16s8s")
# In `data` of a value of any length: its length, reserved, its CRC32.
LENGTH = struct.Struct("<HHI")
# In `data` of a blob's index: length of the whole, number of its chunks, number of the first.
INDEX = struct.Struct("<IBBH")
# Chunk number of all that is no chunk.
NO_CHUNK = 0xFF

NUMBERS = {
    "u8": (0x01, struct.Struct("<B")),
    "i8": (0x11, struct.Struct("<b")),
    "u16": (0x02, struct.Struct("<H")),
    "i16": (0x12, struct.Struct("<h")),
    "u32": (0x04, struct.Struct("<I")),
    "i32": (0x14, struct.Struct("<i")),
    "u64": (0x08, struct.Struct("<Q")),
    "i64": (0x18, struct.Struct("<q")),
    "float": (0x24, struct.Struct("<f")),
    "double": (0x28, struct.Struct("<d")),
}
NUMBER_TYPES = {number: (kind, packing) for kind, (number, packing) in NUMBERS.items()}
# OLD_BLOB is version 1's, of one page at most; since then a blob is its chunks and their index.
STRING, OLD_BLOB, CHUNK, BLOB = 0x21, 0x41, 0x42, 0x48
ANY_LENGTH = (STRING, OLD_BLOB, CHUNK)


@dataclass(frozen=True)
class Item:
    """What the first entry of a value says."""

    namespace: int
    type: int
    # Entries in all, this one included.
    span: int
    chunk: int
    # UTF-8, without the zeros behind it.
    key: bytes
    # The number itself, LENGTH or INDEX.
    data: bytes

    def head(self):
        """Returns the entry's 32 bytes."""
        fields = [self.namespace, self.type, self.span, self.chunk, 0, self.key, self.data]
        fields[4] = _crc_of_head(HEAD.pack(*fields))
        return HEAD.pack(*fields)


def number(namespace, key, kind, value):
    """Returns (Item, entries). Raises struct.error for what the kind can't hold."""
    type, packing = NUMBERS[kind]
    item = Item(namespace, type, 1, NO_CHUNK, key, packing.pack(value).ljust(8, b"\xff"))
    return item, item.head()


def any_length(namespace, key, type, value, chunk=NO_CHUNK):
    """Returns (Item, entries) of VALUE_MAX bytes at most."""
    span = 1 + -(-len(value) // ENTRY)
    data = LENGTH.pack(len(value), 0xFFFF, crc(value))
    item = Item(namespace, type, span, chunk, key, data)
    return item, item.head() + value.ljust((span - 1) * ENTRY, b"\xff")


def blob_index(namespace, key, length, count, first):
    """Returns (Item, entries) of what makes chunks a blob."""
    item = Item(namespace, BLOB, 1, NO_CHUNK, key, INDEX.pack(length, count, first, 0xFFFF))
    return item, item.head()


def parse(head, index):
    """Returns the Item that begins at entry `index` with these 32 bytes, None: there is none."""
    namespace, type, span, chunk, found, key, data = HEAD.unpack(head)
    if found != _crc_of_head(head):
        return None
    item = Item(namespace, type, span, chunk, key.split(b"\0")[0], data)
    return item if _plausible(item) and index + span <= ENTRIES else None


def _plausible(item):
    if item.type in ANY_LENGTH:
        return item.span == 1 + -(-LENGTH.unpack(item.data)[0] // ENTRY)
    return item.span == 1 and (item.type == BLOB or item.type in NUMBER_TYPES)


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF)


def _crc_of_head(head):
    return crc(head[:4] + head[8:])


class Page:
    """One sector of a partition. State, items and room are as load() and mend() found them."""

    def __init__(self, region, start):
        self._region = region
        self._start = start
        self._forget()

    def _forget(self):
        self.state = UNUSED
        # Pages in the order of their sequence numbers are in the order they were written.
        self.sequence = 0
        self.version = VERSION
        # Item by the number of its first entry, in ascending order.
        self.items = {}
        self._states = [EMPTY for _ in TABLE]
        # The first entry that nothing was written to.
        self._next = 0

    # -- opening

    def load(self):
        """Reads the header and changes nothing."""
        self._forget()
        raw = self._region.read(self._start, SECTOR)
        if raw == bytes([BLANK]) * SECTOR:
            return
        state, sequence, version, _, found = HEADER.unpack(raw[: HEADER.size])
        if found != crc(raw[4 : HEADER.size - 4]):
            self.state = CORRUPT
            return
        self.state = state if state in IN_USE else CORRUPT
        self.sequence, self.version = sequence, version

    def mend(self):
        """Reads the entries; what a power cut left half-written becomes erased."""
        raw = self._region.read(self._start, SECTOR)
        table = int.from_bytes(raw[TABLE_START:ENTRIES_START], "little")
        self._states = [table >> 2 * i & 0b11 for i in TABLE]
        entries = [raw[self._at(i) :][:ENTRY] for i in range(ENTRIES)]
        blank = bytes([BLANK]) * ENTRY
        for i, entry in enumerate(entries):
            if entry != blank or self._states[i] != EMPTY:
                self._next = i + 1
        i = 0
        while i < self._next:
            i += self._mend(i, entries[i])

    def _mend(self, i, entry):
        """Takes what begins at entry `i`, or marks it erased. Returns its span."""
        if self._states[i] == ERASED:
            return 1
        item = parse(entry, i) if self._states[i] == WRITTEN else None
        span = item.span if item else 1
        if item and set(self._states[i : i + span]) == {WRITTEN}:
            self.items[i] = item
            if item.type not in ANY_LENGTH or self.value(i) is not None:
                return span
        self._mark_erased(i, span)
        self._next = max(self._next, i + span)
        return span

    # -- reading

    @property
    def room(self):
        """Entries that can be written yet."""
        return ENTRIES - self._next if self.state == ACTIVE else 0

    @property
    def used(self):
        """Entries that hold something."""
        return sum(item.span for item in self.items.values())

    def entries(self, i):
        """Returns the bytes of the item at entry `i`, its head included."""
        return self._region.read(self._start + self._at(i), self.items[i].span * ENTRY)

    def value(self, i):
        """Returns the value of any length at entry `i`, None: its CRC is wrong."""
        length, _, expected = LENGTH.unpack(self.items[i].data)
        value = self.entries(i)[ENTRY : ENTRY + length]
        return value if crc(value) == expected else None

    # -- writing

    def activate(self, sequence):
        """Makes a free page the one that is written to."""
        if self.state != UNUSED:
            self.erase()
        rest = struct.pack("<IB19s", sequence, VERSION, b"\xff" * 19)
        header = struct.pack("<I", ACTIVE) + rest + struct.pack("<I", crc(rest))
        self._region.program(self._start, header)
        self.state, self.sequence = ACTIVE, sequence

    def mark(self, state):
        """Goes on to the next state: one bit, so that a power cut leaves the one or the other."""
        self._region.program(self._start, struct.pack("<I", state))
        self.state = state

    def erase(self):
        """Makes it an unused page."""
        self._region.erase(self._start, SECTOR)
        self._forget()

    def write(self, item, entries):
        """Writes an item where there is room for its span."""
        i = self._next
        self._next += item.span
        # The head first: what is torn behind it is known by it.
        self._region.program(self._start + self._at(i), entries[:ENTRY])
        self._set_states(i, i + 1, WRITTEN)
        if item.span > 1:
            self._region.program(self._start + self._at(i + 1), entries[ENTRY:])
            self._set_states(i + 1, i + item.span, WRITTEN)
        self.items[i] = item

    def drop(self, i):
        """Marks the item at entry `i` as erased."""
        self._mark_erased(i, self.items[i].span)

    def _mark_erased(self, i, span):
        # The head last: without it, a value's bytes could be taken for heads.
        if span > 1:
            self._set_states(i + 1, i + span, ERASED)
        self._set_states(i, i + 1, ERASED)
        self.items.pop(i, None)

    def _set_states(self, first, end, state):
        for i in range(first, end):
            self._states[i] = state
        start = first - first % WORD
        words = self._states[start : end + -end % WORD]
        table = sum(state << 2 * i for i, state in enumerate(words))
        data = table.to_bytes(len(words) // 4, "little")
        self._region.program(self._start + TABLE_START + start // 4, data)

    def _at(self, i):
        return ENTRIES_START + i * ENTRY
