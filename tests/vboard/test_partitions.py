"""The partition table: read as a boot loader reads it, with MicroPython's vfs behind it."""

import hashlib
import struct

import pytest
from hypothesis import given, strategies as st

from vboard.flash import MEGABYTE, SECTOR, Flash
from vboard.partitions import LENGTH, TABLE, Partition, PartitionError, load, parse

NVS = Partition("nvs", 1, 2, 0x9000, 0x6000)
PHY = Partition("phy_init", 1, 1, 0xF000, 0x1000)
APP = Partition("factory", 0, 0, 0x10000, 0x1F0000)
VFS = Partition("vfs", 1, 0x81, 0x200000, 0x200000)
# MicroPython's layout with two slots for updates (ports/esp32/partitions-4MiB-ota.csv).
OTA = (
    Partition("nvs", 1, 2, 0x9000, 0x4000),
    Partition("otadata", 1, 0, 0xD000, 0x2000),
    Partition("phy_init", 1, 1, 0xF000, 0x1000),
    Partition("ota_0", 0, 0x10, 0x10000, 0x180000),
    Partition("ota_1", 0, 0x11, 0x190000, 0x180000),
)


def entry(partition):
    return struct.pack(
        "<HBBII16sI",
        0x50AA,
        partition.type,
        partition.subtype,
        partition.offset,
        partition.size,
        partition.label.encode(),
        partition.flags,
    )


def md5(entries):
    return b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()


def table(*partitions):
    entries = b"".join(map(entry, partitions))
    return (entries + md5(entries)).ljust(LENGTH, b"\xff")


@pytest.fixture
def make_flash(tmp_path):
    """Returns make_flash(table, megabytes): a Flash with that table."""
    made = []

    def make(data=b"", megabytes=4):
        flash = Flash(tmp_path / f"{len(made)}.bin", megabytes * MEGABYTE)
        made.append(flash)
        flash.program(TABLE, data)
        return flash

    yield make
    for flash in made:
        flash.close()


# ---- What is in it -------------------------------------------------------------------------


def test_a_table_is_read(make_flash):
    found = load(make_flash(table(NVS, PHY, APP, VFS)))
    assert list(found.values()) == [NVS, PHY, APP, VFS]


def test_a_table_that_esp_idf_made_is_read():
    # Its generator's MD5 over four partitions of an image of MicroPython 1.16.
    made = (NVS, PHY, Partition("factory", 0, 0, 0x10000, 0x180000), VFS)
    entries = b"".join(map(entry, made))
    digest = bytes.fromhex("f7ab233fbb04375b36fa5f9f92ef427e")
    data = (entries + md5(entries)[:16] + digest).ljust(LENGTH, b"\xff")
    assert parse(data) == list(made)


@pytest.mark.parametrize(
    ("megabytes", "size"), [(4, 0x200000), (8, 0x600000), (16, 0xE00000)], ids=str
)
def test_vfs_goes_from_the_last_partition_to_the_end(make_flash, megabytes, size):
    found = load(make_flash(table(NVS, PHY, APP), megabytes))
    assert found["vfs"] == Partition("vfs", 1, 0x81, 0x200000, size)


def test_vfs_behind_the_slots_for_updates(make_flash):
    found = load(make_flash(table(*OTA)))
    assert (found["vfs"].offset, found["vfs"].size) == (0x310000, 0xF0000)


def test_vfs_is_behind_the_partition_that_ends_last(make_flash):
    found = load(make_flash(table(APP, NVS)))
    assert found["vfs"].offset == APP.end


@pytest.mark.parametrize("label", ["vfs", "ffat"])
def test_a_table_with_a_file_system_gets_no_other(make_flash, label):
    own = Partition(label, 1, 0x81, 0x200000, 0x100000)
    assert list(load(make_flash(table(NVS, APP, own)))) == ["nvs", "factory", label]


def test_a_full_flash_has_no_vfs(make_flash):
    whole = Partition("factory", 0, 0, 0x10000, 4 * MEGABYTE - 0x10000)
    assert list(load(make_flash(table(NVS, whole)))) == ["nvs", "factory"]


def test_flags_and_a_label_of_sixteen_bytes():
    made = Partition("sixteen-bytes-äö"[:14] + "ab", 1, 0x40, 0x9000, 0x1000, flags=3)
    assert parse(table(made)) == [made]


# ---- What is refused -----------------------------------------------------------------------


def test_a_blank_flash_has_no_table(make_flash):
    with pytest.raises(PartitionError, match="no partition table at 0x8000"):
        load(make_flash())


def test_a_partition_behind_the_end_is_refused(make_flash):
    with pytest.raises(PartitionError, match="'factory' ends at 0x200000, the flash at 0x100000"):
        load(make_flash(table(NVS, APP), 1))


ENTRIES = entry(NVS) + entry(APP)
NO_TEXT = entry(NVS)[:12] + b"\xfe" * 16 + bytes(4)
DAMAGED = {
    "no partition table at 0x8000": b"\xff" * LENGTH,
    "the partition table has no MD5": ENTRIES.ljust(LENGTH, b"\xff"),
    "MD5 is wrong": (ENTRIES + md5(ENTRIES[:-1])).ljust(LENGTH, b"\xff"),
    "a second MD5": (ENTRIES + 2 * md5(ENTRIES)).ljust(LENGTH, b"\xff"),
    "entry at 0x8020 begins with 0000": (entry(NVS) + bytes(32)).ljust(LENGTH, b"\xff"),
    "entry at 0x8000 has no text as label": NO_TEXT.ljust(LENGTH, b"\xff"),
}


@pytest.mark.parametrize(("reason", "data"), DAMAGED.items(), ids=DAMAGED)
def test_a_damaged_table_is_refused_with_the_reason(reason, data):
    with pytest.raises(PartitionError, match=reason):
        parse(data)


@given(bit=st.integers(0, 8 * (4 * 32) - 1))
def test_any_flipped_bit_is_found(bit):
    data = bytearray(table(NVS, PHY, APP))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PartitionError):
        parse(bytes(data))


def test_a_table_erased_by_halves_is_refused(make_flash):
    flash = make_flash(table(NVS, PHY, APP))
    flash.cut_after(0)
    with pytest.raises(Exception, match="power failed"):
        flash.erase(TABLE, SECTOR)
    flash.power_on()
    with pytest.raises(PartitionError):
        load(flash)
