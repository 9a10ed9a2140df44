"""The ROM loader and its flash, with esptool's own command in front of them."""

import os
import random
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
from esptool.cmds import detect_chip
from esptool.loader import ESPLoader
from esptool.util import FatalError

from vboard.flash import MEGABYTE, SECTOR, Flash, PowerCut
from vboard.loader import CHIPS, SYNC, Loader, LoaderError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a pseudo-terminal doesn't tell that it was closed"
)

ESPTOOL = Path(sys.executable).with_name("esptool")
MAC = "24:0a:c4:12:34:56"
IMAGE = random.Random("image").randbytes(20_000) + bytes(2_345)
# Sectors that the image takes.
TAKEN = -(-len(IMAGE) // SECTOR)
AT = 0x10000
KINDS = {
    "stub": "write-flash",
    "stub, plain": "write-flash --no-compress",
    "ROM": "--no-stub write-flash",
    "ROM, plain": "--no-stub write-flash --no-compress",
}


class Chip:
    """A Loader over a Flash, and esptool in front of it."""

    def __init__(self, folder, name="esp32", size=4 * MEGABYTE, mac=MAC):
        self.folder, self.name = folder, name
        self.image = folder / "image.bin"
        self.image.write_bytes(IMAGE)
        self.flash = Flash(folder / "flash.bin", size)
        self.loader = Loader(self.flash, name, mac)

    def esptool(self, arguments, chip=None, port=None):
        """Runs `esptool ARGUMENTS`; `{}` in them is the image's path."""
        port = ["--chip", chip or self.name, "--port", port or self.loader.port]
        words = [str(self.image) if word == "{}" else word for word in arguments.split()]
        return subprocess.run(
            [ESPTOOL, *port, *words],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
        )

    def succeed(self, arguments):
        done = self.esptool(arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def fail(self, arguments, **other):
        done = self.esptool(arguments, **other)
        assert done.returncode == 2, done.stdout
        # One line, however the terminal would have broken it.
        return " ".join(done.stdout.split())

    def close(self):
        self.loader.close()
        self.flash.close()


@contextmanager
def esp_of(chip, stub):
    """esptool's own connection, for what its command doesn't do."""
    esp = detect_chip(chip.loader.port)
    try:
        esp = esp.run_stub() if stub else esp
        if not stub:
            esp.flash_spi_attach(0)
        yield esp
    finally:
        esp._port.close()


@pytest.fixture
def make_chip(tmp_path, no_leaks):
    """Returns make_chip(name, size, mac): a Chip in its loader."""
    made = []

    def make(*arguments, **more):
        made.append(Chip(tmp_path, *arguments, **more))
        return made[-1]

    yield make
    for chip in made:
        chip.close()


@pytest.fixture
def chip(make_chip):
    return make_chip()


# ---- Each chip -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHIPS)
def test_esptool_knows_the_chip(make_chip, name):
    chip = make_chip(name, 8 * MEGABYTE)
    told = chip.succeed("flash-id")
    assert name.replace("esp32", "ESP32-").rstrip("-").upper() in told
    assert "8MB" in told and MAC in told
    assert MAC in chip.succeed("read-mac")
    assert MAC in chip.succeed("chip-id")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHIPS)
def test_an_image_is_written(make_chip, name, kind):
    chip = make_chip(name)
    # What was there is erased, not written over.
    chip.flash.program(AT, bytes(TAKEN * SECTOR))
    chip.succeed(f"{KINDS[kind]} {AT:#x} {{}}")
    assert chip.flash.read(AT, len(IMAGE)) == IMAGE
    padding = TAKEN * SECTOR - len(IMAGE)
    assert chip.flash.read(AT + len(IMAGE), padding) == b"\xff" * padding
    sectors = range(AT // SECTOR, AT // SECTOR + TAKEN)
    assert [i for i, count in enumerate(chip.flash.wear) if count] == list(sectors)
    assert set(chip.flash.wear) == {0, 1}


@pytest.mark.parametrize("name", CHIPS)
def test_the_stub_erases_reads_and_verifies(make_chip, name):
    chip = make_chip(name)
    chip.flash.program(AT, IMAGE)
    chip.succeed(f"verify-flash {AT:#x} {{}}")
    chip.succeed(f"read-flash {AT:#x} {len(IMAGE)} read.bin")
    assert (chip.folder / "read.bin").read_bytes() == IMAGE
    chip.succeed(f"erase-region {AT:#x} {SECTOR:#x}")
    assert chip.flash.read(AT, 2 * SECTOR) == b"\xff" * SECTOR + IMAGE[SECTOR : 2 * SECTOR]
    assert "verification failed" in chip.fail(f"verify-flash {AT:#x} {{}}").lower()
    chip.succeed("erase-flash")
    assert chip.flash.read(0, chip.flash.size) == b"\xff" * chip.flash.size
    assert min(chip.flash.wear) == 1


@pytest.mark.parametrize("name", CHIPS)
def test_the_rom_erases_reads_and_verifies(make_chip, name):
    chip = make_chip(name)
    chip.flash.program(AT, IMAGE)
    chip.succeed(f"--no-stub verify-flash {AT:#x} {{}}")
    chip.succeed(f"--no-stub read-flash {AT:#x} 1000 read.bin")
    assert (chip.folder / "read.bin").read_bytes() == IMAGE[:1000]
    chip.succeed(f"--no-stub erase-region {AT:#x} {SECTOR:#x}")
    assert chip.flash.read(AT, 2 * SECTOR) == b"\xff" * SECTOR + IMAGE[SECTOR : 2 * SECTOR]
    assert "ROM does not support function erase_flash" in chip.fail("--no-stub erase-flash")


# ---- Any chip ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_images_at_several_places_and_at_the_very_end(chip, kind):
    end = chip.flash.size - TAKEN * SECTOR
    chip.succeed(f"{KINDS[kind]} 0x1000 {{}} {AT:#x} {{}} {end:#x} {{}}")
    for start in (0x1000, AT, end):
        assert chip.flash.read(start, len(IMAGE)) == IMAGE


def test_all_is_read_back(make_chip):
    chip = make_chip(size=MEGABYTE)
    chip.flash.program(0, random.Random("all").randbytes(MEGABYTE))
    chip.succeed("read-flash 0 ALL read.bin")
    assert (chip.folder / "read.bin").read_bytes() == chip.flash.read(0, MEGABYTE)


def test_a_chip_has_a_mac_without_being_given_one(make_chip):
    assert "24:0a:c4:" in make_chip(mac=None).succeed("read-mac")


def test_esptool_finds_out_which_chip_it_is(make_chip):
    assert "ESP32-C3" in make_chip("esp32c3").esptool("chip-id", chip="auto").stdout


# ---- Wrong uses ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_past_the_end_is_refused_by_esptool(chip, kind):
    told = chip.fail(f"{KINDS[kind]} {chip.flash.size - SECTOR:#x} {{}}")
    assert "will not fit in 4194304 bytes of flash" in told
    assert chip.flash.steps == 0


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("stub", "reason"), [(True, "Failed SPI operation"), (False, "Flash write error")]
)
def test_an_image_past_the_end_is_refused_by_the_chip(chip, compressed, stub, reason):
    """What esptool's command would not try."""
    with esp_of(chip, stub) as esp, pytest.raises(FatalError, match=reason):
        at = chip.flash.size - SECTOR
        if compressed:
            data = zlib.compress(IMAGE)
            esp.flash_defl_begin(len(IMAGE), len(data), at)
            esp.flash_defl_block(data, 0)
        else:
            esp.flash_begin(len(IMAGE), at)
            esp.flash_block(IMAGE[:SECTOR], 0)
            esp.flash_block(IMAGE[SECTOR : 2 * SECTOR], 1)


def test_what_the_stub_refuses_of_compressed_data(chip):
    with esp_of(chip, stub=True) as esp:
        for data, size, reason in (
            (b"no zlib", 100, "Inflate error"),
            (zlib.compress(bytes(101)), 100, "Too much data"),
        ):
            esp.flash_defl_begin(size, len(data), AT)
            with pytest.raises(FatalError, match=reason):
                esp.flash_defl_block(data, 0)
        with pytest.raises(FatalError, match="Not enough data"):
            esp.flash_defl_finish()


def test_a_checksum_of_what_is_not_there(chip):
    for stub in (False, True):
        with esp_of(chip, stub) as esp, pytest.raises(FatalError):
            esp.flash_md5sum(chip.flash.size - 1, 2)


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        ("0x10001 0x1000", "Offset to erase from must be a multiple of 4096"),
        ("0x10000 0x800", "Size of data to erase must be a multiple of 4096"),
        ("0x3ff000 0x2000", "goes past 4MB by 0x1000 bytes"),
    ],
)
def test_a_region_that_cannot_be_erased(chip, region, reason):
    assert reason in chip.fail(f"erase-region {region}")
    assert chip.flash.steps == 0


