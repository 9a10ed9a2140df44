"""NVS: ESP-IDF's partition format, read and written, in any state a power cut leaves it in."""

import base64
import csv
import itertools
import random
import struct
import subprocess
import sys

import nvs_reader
import pytest

from vboard.flash import SECTOR, Flash, FlashError, PowerCut, Region
from vboard.nvs import Nvs

NOT_INITIALIZED, NOT_FOUND, NOT_ENOUGH_SPACE = -0x1101, -0x1102, -0x1105
KEY_TOO_LONG, VALUE_TOO_LONG = -0x1109, -0x110E
I32, BLOB = 0x14, 0x48
# Page states: half of being freed, and what no page has.
FREEING, NONE = 0xFFFFFFF8, 0xFFFFFFFA


@pytest.fixture
def make(tmp_path):
    """Returns make(pages or image): an opened Nvs whose .flash is what it lies in."""
    made = []

    def make(content=3):
        if isinstance(content, int):
            content = b"\xff" * content * SECTOR
        path = tmp_path / f"{len(made)}.bin"
        path.write_bytes(content)
        flash = Flash(path, len(content), sizes=(len(content),))
        made.append(flash)
        return opened(flash)

    yield make
    for flash in made:
        flash.close()


def opened(flash):
    nvs = Nvs(Region(flash, 0, flash.size))
    nvs.flash = flash  # pyright: ignore[reportAttributeAccessIssue]
    nvs.load()
    return nvs


def raw(nvs):
    return nvs.flash.read(0, nvs.flash.size)


def contents(nvs):
    """Returns {key: value} of namespace "n", as an independent reader finds it."""
    return {key: value for (_, key), (_, value) in nvs_reader.read(raw(nvs)).items()}


def put(nvs, key, value):
    nvs.set("n", key, "i32" if isinstance(value, int) else "blob", value)
    nvs.commit()


def refused(number, do, *args):
    with pytest.raises(OSError) as caught:
        do(*args)
    assert caught.value.args[0] == number and caught.value.args[1].startswith("ESP_ERR_NVS_")


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)


# ---- The generator -------------------------------------------------------------------------


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
BLOBS = {"key": noise(40), "large": noise(9000), "exact": noise(64)}
NUMBERS = {("wifi", "channel"): -(2**31), ("wifi", "fifteen_letters"): 2**31 - 1}


def test_a_generated_partition_is_read(make, tmp_path):
    nvs = make(generated(tmp_path, ROWS))
    for (namespace, key), value in {**NUMBERS, ("other", "channel"): 7}.items():
        assert nvs.get(namespace, key, "i32") == value
    assert nvs.get("wifi", "key", "blob") == BLOBS["key"]
    assert nvs.get("wifi", "large", "blob") == BLOBS["large"]
    assert nvs.get("other", "exact", "blob") == BLOBS["exact"]
    assert nvs.get("other", "last", "i32") == 0
    # What MicroPython has no method for.
    assert nvs.get("other", "text", "str") == "Größe"
    assert nvs.get("other", "small", "u8") == 255


def test_reading_changes_no_byte_of_it(make, tmp_path):
    image = generated(tmp_path, ROWS)
    nvs = make(image)
    assert nvs.get("wifi", "large", "blob") == BLOBS["large"]
    assert raw(nvs) == image


def test_what_is_set_in_the_same_order_gives_the_same_bytes(make, tmp_path):
    nvs, namespace = make(6), ""
    for key, encoding, value in ROWS:
        if not encoding:
            namespace = key
        elif key in BLOBS:
            nvs.set(namespace, key, "blob", BLOBS[key])
        elif encoding == "string":
            nvs.set(namespace, key, "str", value)
        else:
            nvs.set(namespace, key, encoding, int(value))
        nvs.commit()
    assert raw(nvs) == generated(tmp_path, ROWS)


def test_a_generated_partition_is_written_to(make, tmp_path):
    nvs = make(generated(tmp_path, ROWS))
    nvs.set("wifi", "channel", "i32", 11)
    nvs.set("wifi", "large", "blob", b"small")
    nvs.set("third", "new", "blob", noise(5000))
    nvs.erase("other", "text")
    nvs.commit()
    found = nvs_reader.read(raw(nvs))
    assert found["wifi", "channel"] == (I32, 11)
    assert found["wifi", "large"] == (BLOB, b"small")
    assert found["third", "new"] == (BLOB, noise(5000))
    assert found["wifi", "key"] == (BLOB, BLOBS["key"])
    assert ("other", "text") not in found and len(found) == 9


