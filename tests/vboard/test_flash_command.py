"""`fieldpost flash` against the ROM loader: what gets onto a board, and each way to fail."""

import dataclasses
import errno
import os
import pty
import random
import re
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import serial

import chip_images
from fieldpost import cli, factory, flasher, image, micropython, parts, ports
from shell import run
from vboard import profile
from vboard.flash import MEGABYTE, Flash
from vboard.loader import Loader

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a pseudo-terminal doesn't tell that it was closed"
)

UNTOUCHED = "; nothing was written\n"
UNUSABLE = "; the board is not usable until it is flashed again\n"
# What is on a board before: NVS, and some of the files.
NVS_AT, FILES_AT, OLD = 0x9000, 0x200000, random.Random("old").randbytes(0x2000)
FILES = {"main.py": b"print(1)"}
# Of a size that takes many steps, and doesn't compress.
PROGRAM = random.Random("program").randbytes(100_000)


class Board:
    """A chip in its loader, with something in its flash, and a factory for it."""

    def __init__(self, folder, capsys, name="esp32_generic", chip=None, size=None, flash=Flash):
        self.profile = profile.load(name)
        self.flash = flash(folder / "flash.bin", size or self.profile.flash)
        for at in (NVS_AT, FILES_AT):
            if at < self.flash.size:
                self.flash.program(at, OLD)
        self.before = self.flash.steps
        self.loader = Loader(self.flash, chip or self.profile.chip)
        self.image = folder / "image"
        self.image.mkdir()
        self.made = small(name)
        parts.write(self.made, self.image)
        self._capsys = capsys

    def call(self, *arguments, port=None):
        """Runs `fieldpost flash`; returns (exit code, stdout, stderr)."""
        options = ["flash", "--port", port or self.loader.port, "--image", str(self.image)]
        code = cli.main([*options, *arguments])
        return code, *self._capsys.readouterr()

    @property
    def touched(self):
        return self.flash.steps != self.before

    def holds(self, *names):
        """True when just these parts of the factory are in the flash."""
        found = {
            part.name
            for part in self.made.parts
            if self.flash.read(part.offset, len(part.data)) == part.data
        }
        return found == set(names)

    def close(self):
        self.loader.close()
        self.flash.close()


def small(name, **more):
    """Returns a Factory of small parts for a board."""
    board = profile.load(name)
    found = micropython.judged(chip_images.of_board(name, program=PROGRAM), board, "standard")
    files, _ = image.make(FILES, board.layouts["standard"].size)
    kept = tuple((one.label, one.offset, one.size) for one in found.kept)
    made = (*found.parts, parts.Part("filesystem", found.files.offset, files), *more.values())
    return parts.Factory(name, board.chip, board.flash, "standard", made, kept)


@pytest.fixture
def make_board(tmp_path, capsys, no_leaks):
    """Returns make_board(...): a Board, as its class takes them."""
    made = []

    def make(**options):
        made.append(Board(tmp_path, capsys, **options))
        return made[-1]

    yield make
    for board in made:
        board.close()


@pytest.fixture
def board(make_board):
    return make_board()


FIRMWARE = ("bootloader", "micropython")
ALL = (*FIRMWARE, "filesystem")


# ---- What gets onto the board ------------------------------------------------------------------


@pytest.mark.parametrize("name", profile.names())
def test_each_chip_gets_all_parts_and_keeps_its_nvs(make_board, name):
    board = make_board(name=name)
    code, said, errors = board.call()
    assert (code, errors) == (0, "")
    assert board.holds(*ALL)
    assert board.flash.read(NVS_AT, len(OLD)) == OLD
    lines = said.splitlines()
    chip, size = board.profile.chip, board.profile.flash // MEGABYTE
    assert lines[0] == f"{board.loader.port}: {name}, {chip} with {size} MB of flash"
    begin = board.profile.image_offset
    assert lines[1] == (
        f"overwritten: bootloader.bin at {begin:#x}, micropython.bin at 0x10000, "
        "filesystem.bin at 0x200000"
    )
    assert lines[2] == "kept: nvs, phy_init"
    told = [re.sub(r"  [0-9]+\.[0-9] s$", "", line) for line in lines[3:6]]
    assert told == [
        f"{part.file:16}{part.offset:>#10x}{len(part.data):>11,} bytes"
        for part in board.made.parts
    ]
    assert lines[6:] == ["done: written and verified"]