def test_nothing_is_read_past_the_end(chip):
    assert "goes past 4MB by 0x1000" in chip.fail("read-flash 0x3ff000 0x2000 read.bin")


def test_another_chip_than_it_is_called(chip):
    assert "not ESP32-C3" in chip.fail("flash-id", chip="esp32c3")


def test_a_chip_that_nobody_knows(chip):
    with pytest.raises(LoaderError, match="no loader for chip 'esp9': esp32, esp32s2"):
        Loader(chip.flash, "esp9")


@pytest.mark.parametrize("mac", ["", "24:0a:c4", "24:0a:c4:00:00:0x", "24:0a:c4:00:00:01:02"])
def test_what_is_no_mac(chip, mac):
    with pytest.raises(LoaderError, match="is no MAC"):
        Loader(chip.flash, "esp32", mac)


# ---- Power and the port --------------------------------------------------------------------


# esptool waits for seconds before it gives up.
@pytest.mark.parametrize("kind", ["stub", "ROM, plain"])
def test_the_power_fails_while_an_image_is_written(chip, kind):
    chip.flash.cut_after(60)
    assert "error" in chip.fail(f"{KINDS[kind]} {AT:#x} {{}}").lower()
    assert chip.loader.state == "off"
    chip.flash.power_on()
    found = chip.flash.read(AT, len(IMAGE))
    assert found != IMAGE and found[:SECTOR] == IMAGE[:SECTOR]
    until_state(chip.loader, "waiting")
    chip.succeed(f"{KINDS[kind]} {AT:#x} {{}}")
    assert chip.flash.read(AT, len(IMAGE)) == IMAGE