def test_a_blob_of_the_first_version_is_read_and_replaced(make, tmp_path):
    rows = [("n", "", ""), ("old", "hex2bin", noise(300).hex()), ("i", "i32", "3")]
    nvs = make(generated(tmp_path, rows, version=1))
    assert nvs.get("n", "old", "blob") == noise(300) and nvs.get("n", "i", "i32") == 3
    put(nvs, "old", noise(200, 2))
    assert nvs_reader.read(raw(nvs))["n", "old"] == (BLOB, noise(200, 2))
    assert opened(nvs.flash).get("n", "old", "blob") == noise(200, 2)


# ---- Values and names ----------------------------------------------------------------------

LIMITS = {
    f"{sign}{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign == "i" else (0, 2**bits - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


@pytest.mark.parametrize("kind", LIMITS)
def test_numbers_within_their_limits(make, kind):
    nvs = make()
    for value in LIMITS[kind]:
        nvs.set("n", "key", kind, value)
        nvs.commit()
        assert contents(nvs) == {"key": value}
        assert opened(nvs.flash).get("n", "key", kind) == value
    for value in (LIMITS[kind][0] - 1, LIMITS[kind][1] + 1):
        with pytest.raises(OverflowError, match="overflow converting"):
            nvs.set("n", "key", kind, value)
    with pytest.raises(TypeError):
        nvs.set("n", "key", kind, 1.0)


def test_floats_are_kept(make):
    nvs = make()
    nvs.set("n", "half", "float", 0.5)
    nvs.set("n", "tenth", "double", 0.1)
    nvs.commit()
    again = opened(nvs.flash)
    assert (again.get("n", "half", "float"), again.get("n", "tenth", "double")) == (0.5, 0.1)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 3999, 4000, 4001, 8000])
def test_blobs_of_every_length(make, length):
    nvs = make(4)
    put(nvs, "b", noise(length))
    assert contents(nvs) == {"b": noise(length)}
    assert opened(nvs.flash).get("n", "b", "blob") == noise(length)
    put(nvs, "b", b"other")
    assert contents(nvs) == {"b": b"other"}


def test_a_key_has_one_value_whatever_its_kind(make):
    nvs = make()
    for value in (1, b"blob", noise(900), 2):
        put(nvs, "key", value)
        kind, other = ("i32", "blob") if isinstance(value, int) else ("blob", "i32")
        assert nvs.get("n", "key", kind) == value and contents(nvs) == {"key": value}
        refused(NOT_FOUND, nvs.get, "n", "key", other)


def test_names_have_fifteen_bytes_at_most(make):
    nvs = make()
    for name in ("fifteen_letters", "ä" * 7 + "b", "a"):
        nvs.set(name, name, "i32", 1)
        nvs.commit()
        assert opened(nvs.flash).get(name, name, "i32") == 1
    for name in ("", "sixteen_letters_", "ä" * 8, "\0a"):
        refused(KEY_TOO_LONG, nvs.set, "n", name, "i32", 1)
        refused(KEY_TOO_LONG, nvs.set, name, "key", "i32", 1)
        refused(NOT_FOUND, nvs.get, "n", name, "i32")
        refused(NOT_FOUND, nvs.erase, name, "key")


def test_namespaces_are_apart(make):
    nvs = make()
    for n, name in enumerate(("a", "b", "c")):
        nvs.set(name, "key", "i32", n)
    nvs.commit()
    nvs.erase("b", "key")
    nvs.commit()
    again = opened(nvs.flash)
    assert (again.get("a", "key", "i32"), again.get("c", "key", "i32")) == (0, 2)
    refused(NOT_FOUND, again.get, "b", "key", "i32")


def test_there_are_254_namespaces(make):
    nvs = make(6)
    for n in range(254):
        nvs.set(f"n{n}", "key", "i32", n)
    nvs.commit()
    nvs.set("one more", "key", "i32", 1)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    again = opened(nvs.flash)
    assert [again.get(f"n{n}", "key", "i32") for n in range(254)] == list(range(254))


