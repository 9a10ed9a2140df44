"""A virtual board's MicroPython ends with its board, however that ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.virtual

ROOT = Path(__file__).parents[2]


def processes():
    """Returns the ids of this process's children."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return {int(number) for number in file.read().split()}


def test_no_process_outlives_its_board(new_board):
    before = processes()
    board = new_board()
    board.write_files({"main.py": "print('busy')\nwhile True: pass"})
    board.power_on()
    board.wait_console("busy")
    assert len(processes() - before) == 1
    board.close()
    assert processes() == before


SUPERVISOR = """
import sys
from vboard import Air
from vboard.virtual import VirtualBoard
air = Air()
board = VirtualBoard(sys.argv[1], air)
board.install_micropython()
board.write_files({"main.py": "print('busy')\\nwhile True: pass"})
board.power_on()
board.wait_console("busy")
print(board._running._process._process.pid, flush=True)
input()
"""


def test_no_process_outlives_a_killed_supervisor(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, tmp_path / "board"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools"), "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        pid = int(supervisor.stdout.readline())
        assert running(pid)
        supervisor.kill()
    end = time.monotonic() + 10
    while running(pid):
        assert time.monotonic() < end, "MicroPython is still there"
        time.sleep(0.005)


def running(pid):
    try:
        # Behind the name: one that has ended may wait for whoever takes its exit code.
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"
