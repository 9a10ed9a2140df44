"""NVS after a power cut at any step and with any damage; NVS under a board's programs."""

import itertools
import struct

import nvs_reader
import pytest
from nvs_kit import BLOB, I32, NOT_FOUND, ROWS, contents, generated, noise, put, raw, refused

from vboard.flash import SECTOR, PowerCut
from vm import told

# Page states: one that is written to, and what no page has.
ACTIVE, NONE = 0xFFFFFFFE, 0xFFFFFFFA


# ---- Power cuts ----------------------------------------------------------------------------

# A number "forged" as an entry of namespace 1, to be the content of a blob.
FORGED = b"\x01\x14\x01\xff", b"forged".ljust(16, b"\0") + b"\x05\0\0\0\xff\xff\xff\xff"
FORGED = struct.pack("<I", nvs_reader.crc(b"".join(FORGED))).join(FORGED)

# Name: (pages, what is committed before, the changes of one commit; None erases).
CUTS = {
    "first": (3, [], {"i": 1}),
    "number": (3, [{"i": 1}], {"i": 2}),
    "blob": (3, [{"b": noise(900)}], {"b": noise(700, 2)}),
    "blob over pages": (5, [{"b": noise(6000)}], {"b": noise(7000, 2)}),
    "blob anew": (5, [{"b": noise(6000)}, {"b": noise(5000, 3)}], {"b": noise(6000, 2)}),
    "blob like entries": (3, [{"b": FORGED * 9}], {"b": FORGED * 8}),
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


def prepared(make_nvs, name):
    pages, before, change = CUTS[name]
    nvs = make_nvs(pages)
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
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(make_nvs, name):
    nvs, change = prepared(make_nvs, name)
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
def test_nor_does_a_second_power_cut_while_the_first_is_mended(make_nvs, name):
    nvs, change = prepared(make_nvs, name)
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
def image(make_nvs):
    """Two pages of values: "i" and "b" begin the first, "late" is in the second."""
    nvs = make_nvs(4)
    put(nvs, "i", 1)
    put(nvs, "b", noise(3000))
    put(nvs, "late", noise(1500))
    return raw(nvs)


def test_a_page_without_a_sound_header_is_as_good_as_free(make_nvs, image):
    for offset, data in ((4, b"\x00\x01"), (28, bytes(4)), (0, struct.pack("<I", NONE))):
        nvs = make_nvs(changed(image, SECTOR + offset, data))
        refused(NOT_FOUND, nvs.get, "n", "late", "blob")
        assert nvs.get("n", "i", "i32") == 1 and nvs.get("n", "b", "blob") == noise(3000)
        for n in range(1000):
            put(nvs, "i", n)
        assert contents(nvs) == {"i": 999, "b": noise(3000)}


def test_a_page_half_erased_is_not_taken_for_a_free_one(make_nvs, image):
    nvs = make_nvs(changed(image, 2 * SECTOR + 2000, bytes(32)))
    expected = {"i": 1, "b": noise(3000), "late": noise(1500)}
    for n in range(200):
        put(nvs, f"k{n}", n)
        expected[f"k{n}"] = n
    assert contents(nvs) == expected


def test_only_the_last_page_is_written_to(make_nvs, image):
    nvs = make_nvs(changed(image, 0, struct.pack("<I", ACTIVE)))
    for n in range(300):
        put(nvs, "i", n)
    # The reader finds fault with another one that is active.
    assert contents(nvs) == {"i": 299, "b": noise(3000), "late": noise(1500)}


# Entries of the first page: namespace, "i", the chunk of "b" and its data, the index of "b".
@pytest.mark.parametrize(
    ("entry", "within", "gone"),
    [(1, 9, "i"), (2, 2, "b"), (3, 0, "b"), (96, 23, "b"), (97, 24, "b")],
)
def test_what_has_a_wrong_crc_is_dropped(make_nvs, image, entry, within, gone):
    offset = 64 + entry * 32 + within
    nvs = make_nvs(changed(image, offset, bytes([image[offset] ^ 1])))
    left = {"i": 1, "b": noise(3000), "late": noise(1500)}
    del left[gone]
    assert contents(nvs) == left


def test_damage_is_not_given_out(make_nvs):
    nvs = make_nvs()
    put(nvs, "b", noise(100))
    put(nvs, "c", noise(6000))
    nvs.flash.program(64 + 2 * 32, bytes(8))
    nvs.flash.program(64 + 9 * 32, bytes(8))
    for key in "bc":
        refused(NOT_FOUND, nvs.get, "n", key, "blob")
        put(nvs, key, b"new")
    assert contents(nvs) == {"b": b"new", "c": b"new"}


def test_a_page_of_a_newer_format_or_no_free_page_has_all_erased(make_nvs, image):
    header = bytes.fromhex("00000000fd") + b"\xff" * 19
    newer = changed(image, 4, header + struct.pack("<I", nvs_reader.crc(header)))
    full = image[:SECTOR] * 4
    for content in (newer, full):
        nvs = make_nvs(content)
        assert raw(nvs) == b"\xff" * len(image)
        put(nvs, "i", 3)
        assert contents(nvs) == {"i": 3}


@pytest.mark.parametrize("fill", [0x00, 0xA5, "noise"])
def test_what_is_no_nvs_at_all_is_written_over(make_nvs, fill):
    nvs = make_nvs(noise(3 * SECTOR) if fill == "noise" else bytes([fill]) * 3 * SECTOR)
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
        if n % 2:
            board.press_reset()
        else:
            board.power_off()
            board.power_on()
    board.wait_console("stored 9")
    board.wait_state("repl")
    assert "same False" not in board.console and "count 8 size 3500" in board.console
    found = nvs_reader.read(board.nvs_flash.path.read_bytes())
    assert found == {("n", "count"): (I32, 9), ("n", "b"): (BLOB, b"\x09" * 4000)}


ALTERNATES = """
import time
from esp32 import NVS
from machine import Pin
nvs = NVS("n")
buffer = bytearray(5000)
try:
    size = nvs.get_blob("b", buffer)
except OSError:
    size = 0
print("found", size, set(buffer[:size]))
while not Pin(4)():
    time.sleep_ms(1)
value = 2 if buffer[0] == 1 else 1
nvs.set_blob("b", bytes([value]) * 4500)
nvs.commit()
print("stored", value)
"""


def test_power_cuts_under_a_program_leave_the_old_or_the_new(make_board):
    board = make_board(ALTERNATES)
    before, after = "found 0 set()", "found 4500 {1}"
    for steps in range(0, 60, 4):
        board.hardware.pins[4].drive(0)
        since = board.mark()
        board.power_on()
        found = board.wait_console("found", since=since)
        assert found in (before, after)
        before, after = found, "found 4500 {2}" if found.endswith("{1}") else "found 4500 {1}"
        board.nvs_flash.cut_after(steps)
        board.hardware.pins[4].drive(1)
        board.wait_state("repl")
        board.power_off()
    assert "PowerCut" in board.console and "stored" in board.console


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
    assert told(board).split() == ["OverflowError", "OverflowError", "TypeError", "2147483647"]
