"""A board's reset lines, which a pseudo-terminal hasn't: esptool moves them over RFC 2217."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from vboard import Air
from vm import needs_vm

ESPTOOL = Path(sys.executable).with_name("esptool")
PROGRAM = "import machine\nprint('cause', machine.reset_cause())\nwhile True: machine.idle()"
POWER_ON = 1

pytestmark = [
    needs_vm,
    # pyserial's own.
    pytest.mark.filterwarnings("ignore:set(Daemon|Name)"),
]


@pytest.fixture
def board(tmp_path, no_leaks):
    from vboard.virtual import VirtualBoard

    air = Air()
    with VirtualBoard(tmp_path / "board", air) as made:
        made.install_micropython()
        made.write_files({"main.py": PROGRAM})
        made.power_on()
        made.wait_console("cause 1")
        yield made
    air.close()


def opened(board):
    """Returns the board's port with reset lines, both of them free: the chip runs."""
    port = serial.serial_for_url(board.serve_rfc2217(), do_not_open=True, timeout=5)
    port.dtr = port.rts = False
    port.open()
    return port


def esptool(url, *arguments):
    command = [ESPTOOL, "--no-stub", "--port", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_esptool_resets_a_busy_board_into_its_loader_and_out_of_it(board):
    url = board.serve_rfc2217()
    mark = board.mark()
    told = esptool(url, "read-mac")
    assert re.search(rf"MAC: +{':'.join(f'{octet:02x}' for octet in board.hardware.mac)}", told)
    board.wait_console("cause 1", since=mark)
    assert board.boots == [POWER_ON, POWER_ON]


def test_a_tool_that_goes_leaves_the_chip_in_its_loader(board):
    with opened(board) as port:
        port.rts = True
        board.wait_state("held")
        port.dtr = True
        port.rts = False
        board.wait_state("download")
    mark = board.mark()
    board.press_reset()
    board.wait_console("cause 1", since=mark)


def test_the_console_goes_to_every_port(board):
    with opened(board) as port:
        mark = board.mark()
        port.write(b"\x03")
        board.wait_console("KeyboardInterrupt", since=mark)
        assert b"KeyboardInterrupt" in port.read_until(b"KeyboardInterrupt")