def test_the_longest_blob_and_string(make):
    nvs = make(4)
    longest = 3 * 4000
    put(nvs, "b", noise(5))
    refused(VALUE_TOO_LONG, nvs.set, "n", "b", "blob", bytes(longest + 1))
    refused(VALUE_TOO_LONG, nvs.set, "n", "s", "str", "s" * 4000)
    nvs.set("n", "s", "str", "s" * 3999)
    nvs.commit()
    assert contents(nvs) == {"b": noise(5), "s": b"s" * 3999 + b"\0"}


def test_a_large_partition_holds_the_longest_blob_of_all(make):
    nvs = make(140)
    put(nvs, "i", 1)
    put(nvs, "b", noise(508_000))
    refused(VALUE_TOO_LONG, nvs.set, "n", "b", "blob", bytes(508_001))
    assert contents(nvs) == {"i": 1, "b": noise(508_000)}
    assert opened(nvs.flash).get("n", "b", "blob") == noise(508_000)


def test_a_partition_has_three_sectors_at_least(tmp_path):
    flash = Flash(tmp_path / "flash", SECTOR * 4, sizes=(SECTOR * 4,))
    for size in (0, SECTOR, 2 * SECTOR, 3 * SECTOR + 1):
        with pytest.raises(FlashError, match="3 or more whole sectors of 0x1000 bytes"):
            Nvs(Region(flash, 0, size))
    flash.close()


def test_a_region_is_all_it_touches(tmp_path):
    flash = Flash(tmp_path / "flash", SECTOR * 5, sizes=(SECTOR * 5,))
    flash.program(0, bytes(SECTOR))
    flash.program(4 * SECTOR, bytes(SECTOR))
    region = Region(flash, SECTOR, 3 * SECTOR)
    nvs = Nvs(region)
    nvs.load()
    for n in range(400):
        put(nvs, "key", n)
    assert nvs_reader.read(region.read(0, region.size)) == {("n", "key"): (I32, 399)}
    assert flash.read(0, SECTOR) == flash.read(4 * SECTOR, SECTOR) == bytes(SECTOR)
    for offset, length in ((-1, 1), (3 * SECTOR, 1), (0, 3 * SECTOR + 1)):
        with pytest.raises(FlashError, match="within the region's 0x3000"):
            region.read(offset, length)
    flash.close()


# ---- commit() ------------------------------------------------------------------------------


def test_what_is_not_committed_is_seen_and_lost(make):
    nvs = make()
    put(nvs, "kept", 1)
    nvs.set("n", "kept", "i32", 2)
    nvs.set("n", "new", "blob", b"b")
    assert nvs.get("n", "kept", "i32") == 2 and nvs.get("n", "new", "blob") == b"b"
    nvs.erase("n", "kept")
    refused(NOT_FOUND, nvs.get, "n", "kept", "i32")
    refused(NOT_FOUND, nvs.erase, "n", "kept")
    nvs.load()
    assert nvs.get("n", "kept", "i32") == 1
    refused(NOT_FOUND, nvs.get, "n", "new", "blob")


def test_what_is_set_as_it_is_wears_nothing(make):
    nvs = make()
    put(nvs, "i", 1)
    put(nvs, "b", noise(100))
    steps = nvs.flash.steps
    put(nvs, "i", 1)
    put(nvs, "b", noise(100))
    assert nvs.flash.steps == steps


def test_nothing_is_known_before_it_is_loaded(make):
    nvs = Nvs(Region(make().flash, 0, 3 * SECTOR))
    for do, args in ((nvs.get, ("n", "k", "i32")), (nvs.set, ("n", "k", "i32", 1))):
        refused(NOT_INITIALIZED, do, *args)
    refused(NOT_INITIALIZED, nvs.erase, "n", "k")
    refused(NOT_INITIALIZED, nvs.commit)


def test_load_sees_what_was_flashed_meanwhile(make, tmp_path):
    nvs = make(6)
    put(nvs, "old", 1)
    nvs.flash.erase_all()
    nvs.flash.program(0, generated(tmp_path, ROWS))
    nvs.load()
    refused(NOT_FOUND, nvs.get, "n", "old", "i32")
    assert nvs.get("other", "channel", "i32") == 7


# ---- Space ---------------------------------------------------------------------------------


