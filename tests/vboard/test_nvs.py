"""NVS: ESP-IDF's partition format, read and written."""

import itertools

import nvs_reader
import pytest
from nvs_kit import (
    BLOB,
    I32,
    KEY_TOO_LONG,
    NOT_ENOUGH_SPACE,
    NOT_FOUND,
    NOT_INITIALIZED,
    ROWS,
    VALUE_TOO_LONG,
    WholeFlash,
    contents,
    generated,
    key_at,
    noise,
    put,
    raw,
    refused,
)

from vboard.flash import SECTOR, Flash, FlashError, Region
from vboard.nvs import Nvs

# ---- The generator -------------------------------------------------------------------------

# The blobs and i32 of ROWS.
BLOBS = {"key": noise(40), "large": noise(9000), "exact": noise(64)}
NUMBERS = {("wifi", "channel"): -(2**31), ("wifi", "fifteen_letters"): 2**31 - 1}


def test_a_generated_partition_is_read(make_nvs, tmp_path):
    nvs = make_nvs(generated(tmp_path, ROWS))
    for (namespace, key), value in {**NUMBERS, ("other", "channel"): 7}.items():
        assert nvs.get(namespace, key, "i32") == value
    assert nvs.get("wifi", "key", "blob") == BLOBS["key"]
    assert nvs.get("wifi", "large", "blob") == BLOBS["large"]
    assert nvs.get("other", "exact", "blob") == BLOBS["exact"]
    assert nvs.get("other", "last", "i32") == 0
    # What MicroPython has no method for.
    assert nvs.get("other", "text", "str") == "Größe"
    assert nvs.get("other", "small", "u8") == 255


def test_reading_changes_no_byte_of_it(make_nvs, tmp_path):
    image = generated(tmp_path, ROWS)
    nvs = make_nvs(image)
    assert nvs.get("wifi", "large", "blob") == BLOBS["large"]
    assert raw(nvs) == image


def test_what_is_set_in_the_same_order_gives_the_same_bytes(make_nvs, tmp_path):
    nvs, namespace = make_nvs(6), ""
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


def test_a_generated_partition_is_written_to(make_nvs, tmp_path):
    nvs = make_nvs(generated(tmp_path, ROWS))
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


def test_a_blob_of_the_first_version_is_read_and_replaced(make_nvs, tmp_path):
    rows = [("n", "", ""), ("old", "hex2bin", noise(300).hex()), ("i", "i32", "3")]
    nvs = make_nvs(generated(tmp_path, rows, version=1))
    assert nvs.get("n", "old", "blob") == noise(300) and nvs.get("n", "i", "i32") == 3
    put(nvs, "old", noise(200, 2))
    assert nvs_reader.read(raw(nvs))["n", "old"] == (BLOB, noise(200, 2))
    assert WholeFlash(nvs.flash).get("n", "old", "blob") == noise(200, 2)


# ---- Values and names ----------------------------------------------------------------------

LIMITS = {
    f"{sign}{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign == "i" else (0, 2**bits - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


@pytest.mark.parametrize("kind", LIMITS)
def test_numbers_within_their_limits(make_nvs, kind):
    nvs = make_nvs()
    for value in LIMITS[kind]:
        nvs.set("n", "key", kind, value)
        nvs.commit()
        assert contents(nvs) == {"key": value}
        assert WholeFlash(nvs.flash).get("n", "key", kind) == value
    for value in (LIMITS[kind][0] - 1, LIMITS[kind][1] + 1):
        with pytest.raises(OverflowError, match="overflow converting"):
            nvs.set("n", "key", kind, value)
    with pytest.raises(TypeError):
        nvs.set("n", "key", kind, 1.0)


def test_floats_are_kept(make_nvs):
    nvs = make_nvs()
    nvs.set("n", "half", "float", 0.5)
    nvs.set("n", "tenth", "double", 0.1)
    nvs.commit()
    again = WholeFlash(nvs.flash)
    assert (again.get("n", "half", "float"), again.get("n", "tenth", "double")) == (0.5, 0.1)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 3999, 4000, 4001, 8000])