def test_a_real_image_and_all_of_a_flash_within_ten_seconds(board):
    real = micropython.judged(chip_images.etboard().read_bytes(), board.profile, "standard")
    nvs = parts.Part("nvs", NVS_AT, random.Random("nvs").randbytes(0x6000))
    more = [part for part in board.made.parts if part.name == "filesystem"]
    board.made = dataclasses.replace(board.made, parts=(*real.parts, nvs, *more), kept=())
    parts.write(board.made, board.image)
    begin = time.monotonic()
    code, said, errors = board.call()
    assert (code, errors) == (0, "") and "kept" not in said
    assert time.monotonic() - begin < 10
    assert board.holds(*ALL, "nvs")
    assert image.read(board.flash.read(FILES_AT, 2 * MEGABYTE)) == FILES


def test_the_hex_file_keeps_nvs_when_esptool_writes_it(board):
    # What an earlier file system left in the blocks that are blank now.
    board.flash.program(FILES_AT, bytes(range(256)) * 4096)
    factory.merge(board.made, board.image, raw=False)
    esptool = f"{sys.executable} -m esptool --port {board.loader.port}"
    code, said = run(f"{esptool} write-flash 0 {board.image}/factory.hex")
    assert code == 0, said
    assert board.holds(*FIRMWARE)
    assert board.flash.read(NVS_AT, len(OLD)) == OLD
    assert image.read(board.flash.read(FILES_AT, 2 * MEGABYTE)) == FILES


def test_no_board_is_left_without_micropython(board):
    code, said, errors = board.call("--erase", "--only", "filesystem")
    assert (code, said, board.touched) == (1, "", False)
    assert "--erase would take MicroPython away" in errors and "nothing was written" in errors


@pytest.mark.parametrize(
    ("only", "written", "kept"),
    [
        ("firmware", FIRMWARE, "kept: nvs, phy_init, filesystem"),
        ("filesystem", ("filesystem",), "kept: nvs, phy_init, bootloader, micropython"),
    ],
)
def test_only_some_parts(board, only, written, kept):
    code, said, _ = board.call("--only", only)
    assert code == 0 and kept in said
    assert board.holds(*written)
    assert board.flash.read(NVS_AT, len(OLD)) == OLD
    if only == "firmware":
        assert board.flash.read(FILES_AT, len(OLD)) == OLD


def test_all_is_erased_on_request_and_told_before(board):
    code, said, _ = board.call("--erase", "--only", "firmware", "--baud", "115200")
    assert code == 0
    assert "all of the flash is erased first: NVS and the files on the board go" in said
    assert "kept" not in said
    assert board.holds(*FIRMWARE)
    for at in (NVS_AT, FILES_AT):
        assert board.flash.read(at, len(OLD)) == b"\xff" * len(OLD)


def test_the_only_board_is_found(board, monkeypatch, tmp_path, capsys):
    found = [
        SimpleNamespace(device="/dev/ttyS0", vid=None, description="n/a"),
        SimpleNamespace(device=board.loader.port, vid=0x10C4, description="CP2102"),
    ]
    monkeypatch.setattr(ports.list_ports, "comports", lambda: found)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    board.image.rename(tmp_path / "build/esp32_generic-factory")
    assert cli.main(["flash"]) == 0
    assert board.holds(*ALL)
    capsys.readouterr()
    found.append(SimpleNamespace(device="/dev/ttyACM7", vid=0x303A, description="JTAG"))
    assert cli.main(["flash"]) == 1
    told = "fieldpost flash: several boards found, name one with --port: "
    told += f"{board.loader.port} (CP2102), /dev/ttyACM7 (JTAG){UNTOUCHED}"
    assert capsys.readouterr().err == told
    del found[1:]
    assert cli.main(["flash"]) == 1
    assert "no board found at any serial port: plug it in, or" in capsys.readouterr().err


