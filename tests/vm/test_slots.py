"""Which application a board starts: on the emulated board and on a real MicroPython alike."""

import pytest

from fieldpost import image
from shell import ROOT
from vboard import Air, Board
from vm import needs_vm, run

BOOT, MAIN = ((ROOT / "firmware" / name).read_bytes() for name in ("boot.py", "main.py"))
SAYS = """
import sys
from node import part
def main():
    print("started", part.NAME, sys.path[0] or "/")
"""


def application(place, name):
    """Returns the files of an application that says its name."""
    part = f"NAME = {name!r}"
    return {f"{place}node/start.py": SAYS.encode(), f"{place}node/part.py": part.encode()}


WHOLE = {**application("a/", "first"), **application("b/", "second"), **application("", "flat")}


def on_emulated(files, folder):
    air = Air()
    with Board(folder / "board", air) as board:
        for path, data in files.items():
            board.flash.path(path).parent.mkdir(parents=True, exist_ok=True)
            board.flash.path(path).write_bytes(data)
        board.power_on()
        board.wait_state("repl")
        console = board.console
    air.close()
    return console


def on_vm(files, folder):
    (folder / "image").write_bytes(image.make(files, 0x20000)[0])
    done = run("tests/vm/boot_image.py", folder / "image", heap="64wK")
    assert done.returncode == 0, done.stdout
    return done.stdout.strip().replace("\r", "")


@pytest.fixture(params=[on_emulated, pytest.param(on_vm, marks=needs_vm)])
def console(request, tmp_path):
    """console(files, pointer=None): what a board says that boots from them until its prompt."""

    def boot(files, pointer=None):
        files = {"boot.py": BOOT, "main.py": MAIN, **files}
        if pointer is not None:
            files["slot"] = pointer
        return request.param(files, tmp_path)

    return boot


@pytest.mark.parametrize(
    ("pointer", "started"),
    [
        (b"a", "started first /a"),
        (b"b", "started second /b"),
        (b"b\r\n", "started second /b"),
        (b"a b", "started first /a"),
        (b" a", "started first /a"),
        (None, "started flat /"),
    ],
)
def test_the_pointer_says_what_is_started(pointer, started, console):
    assert console(WHOLE, pointer) == started


@pytest.mark.parametrize("pointer", [b"", b"c", b"ab", b"\xff\xfe", b"\0" * 9000])
def test_a_damaged_pointer_is_told_and_starts_no_slot(pointer, console):
    told, started = console(WHOLE, pointer).splitlines()
    assert told.startswith("boot: /slot") and started == "started flat /"


def test_a_pointer_to_nothing_starts_what_is_at_the_root(console):
    assert console(application("", "flat"), b"b") == "started flat /b"


def test_a_folder_for_a_pointer_is_none(console):
    assert console({**WHOLE, "slot/x": b""}).endswith("started flat /")


def test_no_application_ends_at_the_prompt(console):
    for files in ({}, {"a/node/app.py": b""}):
        said = console(files, b"a")
        assert said.startswith("main: no application (") and "make deploy" in said
        assert "\n" not in said


def test_what_is_missing_in_a_slot_is_not_taken_from_elsewhere(console):
    files = {path: data for path, data in WHOLE.items() if path != "a/node/part.py"}
    said = console(files, b"a")
    assert said.startswith("main: no application (") and "first" not in said


def broken(folder, air):
    """Returns a board, not switched on, whose application is no Python."""
    board = Board(folder / "board", air)
    crash = (ROOT / "firmware/node/crash.py").read_bytes()
    main = MAIN.replace(b"PAUSE_S = 10", b"PAUSE_S = 0")
    files = {"boot.py": BOOT, "main.py": main, "slot": b"b", "b/node/crash.py": crash}
    for path, data in {**files, "b/node/start.py": b"def f(:"}.items():
        board.flash.path(path).parent.mkdir(parents=True, exist_ok=True)
        board.flash.path(path).write_bytes(data)
    return board


def test_an_application_that_cannot_be_loaded_is_told_recorded_and_reset(tmp_path):
    air = Air()
    with broken(tmp_path, air) as board:
        board.power_on()
        board.wait_console("main: the application can't be started: SyntaxError")
        board.flash.path("b/node/start.py").write_bytes(b"def main(): print('mended')")
        board.wait_console("mended")
        assert board.boots[:2] == [1, 2]
        assert "SyntaxError" in board.flash.path("crash.txt").read_text()
    air.close()


def test_ctrl_c_gets_the_prompt_before_the_reset(tmp_path):
    air = Air()
    with broken(tmp_path, air) as board:
        board.flash.path("main.py").write_bytes(MAIN)
        # Nor can it be recorded.
        board.flash.path("crash.txt").mkdir()
        board.power_on()
        board.wait_console("main: not recorded")
        board.interrupt()
        board.wait_state("repl")
        assert board.boots == [1]
    air.close()