def test_pages_are_used_again_and_wear_alike(make):
    nvs = make(5)
    put(nvs, "still", b"there")
    for n in range(3000):
        put(nvs, "count", n)
    assert contents(nvs) == {"still": b"there", "count": 2999}
    still, *wear = nvs.flash.wear
    assert still == 0 and min(wear) > 2 and max(wear) - min(wear) <= 1


def test_full_is_told_and_nothing_is_lost(make):
    nvs = make(3)
    expected = {}
    with pytest.raises(OSError, match="ESP_ERR_NVS_NOT_ENOUGH_SPACE"):
        for n in itertools.count():
            put(nvs, f"k{n}", n)
            expected[f"k{n}"] = n
    # All entries of two pages but the namespace's name.
    assert len(expected) == 2 * 126 - 1 and contents(nvs) == expected
    refused(NOT_FOUND, nvs.get, "n", f"k{len(expected)}", "i32")
    nvs.set("n", "k0", "i32", -1)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    assert nvs.get("n", "k0", "i32") == 0
    nvs.erase("n", "k7")
    nvs.commit()
    put(nvs, "new", 8)
    del expected["k7"]
    assert contents(nvs) == {**expected, "new": 8}


@pytest.mark.parametrize("length", [300, 3000, 3900, 7000])
def test_a_blob_too_many_leaves_no_chunk_behind(make, length):
    nvs = make(3)
    put(nvs, "i", 1)
    put(nvs, "b", noise(length))
    expected = {"i": 1, "b": noise(length)}
    for n in range(99):
        try:
            put(nvs, f"b{n}", noise(length, n))
        except OSError as error:
            assert error.args[0] == NOT_ENOUGH_SPACE
            break
        expected[f"b{n}"] = noise(length, n)
    assert len(expected) < 99 and contents(nvs) == expected
    # Nor is a value that can't be replaced.
    put(nvs, "i", 2)
    assert contents(nvs) == {**expected, "i": 2}


def test_after_a_value_too_many_the_next_ones_wait_for_the_next_commit(make):
    nvs = make(3)
    for n in range(240):
        put(nvs, f"k{n}", n)
    nvs.set("n", "b", "blob", noise(2000))
    nvs.set("n", "i", "i32", 5)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    assert "i" not in contents(nvs) and nvs.get("n", "i", "i32") == 5
    nvs.commit()
    assert contents(nvs)["i"] == 5 and "b" not in contents(nvs)


# ---- Power cuts ----------------------------------------------------------------------------

# Name: (pages, what is committed before, the changes of one commit; None erases).
CUTS = {
    "first": (3, [], {"i": 1}),
    "number": (3, [{"i": 1}], {"i": 2}),
    "blob": (3, [{"b": noise(900)}], {"b": noise(700, 2)}),
    "blob over pages": (5, [{"b": noise(6000)}], {"b": noise(7000, 2)}),
    "blob anew": (5, [{"b": noise(6000)}, {"b": noise(5000, 3)}], {"b": noise(6000, 2)}),
    "kind": (3, [{"b": noise(900)}], {"b": 5}),
    "kind back": (3, [{"b": 5}], {"b": noise(900)}),
    "erase number": (3, [{"i": 1}], {"i": None}),
    "erase blob": (4, [{"b": noise(6000)}], {"b": None}),
    "next page": (4, [{"i": n} for n in range(125)], {"i": -1}),
    "collect": (3, [{"b": noise(1500)}, *({"i": n} for n in range(200))], {"i": -1}),
    "collect for a blob": (
        3,
        [{"c": noise(1900)}, *({"i": n} for n in range(120))],
        {"c": noise(1800, 2)},
    ),
}


def prepared(make, name):
    pages, before, change = CUTS[name]
    nvs = make(pages)
    for values in before:
        for key, value in values.items():
            put(nvs, key, value)
    return nvs, change


def start(nvs, change):
    for key, value in change.items():
        if value is None:
            nvs.erase("n", key)
        else:
            nvs.set("n", key, "i32" if isinstance(value, int) else "blob", value)


def restore(flash, image):
    flash.power_on()
    flash.erase_all()
    flash.program(0, image)