def test_how_far_it_is_shows_on_a_terminal(board, monkeypatch):
    # As a terminal would have it.
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, _, errors = board.call("--erase")
    assert code == 0 and "erasing" in errors
    for part in board.made.parts:
        assert part.file in errors
    assert "stub" not in errors


def test_what_esptool_says_shows_on_request(board):
    code, said, errors = board.call("--verbose")
    assert code == 0 and "Uploading stub flasher" in errors
    assert "stub" not in said


def test_a_reader_that_goes_away_stops_nothing(board):
    options = f"--port {board.loader.port} --image {board.image}"
    code, _ = run(f"{{ {sys.executable} -m fieldpost.cli flash {options}; echo $? >&2; }} | true")
    assert code == 0
    assert board.holds(*ALL)


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_an_output_that_is_closed_stops_nothing(closed, board, monkeypatch):
    monkeypatch.setattr(sys, closed, None)
    assert cli.main(["flash", "--port", board.loader.port, "--image", str(board.image)]) == 0
    assert board.holds(*ALL)


# ---- What is refused before anything is written ------------------------------------------------


def refused(board, done, told, left=UNTOUCHED):
    code, said, errors = done
    assert code == 1 and "done" not in said
    assert errors == f"fieldpost flash: {told}{left}"
    assert board.touched == (left != UNTOUCHED)


def test_another_chip_is_refused(make_board):
    board = make_board(chip="esp32s3")
    told = (
        f"{board.loader.port}: the chip is an esp32s3, the image is for an esp32 (esp32_generic)"
    )
    refused(board, board.call("--erase"), told)


def test_a_chip_that_is_too_old_is_refused(board):
    loader = chip_images.application("esp32", b"loader", revision=9900)
    made = dataclasses.replace(board.made, parts=(parts.Part("bootloader", 0x1000, loader),))
    parts.write(made, board.image)
    code, said, errors = board.call("--erase")
    assert code == 1 and "done" not in said
    assert "requires chip revision v99.0 or higher (this chip is revision v" in errors
    assert errors.endswith(UNTOUCHED) and "--force" not in errors and not board.touched


@pytest.mark.parametrize(("size", "told"), [(2, "smaller"), (8, "larger")])
def test_a_flash_of_another_size_is_refused(make_board, size, told):
    board = make_board(size=size * MEGABYTE)
    text = (
        f"{board.loader.port}: the flash has {size} MB, {told} than the image's 4 MB, so its file "
        f"system would not be found: make a board file with flash.size = {size * MEGABYTE:#x} and "
        "a factory for it"
    )
    refused(board, board.call("--erase"), text)


def test_a_board_that_isn_t_there_is_refused(board):
    told = "no board 'mine': boards/ has esp32_c3, "
    code, _, errors = board.call("--board", "mine")
    assert code == 1 and told in errors and not board.touched


def test_a_folder_that_is_no_factory_s_is_refused(board, tmp_path):
    def told(text, *arguments):
        refused(board, board.call(*arguments), f"{board.image}{text}")

    told(": made for esp32_generic, not for esp32_s3", "--board", "esp32_s3")
    manifest = board.image / "factory.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"flash": 4194304', '"flash": 8388608'))
    told(
        ": made for an esp32 with 8 MB of flash, the board file esp32_generic says esp32 with "
        "4 MB: run make factory again"
    )
    for wrong in (
        "",
        "[]",
        "{}",
        text.replace(": 65536", ': "x"'),
        text.replace(": 65536", ": -1"),
        "\xff",
    ):
        manifest.write_bytes(wrong.encode("latin-1"))
        told(": factory.json is damaged: run make factory again")
    manifest.unlink()
    told(": no factory.json in it: make factory makes such a folder")
    manifest.write_text(text)
    program = board.image / "micropython.bin"
    program.write_bytes(program.read_bytes()[:-1])
    told("/micropython.bin: damaged: run make factory again")
    program.unlink()
    told(": no micropython.bin in it: make factory makes such a folder")
    board.image = manifest
    told(": a file: give the folder that make factory made")