def until_state(loader, state):
    end = time.monotonic() + 10
    while loader.state != state:
        assert time.monotonic() < end, f"{loader.state}, not {state}"
        time.sleep(0.001)


class Port:
    """The port, opened by hand."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def write(self, data):
        os.write(self.fd, data)

    def read(self, seconds=0.3):
        found, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found += os.read(self.fd, 65536)
            except BlockingIOError:
                time.sleep(0.005)
        return found

    def close(self):
        os.close(self.fd)


READ_MAGIC = b"\xc0\x00\x0a\x04\x00\x00\x00\x00\x00\x00\x10\x00\x40\xc0"
ENTER = b"\xc0" + SYNC + b"\xc0"


def test_only_sync_enters_the_loader(chip):
    port = Port(chip.loader.port)
    port.write(READ_MAGIC + b"\r\nprint(1)\r\n" + b"\xc0" + SYNC[:-1] + b"\xc0")
    assert port.read() == b"" and chip.loader.state == "waiting"
    for i in range(len(ENTER)):
        port.write(ENTER[i : i + 1])
    # It answers eight times.
    assert port.read().count(b"\xc0\x01\x08") == 8
    assert chip.loader.state == "loading"
    port.write(READ_MAGIC)
    assert port.read()[5:9] == b"\x83\x1d\xf0\x00"
    port.close()


def test_closing_the_port_resets_the_chip(chip):
    port = Port(chip.loader.port)
    port.write(ENTER)
    until_state(chip.loader, "loading")
    port.close()
    until_state(chip.loader, "waiting")
    port = Port(chip.loader.port)
    port.read(0.05)
    port.write(READ_MAGIC)
    assert port.read() == b""
    port.close()


@pytest.mark.parametrize("length", [0, 3, 4, 8, 15])
def test_requests_that_are_too_short_are_answered_or_ignored(chip, length):
    port = Port(chip.loader.port)
    port.write(ENTER)
    port.read(0.05)
    for command in sorted(ESPLoader.ESP_CMDS.values()):
        if command != ESPLoader.ESP_CMDS["RUN_USER_CODE"]:
            port.write(b"\xc0\0" + bytes([command, length, 0]) + bytes(4 + length) + b"\xc0")
    port.read(0.05)
    port.write(ENTER)
    assert port.read().count(b"\xc0\x01\x08") == 8
    assert chip.flash.steps == 0
    port.close()


def test_without_power_nobody_answers(chip):
    chip.flash.cut_after(0)
    with pytest.raises(PowerCut):
        chip.flash.erase_all()
    port = Port(chip.loader.port)
    port.write(ENTER)
    assert port.read() == b"" and chip.loader.state == "off"
    chip.flash.power_on()
    until_state(chip.loader, "waiting")
    port.write(ENTER)
    assert port.read() != b""
    port.close()


def test_noise_neither_enters_the_loader_nor_stops_it(chip):
    port = Port(chip.loader.port)
    noise = random.Random("noise")
    for before in (b"", ENTER):
        port.write(before)
        for _ in range(20):
            port.write(noise.randbytes(1000))
            port.read(0.01)
    port.close()
    until_state(chip.loader, "waiting")
    chip.succeed("flash-id")