@pytest.mark.parametrize("name", CUTS)
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(make, name):
    nvs, change = prepared(make, name)
    image, old = raw(nvs), contents(nvs)
    new = {key: value for key, value in {**old, **change}.items() if value is not None}
    seen = []
    for steps in itertools.count():
        restore(nvs.flash, image)
        nvs.load()
        start(nvs, change)
        nvs.flash.cut_after(steps)
        try:
            nvs.commit()
        except PowerCut:
            nvs.flash.power_on()
            nvs.load()
            seen.append(contents(nvs))
            continue
        break
    assert seen and all(found in (old, new) for found in seen)
    # In this order: once the new one is there it stays.
    assert seen == sorted(seen, key=lambda found: found == new)
    assert contents(nvs) == new


@pytest.mark.parametrize("name", ["blob over pages", "collect", "collect for a blob"])
def test_nor_does_a_second_power_cut_while_the_first_is_mended(make, name):
    nvs, change = prepared(make, name)
    image, old = raw(nvs), contents(nvs)
    new = {**old, **change}
    mended = 0
    for steps, more in itertools.product(range(0, 99, 3), range(6)):
        restore(nvs.flash, image)
        nvs.load()
        start(nvs, change)
        nvs.flash.cut_after(steps)
        try:
            nvs.commit()
            break
        except PowerCut:
            nvs.flash.power_on()
        nvs.flash.cut_after(more)
        try:
            nvs.load()
        except PowerCut:
            mended += 1
            nvs.flash.power_on()
            nvs.load()
        nvs.flash.power_on()
        assert contents(nvs) in (old, new)
        put(nvs, "after", 1)
        assert contents(nvs) in ({**old, "after": 1}, {**new, "after": 1})
    assert mended


# ---- Damage --------------------------------------------------------------------------------


def changed(image, offset, data):
    return image[:offset] + data + image[offset + len(data) :]


@pytest.fixture
def image(make):
    """Two pages of values: "i" and "b" begin the first, "late" is in the second."""
    nvs = make(4)
    put(nvs, "i", 1)
    put(nvs, "b", noise(3000))
    put(nvs, "late", noise(1500))
    return raw(nvs)


def test_a_page_without_a_sound_header_is_as_good_as_free(make, image):
    for offset, data in ((4, b"\x00\x01"), (28, bytes(4)), (0, struct.pack("<I", NONE))):
        nvs = make(changed(image, SECTOR + offset, data))
        refused(NOT_FOUND, nvs.get, "n", "late", "blob")
        assert nvs.get("n", "i", "i32") == 1 and nvs.get("n", "b", "blob") == noise(3000)
        for n in range(1000):
            put(nvs, "i", n)
        assert contents(nvs) == {"i": 999, "b": noise(3000)}


def test_a_page_half_erased_is_not_taken_for_a_free_one(make, image):
    nvs = make(changed(image, 3 * SECTOR + 2000, b"\x00"))
    for n in range(1000):
        put(nvs, "i", n)
    assert contents(nvs) == {"i": 999, "b": noise(3000), "late": noise(1500)}


# Entries of the first page: namespace, "i", the chunk of "b" and its data, the index of "b".
@pytest.mark.parametrize(
    ("entry", "within", "gone"),
    [(1, 9, "i"), (2, 2, "b"), (3, 0, "b"), (96, 23, "b"), (97, 24, "b")],
)
def test_what_has_a_wrong_crc_is_dropped(make, image, entry, within, gone):
    offset = 64 + entry * 32 + within
    nvs = make(changed(image, offset, bytes([image[offset] ^ 1])))
    left = {"i": 1, "b": noise(3000), "late": noise(1500)}
    del left[gone]
    assert contents(nvs) == left


def test_damage_is_not_given_out(make):
    nvs = make()
    put(nvs, "b", noise(100))
    put(nvs, "c", noise(6000))
    nvs.flash.program(64 + 2 * 32, bytes(8))
    nvs.flash.program(64 + 9 * 32, bytes(8))
    for key in "bc":
        refused(NOT_FOUND, nvs.get, "n", key, "blob")
        put(nvs, key, b"new")
    assert contents(nvs) == {"b": b"new", "c": b"new"}


def test_a_page_of_a_newer_format_or_no_free_page_has_all_erased(make, image):
    header = bytes.fromhex("00000000fd") + b"\xff" * 19
    newer = changed(image, 4, header + struct.pack("<I", nvs_reader.crc(header)))
    full = image[:SECTOR] * 4
    for content in (newer, full):
        nvs = make(content)
        assert raw(nvs) == b"\xff" * len(image)
        put(nvs, "i", 3)
        assert contents(nvs) == {"i": 3}


