"""What only a virtual board has: a flash that it boots from, and a port."""

import os
import re
import signal
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

import pytest

from vboard import partitions, standins
from vboard.flash import SECTOR
from vboard.virtual import VirtualBoard
from vm import told

pytestmark = pytest.mark.virtual

ESPTOOL = Path(sys.executable).with_name("esptool")
VFS = 0x200000


@pytest.fixture
def on(make_board):
    """Returns on(main, **files): a board that runs it."""

    def on(main="", **files):
        board = make_board(main, **files)
        board.power_on()
        return board

    return on


class Port:
    """A serial port as a terminal opens it."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd, termios.TCSANOW)
        os.set_blocking(self._fd, False)
        # All that came so far.
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.close(self._fd)

    def type(self, data):
        os.write(self._fd, data)

    def until(self, data, timeout=10):
        """Waits for bytes; returns what came up to their end."""
        end = time.monotonic() + timeout
        while data not in self.seen:
            assert time.monotonic() < end, self.seen[-500:]
            try:
                self.seen += os.read(self._fd, 4096)
            except BlockingIOError:
                time.sleep(0.001)
        found, _, self.seen = self.seen.partition(data)
        return found + data


def of(board):
    """Returns the id of a board's MicroPython."""
    return board._running._process._process.pid


# ---- Boot ------------------------------------------------------------------------------------


def test_main_py_is_soon_reached(make_board):
    board = make_board("print('first line')")
    board.write_files({"join.py": ""})
    began = time.monotonic()
    board.power_on()
    board.wait_console("first line")
    took = time.monotonic() - began
    print(f"power-on to main.py's first line: {took * 1000:.0f} ms")
    # It takes 50; a machine may be busy.
    assert took < 0.5


def test_blank_flash_boots_nothing(tmp_path, air):
    with VirtualBoard(tmp_path / "board", air) as board:
        board.power_on()
        assert board.state == "blank"
        assert board.console == "invalid header: 0xffffffff"
        # It can be given what it lacks.
        board.power_off()
        board.install_micropython()
        board.power_on()
        board.wait_state("repl")


def test_broken_table_boots_nothing(make_board):
    board = make_board()
    # The second partition's offset.
    board.flash.program(partitions.TABLE + 36, bytes(4))
    board.power_on()
    assert board.state == "blank"
    assert "partition table" in board.console.splitlines()[-1]


def test_table_without_application_boots_nothing(make_board):
    board = make_board()
    board.flash.erase(0x10000, SECTOR)
    board.power_on()
    assert board.state == "blank"
    assert board.console == "No bootable app partitions in the partition table"


def test_file_system_in_ruins_is_told_again_and_again(make_board):
    board = make_board()
    for block in (0, 1):
        board.flash.program(VFS + block * SECTOR, bytes(SECTOR))
    board.power_on()
    board.wait_console("The filesystem appears to be corrupted")
    assert board.state == "running"


def test_blank_file_system_is_made_at_the_first_boot(tmp_path, air):
    with VirtualBoard(tmp_path / "board", air) as board:
        board.install_micropython()
        board.power_on()
        board.wait_console("Performing initial setup")
        board.wait_state("repl")
        board.power_off()
        assert board.files().names() == ["boot.py"]
        board.power_on()
        board.wait_state("repl")
        assert board.console.count("Performing initial setup") == 1


def test_heap_too_small_for_a_start(make_board):
    board = make_board("print('never')")
    board.heap = 3072 - standins.HEAP
    board.power_on()
    board.wait_console("too little memory?")
    assert "never" not in board.console


def test_heap_is_the_profile_s(on):
    board = on("import gc; print(gc.mem_free() + gc.mem_alloc())\nx = bytearray(8_000_000)")
    board.wait_state("repl")
    size = int(told(board).splitlines()[0])
    # Words here have twice as many bytes.
    assert 0.9 < (size / 2 - standins.HEAP) / board.profile.heap < 1.1
    assert "MemoryError" in board.console


def test_program_killed_by_a_signal_is_a_panic(on):
    board = on("import machine\nprint('cause', machine.reset_cause())\nwhile True: pass")
    board.wait_console("cause 1")
    os.kill(of(board), signal.SIGSEGV)
    board.wait_console("Guru Meditation Error")
    board.wait_console("cause 2")
    assert board.boots == [1, 2]


def test_soft_reset_from_main_py(on):
    board = on(
        "import machine\nprint('cause', machine.reset_cause())\n"
        "if machine.reset_cause() == 1: machine.soft_reset()\n"
    )
    board.wait_console("cause 5")
    board.wait_state("repl")
    assert told(board).splitlines() == ["cause 1", "MPY: soft reboot", "cause 5"]


def test_several_boards_at_once(make_board):
    names = [f"node{n}" for n in range(5)]
    boards = [make_board(f"print('I am {name}')", name=name) for name in names]
    for board in boards:
        board.power_on()
    for board in boards:
        board.wait_console(f"I am {board.name}")
        board.wait_state("repl")


# ---- Flash -----------------------------------------------------------------------------------


def test_what_a_program_writes_goes_by_the_flash(make_board, monkeypatch):
    board = make_board("with open('data', 'w') as f: f.write('1234' * 5000)\n")
    flash, program, asked_to_set = board.flash, board.flash.program, []

    def watched(offset, data):
        there = flash.read(offset, len(data))
        asked_to_set.extend(at for at, bits in enumerate(data) if bits & ~there[at])
        program(offset, data)

    monkeypatch.setattr(flash, "program", watched)
    wear, programmed = sum(flash.wear), flash.programmed
    board.power_on()
    board.wait_state("repl")
    # Five blocks of data, and what LittleFS notes of them: erased first, for nothing sets a bit.
    assert sum(flash.wear) - wear >= 5 and flash.programmed - programmed >= 20_000
    assert asked_to_set == []
    board.power_off()
    assert board.read_file("data") == b"1234" * 5000