def test_blobs_of_every_length(make_nvs, length):
    nvs = make_nvs(4)
    put(nvs, "b", noise(length))
    assert contents(nvs) == {"b": noise(length)}
    assert WholeFlash(nvs.flash).get("n", "b", "blob") == noise(length)
    put(nvs, "b", b"other")
    assert contents(nvs) == {"b": b"other"}


def test_a_key_has_one_value_whatever_its_kind(make_nvs):
    nvs = make_nvs()
    for value in (1, b"blob", noise(900), 2):
        put(nvs, "key", value)
        kind, other = ("i32", "blob") if isinstance(value, int) else ("blob", "i32")
        assert nvs.get("n", "key", kind) == value and contents(nvs) == {"key": value}
        refused(NOT_FOUND, nvs.get, "n", "key", other)


def test_names_have_fifteen_bytes_at_most(make_nvs):
    nvs = make_nvs()
    for name in ("fifteen_letters", "ä" * 7 + "b", "a"):
        nvs.set(name, name, "i32", 1)
        nvs.commit()
        assert WholeFlash(nvs.flash).get(name, name, "i32") == 1
    for name in ("", "sixteen_letters_", "ä" * 8, "\0a"):
        refused(KEY_TOO_LONG, nvs.set, "n", name, "i32", 1)
        refused(KEY_TOO_LONG, nvs.set, name, "key", "i32", 1)
        refused(NOT_FOUND, nvs.get, "n", name, "i32")
        refused(NOT_FOUND, nvs.erase, name, "key")


def test_namespaces_are_apart(make_nvs):
    nvs = make_nvs()
    for n, name in enumerate(("a", "b", "c")):
        nvs.set(name, "key", "i32", n)
    nvs.commit()
    nvs.erase("b", "key")
    nvs.commit()
    again = WholeFlash(nvs.flash)
    assert (again.get("a", "key", "i32"), again.get("c", "key", "i32")) == (0, 2)
    refused(NOT_FOUND, again.get, "b", "key", "i32")


def test_there_are_254_namespaces(make_nvs):
    nvs = make_nvs(6)
    for n in range(254):
        nvs.set(f"n{n}", "key", "i32", n)
    nvs.commit()
    nvs.set("one more", "key", "i32", 1)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    again = WholeFlash(nvs.flash)
    assert [again.get(f"n{n}", "key", "i32") for n in range(254)] == list(range(254))


def test_the_longest_blob_and_string(make_nvs):
    nvs = make_nvs(4)
    longest = 3 * 4000
    put(nvs, "b", noise(5))
    refused(VALUE_TOO_LONG, nvs.set, "n", "b", "blob", bytes(longest + 1))
    refused(VALUE_TOO_LONG, nvs.set, "n", "s", "str", "s" * 4000)
    nvs.set("n", "s", "str", "s" * 3999)
    nvs.commit()
    assert contents(nvs) == {"b": noise(5), "s": b"s" * 3999 + b"\0"}


def test_a_large_partition_holds_the_longest_blob_of_all(make_nvs):
    nvs = make_nvs(140)
    put(nvs, "i", 1)
    put(nvs, "b", noise(508_000))
    refused(VALUE_TOO_LONG, nvs.set, "n", "b", "blob", bytes(508_001))
    assert contents(nvs) == {"i": 1, "b": noise(508_000)}
    assert WholeFlash(nvs.flash).get("n", "b", "blob") == noise(508_000)


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


def test_what_is_not_committed_is_seen_and_lost(make_nvs):
    nvs = make_nvs()
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


def test_what_is_set_as_it_is_wears_nothing(make_nvs):
    nvs = make_nvs()
    put(nvs, "i", 1)
    put(nvs, "b", noise(100))
    steps = nvs.flash.steps
    put(nvs, "i", 1)
    put(nvs, "b", noise(100))
    assert nvs.flash.steps == steps


