"""Reads an NVS partition and finds fault with every byte that ESP-IDF wouldn't have written.

Written from the ESP-IDF Programming Guide ("Non-Volatile Storage Library", Internals), apart from
what it is to judge.
"""

import struct
import zlib

PAGE, ENTRY, ENTRIES = 4096, 32, 126
BLANK = b"\xff" * PAGE
ACTIVE, FULL = 0xFFFFFFFE, 0xFFFFFFFC
EMPTY, WRITTEN, ERASED = 3, 2, 0
NUMBERS = {
    0x01: "<B",
    0x11: "<b",
    0x02: "<H",
    0x12: "<h",
    0x04: "<I",
    0x14: "<i",
    0x08: "<Q",
    0x18: "<q",
}
STRING, OLD_BLOB, CHUNK, INDEX = 0x21, 0x41, 0x42, 0x48


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF)


def read(raw):
    """Returns {(namespace, key): (type, value)}; value is an int or bytes."""
    pages = [raw[i : i + PAGE] for i in range(0, len(raw), PAGE)]
    used = sorted((page for page in pages if in_use(page)), key=sequence)
    # The last one is written to; one stays free.
    assert len(used) < len(pages)
    assert len({sequence(page) for page in used}) == len(used)
    assert all(state(page) == FULL for page in used[:-1])
    assert all(state(page) in (ACTIVE, FULL) for page in used[-1:])
    return named([item for page in used for item in items(page)])


def used(raw):
    """Returns the number of entries that hold something."""
    pages = [raw[i : i + PAGE] for i in range(0, len(raw), PAGE)]
    tables = [int.from_bytes(page[32:64], "little") for page in pages if in_use(page)]
    return sum((table >> 2 * i & 3) == WRITTEN for table in tables for i in range(ENTRIES))


def state(page):
    return struct.unpack_from("<I", page)[0]


def sequence(page):
    return struct.unpack_from("<I", page, 4)[0]


def in_use(page):
    if page == BLANK or struct.unpack_from("<I", page, 28)[0] != crc(page[4:28]):
        return False
    assert page[8] in (0xFE, 0xFF) and page[9:28] == b"\xff" * 19
    return True


def items(page):
    """Returns [(namespace, type, chunk, key, data, value)] of a page."""
    table = int.from_bytes(page[32:64], "little")
    states = [table >> 2 * i & 3 for i in range(128)]
    assert set(states) <= {EMPTY, WRITTEN, ERASED} and states[ENTRIES:] == [EMPTY, EMPTY]
    entries = [page[64 + i * ENTRY :][:ENTRY] for i in range(ENTRIES)]
    end = states.index(EMPTY)
    # No gap: ESP-IDF goes on writing at the first empty entry.
    assert set(states[end:]) == {EMPTY}
    assert set(entries[end:]) <= {b"\xff" * ENTRY}
    found, i = [], 0
    while i < end:
        span = 1
        if states[i] == WRITTEN:
            span = entries[i][2]
            assert states[i : i + span] == [WRITTEN] * span and i + span <= end
            found.append(item(entries[i], b"".join(entries[i + 1 : i + span])))
        i += span
    return found


def item(head, rest):
    namespace, type, span, chunk, found, key, data = struct.unpack("<BBBBI16s8s", head)
    assert found == crc(head[:4] + head[8:])
    name = key.rstrip(b"\0")
    assert 0 < len(name) <= 15 and b"\0" not in name
    assert namespace != 255 and (chunk == 255) == (type != CHUNK)
    if type in NUMBERS:
        size = struct.calcsize(NUMBERS[type])
        assert span == 1 and data[size:] == b"\xff" * (8 - size)
        return namespace, type, chunk, name, data, struct.unpack_from(NUMBERS[type], data)[0]
    if type == INDEX:
        assert span == 1 and data[6:] == b"\xff\xff" and data[5] in (0, 128)
        return namespace, type, chunk, name, data, None
    assert type in (STRING, OLD_BLOB, CHUNK)
    length, reserved, expected = struct.unpack("<HHI", data)
    value, padding = rest[:length], rest[length:]
    assert span == 1 + (length + ENTRY - 1) // ENTRY and reserved == 0xFFFF
    assert expected == crc(value) and padding == b"\xff" * len(padding)
    assert type != STRING or value.endswith(b"\0")
    return namespace, type, chunk, name, data, value


def named(found):
    """Returns {(namespace, key): (type, value)}: each key once, each blob whole, none over."""
    spaces = {value: name for namespace, _, _, name, _, value in found if namespace == 0}
    chunks = {(n, key, chunk): v for n, t, chunk, key, _, v in found if t == CHUNK}
    assert len(chunks) == sum(t == CHUNK for _, t, *_ in found)
    values = {}
    for namespace, type, _, key, data, value in found:
        if namespace and type != CHUNK:
            name = spaces[namespace].decode(), key.decode()
            assert name not in values
            values[name] = (type, value)
            if type == INDEX:
                length, count, first = struct.unpack_from("<IBB", data)
                whole = b"".join(chunks.pop((namespace, key, first + i)) for i in range(count))
                assert len(whole) == length
                values[name] = (type, whole)
    assert not chunks and len(spaces) == len(set(spaces.values()))
    return values
