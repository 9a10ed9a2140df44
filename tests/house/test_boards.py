"""The files in boards/: what they say is whole, and what is wrong in one is told by key."""

import re

import pytest

from fieldpost import firmware
from vboard import profile

BOARDS = ("esp32_c3", "esp32_c6", "esp32_generic", "esp32_s2", "esp32_s3")
GENERIC = (profile.BOARDS / "esp32_generic.toml").read_text(encoding="utf-8")


def test_these_boards_are_there():
    assert profile.names() == list(BOARDS)
    assert {profile.load(name).chip for name in BOARDS} == set(profile.CHIPS)
    assert set(firmware.MACHINES) == set(profile.CHIPS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_whole(name):
    board = profile.load(name)
    assert board.i2c and board.adc
    assert (board.led is None) != (board.neopixel is None)
    assert board.budget < board.heap


@pytest.mark.parametrize(
    ("name", "standard", "ota"),
    [
        ("esp32_generic", (0x200000, 0x200000), (0x310000, 0xF0000)),
        ("esp32_s3", (0x200000, 0x600000), (0x4F0000, 0x310000)),
    ],
)
def test_the_file_system_has_what_the_partitions_leave(name, standard, ota):
    layouts = profile.load(name).layouts
    assert (layouts["standard"].offset, layouts["standard"].size) == standard
    assert (layouts["ota"].offset, layouts["ota"].size) == ota


def test_a_board_is_added_by_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "BOARDS", tmp_path)
    (tmp_path / "mine.toml").write_text(GENERIC.replace("0x400000", "0x1000000"))
    board = profile.load("mine")
    assert board.layouts["standard"].size == 0xE00000
    with pytest.raises(profile.ProfileError, match=r"no board 'yours': boards/ has mine$"):
        profile.load("yours")


def test_a_path_is_no_board():
    with pytest.raises(profile.ProfileError, match="no board"):
        profile.load("../boards/esp32_generic")


PINNED = f"""offset = 0x1000
version = "1.29.0"
url = "https://micropython.example/image.bin"
sha256 = "{"0a" * 32}"
"""


def test_a_board_file_may_name_an_image_with_its_sum():
    found = profile.parse(GENERIC.replace("offset = 0x1000", PINNED, 1)).download
    assert found == profile.Download("1.29.0", "https://micropython.example/image.bin", "0a" * 32)
    assert profile.parse(GENERIC).download is None


WRONG = (
    ("offset = 0x1000", PINNED.replace("0a", "0A"), "micropython.sha256: '0A0A"),
    ("offset = 0x1000", PINNED.replace("https", "ftp"), "micropython.url: 'ftp://"),
    ("offset = 0x1000", PINNED.replace("url =", "#"), "micropython.url: missing"),
    ("offset = 0x1000", PINNED.replace('"1.29.0"', "1.29"), "micropython.version: 1.29: allowed"),
    ('chip = "esp32"', 'chip = "esp8266"', "chip: 'esp8266': allowed is 'esp32', 'esp32s2'"),
    ('chip = "esp32"', "", "chip: missing"),
    ('name = "ESP32 generic"', "name = 7", "name: 7: allowed is text"),
    ('name = "ESP32 generic"', 'name = "x"\nmaker = "y"', "maker: 'y': allowed is one of these"),
    ("offset = 0x1000", "offset = 0x2000", "micropython.offset: 0x2000: allowed is 0x1000"),
    ("offset = 0x1000", "offset = true", "micropython.offset: True: allowed is 0x1000"),
    ("size = 0x400000", "size = 4", "flash.size: 0x4: allowed is 0x200000, 0x400000"),
    ("size = 0x400000", "sise = 4", "flash.sise: 0x4: allowed is one of these keys: size"),
    ("[flash]\nsize = 0x400000", "", "[flash]: missing: a table with size"),
    ("budget = 70_000", "budget = 140_000", "memory.budget: 140000: allowed is a whole number"),
    ("heap = 134_000", "heap = 1.5", "memory.heap: 1.5: allowed is a whole number from 1"),
    ("led = 2", "led = 34", "pins.led: 34: allowed is 0, 1, 2"),
    ("led = 2", "led = 4", "pins.led: 4: allowed is another than pins.one_wire"),
    ("one_wire = 4", "", "pins.one_wire: missing"),
    ("input_only = [34, ", "input_only = [2, 34, ", "pins.input_only: 2: allowed is a pin that"),
    ("adc = [32, ", "adc = [6, 32, ", "pins.adc: 6: allowed is 0, 1, 2"),
    ("adc = [32, ", "adc = [33, ", "pins.adc: 33: allowed is each pin once"),
    ("gpio = [0, 1, ", "gpio = [0, '1', ", "pins.gpio: '1': allowed is 0 to 63"),
    ("scl = 25", "scl = 34", "i2c[1].scl: 34: allowed is 0, 1, 2"),
    ("scl = 25", "", "i2c[1].scl: missing"),
    ("scl = 25", "scl = 18", "i2c[1].scl: 18: allowed is another than i2c[0].scl"),
    ("[layout.ota]", "[layout.both]", "layout.both: a table: allowed is one of these keys"),
    ("[0x10000, 0x1F0000]", "[0x11000, 0x1F0000]", "layout.standard.factory: [0x11000, 0x1f0000]"),
    ("[0x10000, 0x1F0000]", "[0x10000, 0x1F0010]", "layout.standard.factory: [0x10000, 0x1f0010]"),
    ("[0x10000, 0x1F0000]", "[0x10000, 0x3F0000]", "layout.standard.factory: [0x10000, 0x3f0000]"),
    (
        "[0x190000, 0x180000]",
        "[0x180000, 0x180000]",
        "layout.ota.ota_1: [0x180000, 0x180000]: all",
    ),
    ("[0x190000, 0x180000]", "0x190000", "layout.ota.ota_1: 0x190000: allowed is [offset, size]"),
    ("[pins]", "[pins", "Expected ']'"),
)


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_what_is_wrong_is_told(old, new, told, tmp_path, monkeypatch):
    assert old in GENERIC
    monkeypatch.setattr(profile, "BOARDS", tmp_path)
    (tmp_path / "mine.toml").write_text(GENERIC.replace(old, new, 1))
    with pytest.raises(profile.ProfileError, match=re.escape(f"mine.toml: {told}")) as caught:
        profile.load("mine")
    assert "\n" not in str(caught.value)