def test_values_are_written_in_the_order_they_were_set_last(make_nvs):
    nvs = make_nvs()
    for key, value in (("a", 1), ("b", 2), ("c", 3), ("a", 4)):
        nvs.set("n", key, "i32", value)
    nvs.commit()
    assert [key_at(nvs, 0, entry) for entry in range(4)] == ["n", "b", "c", "a"]


def test_nothing_is_known_before_it_is_loaded(make_nvs):
    nvs = Nvs(Region(make_nvs().flash, 0, 3 * SECTOR))
    for do, args in ((nvs.get, ("n", "k", "i32")), (nvs.set, ("n", "k", "i32", 1))):
        refused(NOT_INITIALIZED, do, *args)
    refused(NOT_INITIALIZED, nvs.erase, "n", "k")
    refused(NOT_INITIALIZED, nvs.commit)


def test_load_sees_what_was_flashed_meanwhile(make_nvs, tmp_path):
    nvs = make_nvs(6)
    put(nvs, "old", 1)
    nvs.flash.erase_all()
    nvs.flash.program(0, generated(tmp_path, ROWS))
    nvs.load()
    refused(NOT_FOUND, nvs.get, "n", "old", "i32")
    assert nvs.get("other", "channel", "i32") == 7


# ---- Space ---------------------------------------------------------------------------------


def test_pages_are_used_again_and_wear_alike(make_nvs):
    nvs = make_nvs(5)
    put(nvs, "still", b"there")
    for n in range(3000):
        put(nvs, "count", n)
    assert contents(nvs) == {"still": b"there", "count": 2999}
    still, *wear = nvs.flash.wear
    assert still == 0 and min(wear) > 2 and max(wear) - min(wear) <= 1


def test_full_is_told_and_nothing_is_lost(make_nvs):
    nvs = make_nvs(3)
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


def test_a_free_entry_here_and_there_is_no_room_for_a_long_value(make_nvs):
    nvs = make_nvs(3)
    expected = {f"k{n}": n for n in range(251)}
    for key, value in expected.items():
        put(nvs, key, value)
    for n in (10, 20, 30, 150, 160, 170):
        nvs.erase("n", f"k{n}")
        nvs.commit()
        del expected[f"k{n}"]
    # Five entries, of which a page has three; a blob has two in one page and an index.
    nvs.set("n", "s", "str", "s" * 100)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    assert contents(nvs) == expected
    put(nvs, "b", b"x")
    put(nvs, "new", 1)
    expected.update(b=b"x", new=1)
    nvs.set("n", "c", "blob", b"y")
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    assert contents(nvs) == expected
    put(nvs, "last", 1)
    expected["last"] = 1
    assert contents(nvs) == expected


def test_a_blob_is_not_begun_in_the_last_entries_of_a_page(make_nvs):
    nvs = make_nvs(4)
    for n in range(113):
        put(nvs, f"k{n}", n)
    put(nvs, "b", noise(1000))
    # A page has 126 entries: less than 400 bytes were left of the first one.
    assert [key_at(nvs, page, 0) for page in (0, 1)] == ["n", "b"]
    assert nvs.flash.read(64 + 114 * 32, 12 * 32) == b"\xff" * 12 * 32


@pytest.mark.parametrize("length", [300, 3000, 3900, 7000])
def test_a_blob_too_many_leaves_no_chunk_behind(make_nvs, length):
    nvs = make_nvs(3)
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


def test_after_a_value_too_many_the_next_ones_wait_for_the_next_commit(make_nvs):
    nvs = make_nvs(3)
    for n in range(240):
        put(nvs, f"k{n}", n)
    nvs.set("n", "b", "blob", noise(2000))
    nvs.set("n", "i", "i32", 5)
    refused(NOT_ENOUGH_SPACE, nvs.commit)
    assert "i" not in contents(nvs) and nvs.get("n", "i", "i32") == 5
    nvs.commit()
    assert contents(nvs)["i"] == 5 and "b" not in contents(nvs)