@pytest.mark.parametrize("fill", [0x00, 0xA5, "noise"])
def test_what_is_no_nvs_at_all_is_written_over(make, fill):
    nvs = make(noise(3 * SECTOR) if fill == "noise" else bytes([fill]) * 3 * SECTOR)
    refused(NOT_FOUND, nvs.get, "n", "i", "i32")
    for n in range(400):
        put(nvs, "i", n)
    assert contents(nvs) == {"i": 399}


# ---- On a board ----------------------------------------------------------------------------

COUNTS = """
import machine
from esp32 import NVS
nvs = NVS("n")
try:
    count = nvs.get_i32("count")
    size = nvs.get_blob("b", buffer := bytearray(7000))
except OSError:
    count, size, buffer = 0, 0, b""
print("count", count, "size", size, "same", all(byte == count for byte in buffer[:size]))
nvs.set_i32("count", count + 1)
nvs.set_blob("b", bytes([count + 1]) * (3000 + 500 * (count % 3)))
nvs.commit()
print("stored", count + 1)
"""


def test_programs_count_over_resets(make_board):
    board = make_board(COUNTS)
    board.power_on()
    for n in range(8):
        board.wait_console(f"stored {n + 1}")
        board.wait_state("repl")
        board.press_reset() if n % 2 else (board.power_off(), board.power_on())
    board.wait_console("stored 9")
    board.wait_state("repl")
    assert "same False" not in board.console and "count 8 size 3500" in board.console
    found = nvs_reader.read(board.nvs_flash.path.read_bytes())
    assert found == {("n", "count"): (I32, 9), ("n", "b"): (BLOB, b"\x09" * 4000)}


ALTERNATES = """
from esp32 import NVS
nvs = NVS("n")
buffer = bytearray(5000)
try:
    size = nvs.get_blob("b", buffer)
except OSError:
    size = 0
print("found", size, set(buffer[:size]))
value = 2 if buffer[0] == 1 else 1
nvs.set_blob("b", bytes([value]) * 4500)
nvs.commit()
print("stored", value)
"""


def test_power_cuts_under_a_program_leave_the_old_or_the_new(make_board):
    board = make_board(ALTERNATES)
    board.power_on()
    board.wait_state("repl")
    for steps in range(0, 60, 4):
        board.power_off()
        since = board.mark()
        cut_at_boot(board, steps)
        board.power_on()
        board.wait_state("repl")
        found = board.wait_console("found", since=since)
        assert found in ("found 4500 {1}", "found 4500 {2}")
    assert "PowerCut" in board.console


def cut_at_boot(board, steps):
    """Lets the board's flash fail so many steps after it has its power again."""
    flash = board.nvs_flash
    power_on = type(flash).power_on

    def and_off_again():
        power_on(flash)
        flash.cut_after(steps)

    flash.power_on = and_off_again


def test_a_flashed_partition_is_there_at_the_next_boot(make_board, tmp_path):
    board = make_board("from esp32 import NVS\nprint(NVS('other').get_i32('channel'))\n")
    board.power_on()
    board.wait_console("ESP_ERR_NVS_NOT_FOUND")
    board.power_off()
    board.nvs_flash.erase_all()
    board.nvs_flash.program(0, generated(tmp_path, ROWS))
    since = board.mark()
    board.power_on()
    board.wait_console("7", since=since)


def test_a_board_whose_flash_loses_power_at_a_reset_is_off(make_board):
    board = make_board("print('on')")
    board.power_on()
    board.wait_state("repl")
    board.nvs_flash.cut_after(0)
    with pytest.raises(PowerCut):
        board.hardware.nvs.set("n", "i", "i32", 1)
        board.hardware.nvs.commit()
    board.press_reset()
    assert board.state == "off"
    since = board.mark()
    board.power_on()
    board.wait_console("on", since=since)


def test_a_number_that_is_none_of_32_bits_is_refused(run):
    board = run(
        "from esp32 import NVS\n"
        "for value in (2**31, -2**31 - 1, 0.5, 2**31 - 1):\n"
        "    try: NVS('n').set_i32('i', value)\n"
        "    except (OverflowError, TypeError) as e: print(type(e).__name__)\n"
        "print(NVS('n').get_i32('i'))\n"
    )
    assert board.console.split() == ["OverflowError", "OverflowError", "TypeError", "2147483647"]