@pytest.mark.parametrize("steps", [0, 3, 20, 45])
def test_power_fails_within_a_write(make_board, steps):
    board = make_board(
        "import os\nprint('writes')\nn = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with open('new', 'w') as f: f.write('%04d' % n * 2000)\n"
        "    os.rename('new', 'data')\n"
    )
    board.write_files({"data": "0000" * 2000})
    board.power_on()
    board.wait_console("writes")
    board.flash.cut_after(steps)
    board.wait_state("off")
    board.write_files({"main.py": "print(len(open('data').read()))"})
    text = board.read_file("data").decode()
    assert len(text) == 8000 and text == text[:4] * 2000
    since = board.mark()
    board.power_on()
    board.wait_console("8000", since=since)


def test_ctrl_c_never_gets_between_littlefs_and_its_flash(on):
    board = on(
        "import os\nn = 0\n"
        # However soon each ctrl-C comes, there is one.
        "with open('old', 'w') as f: f.write('0000' * 700)\n"
        "def work():\n"
        "    global n\n"
        "    print('works')\n"
        "    while True:\n"
        "        n += 1\n"
        "        with open('new', 'w') as f: f.write('%04d' % (n % 10_000) * 700)\n"
        "        os.rename('new', 'old')\n"
        "        kept = open('old').read()\n"
        "        if kept != kept[:4] * 700: print('torn')\n"
        "while True:\n"
        "    try: work()\n"
        "    except KeyboardInterrupt: pass\n"
        "    except OSError as error: print('torn', error)\n"
    )
    board.wait_console("works")
    for _ in range(40):
        since = board.mark()
        board.interrupt()
        board.wait_console("works", since=since)
    board.power_off()
    assert "torn" not in board.console
    text = board.read_file("old").decode()
    assert len(text) == 2800 and text == text[:4] * 700


# ---- The port --------------------------------------------------------------------------------


def test_raw_prompt_and_ctrl_d(on):
    board = on("x = 7\nprint('main')")
    board.wait_state("repl")
    with Port(board.port) as port:
        port.type(b"\r\x03\x01")
        port.until(b"raw REPL; CTRL-B to exit\r\n>")
        port.type(b"print(x)\x04")
        assert port.until(b"\x04\x04>") == b"OK7\r\n\x04\x04>"
        port.type(b"1 / 0\x04")
        assert b"ZeroDivisionError" in port.until(b"\x04>")
        # A soft reset at the raw prompt: boot.py, but no main.py.
        since = board.mark()
        port.type(b"\x04")
        assert b"soft reboot\r\n" in port.until(b"raw REPL; CTRL-B to exit\r\n>")
        port.type(b"print('x' in globals())\x04")
        assert b"OKFalse\r\n" in port.until(b"\x04\x04>")
        port.type(b"\x02")
        assert b"MicroPython" in port.until(b">>> ")
        # At the friendly one: both.
        port.type(b"\x04")
        board.wait_console("main", since=since)
        port.until(b">>> ")
    assert board.boots == [1, 5, 5]


def test_what_is_typed_before_the_prompt_waits(make_board):
    board = make_board("import time\nprint('begun')\ntime.sleep_ms(100)\n")
    with Port(board.port) as port:
        board.power_on()
        port.until(b"begun\r\n")
        port.type(b"print(6 * 7)\r")
        assert b"\r\n42\r\n" in port.until(b"42\r\n>>> ")


def test_input_reads_the_port(make_board):
    board = make_board("print('name?'); print('hello', input())")
    with Port(board.port) as port:
        board.power_on()
        port.until(b"name?\r\n")
        port.type(b"node\r")
        port.until(b"hello node\r\n")


def test_text_has_the_chip_s_line_ends_and_bytes_are_as_they_are(make_board):
    binary = bytes(range(256)) * 20
    board = make_board(
        "import sys\n"
        "print('text\\nand more')\n"
        "done = sys.stdout.buffer.write(bytes(range(256)) * 20)\n"
        "print('end', done)\n"
    )
    with Port(board.port) as port:
        board.power_on()
        assert port.until(b"more\r\n") == b"text\r\nand more\r\n"
        assert port.until(b"end 5120\r\n") == binary + b"end 5120\r\n"


def test_esptool_s_sync_leads_into_the_loader_and_its_end_back(on):
    board = on("import time\nprint('node runs')\nwhile True: time.sleep(1)")
    board.wait_console("node runs")
    since = board.mark()
    done = subprocess.run(
        [ESPTOOL, "--port", board.port, "--before", "no-reset", "chip-id"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, done.stdout
    mac = re.search("MAC: +([0-9a-f:]+)", done.stdout)
    assert mac and mac[1] == board.hardware.mac.hex(":")
    board.wait_console("node runs", since=since)
    assert board.boots[-1] == 1


def test_machine_bootloader_waits_in_the_loader(make_board):
    source = "import machine\nmachine.bootloader()\nprint('after')"
    board = make_board(source, profile="esp32_s3")
    board.power_on()
    board.wait_state("download")
    board.press_reset()
    board.wait_state("download")
    board.power_off()
    assert "after" not in board.console
