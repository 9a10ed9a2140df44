"""An image of NVS, the board's store of keys and values, for exactly its partition's size."""

import csv
import io
import struct
import zlib
from pathlib import Path

from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

from . import esplog

PAGE = 4096
# One page is always kept free, for NVS to move entries into.
SMALLEST = 3 * PAGE
COLUMNS = ("key", "type", "encoding", "value")
KEY_MAX = 15
# What MicroPython's esp32.NVS can read: get_i32, get_blob.
BLOBS = ("hex2bin", "base64", "binary")
ENCODINGS = ("i32", *BLOBS)
# What the generator raises for a row.
FAULTS = (generator.InputError, ValueError, struct.error, OSError)


class NvsError(Exception):
    """No image of NVS can be made; the text says of which line, and why."""


def image(path, size):
    """Returns the bytes of NVS: of a CSV as Espressif's generator takes it, or an image itself.

    `size` is the partition's, in bytes. Raises NvsError, OSError where the file can't be read.
    """
    if size < SMALLEST:
        raise NvsError(f"NVS needs {SMALLEST:#x} bytes at least, its partition has {size:#x}")
    path = Path(path)
    if path.suffix == ".csv":
        return _generated(path, size)
    if path.suffix == ".bin":
        return _checked(path.read_bytes(), size)
    raise NvsError("its name must end with .csv or .bin")


def _checked(data, size):
    if len(data) != size:
        raise NvsError(f"{len(data):#x} bytes, the partition has {size:#x}")
    for start in range(0, size, PAGE):
        header = data[start : start + 32]
        # ESP-IDF, NVS, Structure of a Page: CRC of the bytes from the sequence number on.
        if header.strip(b"\xff") and zlib.crc32(header[4:28], 0xFFFFFFFF) != _crc(header):
            raise NvsError(f"the page at {start:#x} is none of NVS: its header's CRC is wrong")
    return data


def _crc(header):
    return int.from_bytes(header[28:], "little")


def _generated(path, size):
    made = io.BytesIO()
    with esplog.quiet():
        nvs = generator.nvs_open(made, size - PAGE, generator.Page.VERSION2)
        try:
            for line, row in _rows(path):
                _write(nvs, line, row, path.parent)
            generator.nvs_close(nvs)
        except generator.InsufficientSizeError:
            raise NvsError(
                f"its entries don't fit into the partition of {size:#x} bytes"
            ) from None
    return made.getvalue()


def _rows(path):
    """Yields (line number, row) of what is neither blank nor a comment, each judged."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        # A comment stays as a blank line, for the lines to keep their numbers.
        reader = csv.DictReader("\n" if line.startswith("#") else line for line in file)
        try:
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise NvsError(f"its first line must be {','.join(COLUMNS)}")
            yield from _judged(reader)
        except UnicodeDecodeError as error:
            raise NvsError(f"no UTF-8 text from byte {error.start} on") from None
        except csv.Error as error:
            raise NvsError(f"line {reader.line_num + 1}: {error}") from None


def _judged(reader):
    # Keys that came already, each with its namespace; and the namespace that goes on.
    known, namespace = set(), None
    for row in reader:
        line = reader.line_num
        _check(line, row, namespace)
        if row["type"] == "namespace":
            namespace = row["key"]
        elif (namespace, row["key"]) in known:
            raise NvsError(f"line {line}: {row['key']} is there twice")
        else:
            known.add((namespace, row["key"]))
        yield line, row


def _check(line, row, namespace):
    key, kind, encoding = row["key"], row["type"], row["encoding"]
    if None in row or row["value"] is None:
        raise NvsError(f"line {line}: {len(COLUMNS)} columns are needed: {', '.join(COLUMNS)}")
    if not 0 < len(key) <= KEY_MAX:
        raise NvsError(f"line {line}: key {key!r}: 1 to {KEY_MAX} characters are allowed")
    if kind not in ("namespace", "data", "file"):
        raise NvsError(f"line {line}: type {kind!r}: allowed is namespace, data, file")
    if kind == "namespace":
        return
    if namespace is None:
        raise NvsError(
            f"line {line}: {key} is in no namespace: begin with a line NAME,namespace,,"
        )
    if encoding == "string":
        raise NvsError(
            f"line {line}: {key}: MicroPython can't read a string: use {', '.join(BLOBS)}, "
            "which it reads with get_blob"
        )
    if encoding not in ENCODINGS:
        raise NvsError(
            f"line {line}: encoding {encoding!r}: MicroPython reads {', '.join(ENCODINGS)}"
        )


def _write(nvs, line, row, folder):
    value = str(folder / row["value"]) if row["type"] == "file" else row["value"]
    try:
        generator.write_entry(nvs, row["key"], row["type"], row["encoding"], value)
    except FAULTS as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NvsError(f"line {line}: {row['key']}: {reason}") from None
