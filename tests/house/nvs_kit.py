"""What the tests of NVS share: a partition to write to, and one from ESP-IDF's generator."""

import base64
import csv
import random
import subprocess
import sys

import nvs_reader
import pytest

from vboard.flash import SECTOR, Region
from vboard.nvs import Nvs

NOT_INITIALIZED, NOT_FOUND, NOT_ENOUGH_SPACE = -0x1101, -0x1102, -0x1105
KEY_TOO_LONG, VALUE_TOO_LONG = -0x1109, -0x110E
# How an i32 and a blob are known in the partition.
I32, BLOB = 0x14, 0x48


class WholeFlash(Nvs):
    """An Nvs that has a flash to itself and is open."""

    def __init__(self, flash):
        super().__init__(Region(flash, 0, flash.size))
        self.flash = flash
        self.load()


def raw(nvs):
    return nvs.flash.read(0, nvs.flash.size)


def contents(nvs):
    """Returns {key: value} of namespace "n", as an independent reader finds it."""
    return {key: value for (_, key), (_, value) in nvs_reader.read(raw(nvs)).items()}


def put(nvs, key, value):
    nvs.set("n", key, "i32" if isinstance(value, int) else "blob", value)
    nvs.commit()


def key_at(nvs, page, entry):
    """Returns the key of an entry."""
    return nvs.flash.read(page * SECTOR + 64 + entry * 32 + 8, 16).rstrip(b"\0").decode()


def refused(number, do, *args):
    with pytest.raises(OSError) as caught:
        do(*args)
    assert caught.value.args[0] == number and caught.value.args[1].startswith("ESP_ERR_NVS_")


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)


def generated(folder, rows, pages=6, version=2):
    """Returns the partition that ESP-IDF's generator makes of (key, encoding, value)."""
    with open(folder / "in.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["key", "type", "encoding", "value"])
        for key, encoding, value in rows:
            out.writerow([key, "data" if encoding else "namespace", encoding, value])
    command = [sys.executable, "-m", "esp_idf_nvs_partition_gen", "generate", "in.csv", "out.bin"]
    command += [hex(pages * SECTOR), "--version", str(version)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "out.bin").read_bytes()


# Two namespaces of what the generator can make, for generated().
ROWS = [
    ("wifi", "", ""),
    ("channel", "i32", "-2147483648"),
    ("key", "hex2bin", noise(40).hex()),
    ("fifteen_letters", "i32", "2147483647"),
    ("large", "base64", base64.b64encode(noise(9000)).decode()),
    ("other", "", ""),
    ("channel", "i32", "7"),
    ("text", "string", "Größe"),
    ("small", "u8", "255"),
    ("exact", "hex2bin", noise(64).hex()),
    ("last", "i32", "0"),
]