def test_a_part_behind_the_flash_s_end_is_refused(board):
    late = small("esp32_generic", more=parts.Part("late", 4 * MEGABYTE - 10, bytes(11)))
    parts.write(late, board.image)
    told = f"{board.image}: late.bin ends at 0x400001, behind the flash"
    refused(board, board.call(), told)


# ---- The port ----------------------------------------------------------------------------------


def test_a_port_that_can_t_be_opened(board, tmp_path, monkeypatch):
    def told(port, text):
        refused(board, board.call(port=port), f"{port}: {text}")

    told("/dev/no-such-port", "no such port: is the board plugged in?")
    (tmp_path / "file").write_text("")
    told(str(tmp_path / "file"), "no serial port")
    told(str(tmp_path), "no serial port")
    with serial.Serial(board.loader.port, exclusive=True):
        told(
            board.loader.port,
            "in use by another program: end it, for instance a terminal at the board",
        )
    opened = os.open

    def denied(path, *arguments, **more):
        if path == board.loader.port:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *arguments, **more)

    monkeypatch.setattr(os, "open", denied)
    told(
        board.loader.port,
        "permission denied: add yourself to the group dialout, then log in again",
    )


@pytest.fixture
def silent_port():
    """A serial port at which nobody answers."""
    near, far = pty.openpty()
    yield os.ttyname(far)
    os.close(near)
    os.close(far)


def test_no_board_answers(board, silent_port, monkeypatch):
    monkeypatch.setattr(flasher, "ATTEMPTS", 1)
    told = f"{silent_port}: no board answers: hold its button BOOT while you press RESET, then "
    refused(
        board, board.call(port=silent_port), told + "try again; or its cable has no data lines"
    )


# ---- In the middle -----------------------------------------------------------------------------


def until(condition, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.001)


class when:
    """Does something in a thread of its own once `condition()` is true."""

    def __init__(self, condition, do):
        self._thread = threading.Thread(target=lambda: (until(condition), do()))

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exc):
        self._thread.join()


def in_the_middle(board, steps=300):
    return lambda: board.flash.steps > board.before + steps


def test_the_power_fails(board):
    board.flash.cut_after(300)
    code, said, errors = board.call()
    assert code == 1 and "done" not in said
    told = f"fieldpost flash: {board.loader.port}: micropython.bin: the board answers no more"
    assert errors == f"{told}: check its power and the cable{UNUSABLE}"
    board.flash.power_on()
    assert board.holds("bootloader")
    until(lambda: board.loader.state == "waiting")
    assert board.call()[0] == 0
    assert board.holds(*ALL) and board.flash.read(NVS_AT, len(OLD)) == OLD


def test_the_port_is_lost(board):
    with when(in_the_middle(board), board.loader.close):
        done = board.call()
    told = f"{board.loader.port}: micropython.bin: the port was lost: check the cable"
    refused(board, done, told, UNUSABLE)


class Worn(Flash):
    """A flash in whose 20th sector a bit doesn't become what it should."""

    def program(self, offset, data):
        super().program(offset, data)
        if offset <= 0x14000 < offset + len(data):
            self._cells[0x14000] ^= 0x10


def test_what_is_written_is_verified(make_board):
    board = make_board(flash=Worn)
    told = (
        f"{board.loader.port}: micropython.bin: verification failed: the flash doesn't hold what"
    )
    refused(board, board.call(), f"{told} was written", UNUSABLE)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_ctrl_c_in_the_middle(board):
    with when(in_the_middle(board), interrupt):
        code, said, errors = board.call()
    assert (code, errors) == (130, f"fieldpost flash: interrupted{UNUSABLE}")
    assert "done" not in said and not board.holds(*ALL)


def test_a_ctrl_c_before_anything_is_written(board, silent_port):
    begin = time.monotonic()
    with when(lambda: time.monotonic() > begin + 0.2, interrupt):
        code, _, errors = board.call(port=silent_port)
    assert (code, errors) == (130, f"fieldpost flash: interrupted{UNTOUCHED}")
    assert not board.touched


def test_make_refuses_a_mistyped_name():
    code, output = run("make flash PRT=/dev/ttyUSB0")
    assert code == 2
    assert "make flash takes PORT BOARD IMAGE ERASE, not PRT" in output
