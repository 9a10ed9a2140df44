"""A virtual board's MicroPython ends with its board, however that ends."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vboard.link import Listener

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


def test_a_process_that_dies_before_it_says_what_it_wants_is_passed_over(tmp_path):
    arrived = []
    listener = Listener(tmp_path / "link", lambda *told: arrived.append(told))
    with contextlib.closing(listener):
        for listening in listener.sockets:
            with socket.socket(socket.AF_UNIX, listening.type) as asking:
                asking.connect(listening.getsockname())
            listener.accept(listening)
    assert arrived == []


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


def test_a_fault_of_the_board_s_own_is_told_and_ends_it(make_board, monkeypatch, capfd):
    board = make_board("import machine\nprint('up')\nwhile True: machine.idle()")
    board.power_on()
    board.wait_console("up")

    def fault():
        raise RuntimeError("a fault")

    monkeypatch.setattr(board._running, "_press_ctrl_c", fault)
    board.interrupt()
    board.wait_state("off")
    assert "the virtual board has a fault: RuntimeError('a fault')" in board.console
    assert "a fault" in capfd.readouterr().err


def test_a_late_word_of_lost_power_leaves_the_next_run_alone(make_board):
    board = make_board("print('up')\nwhile True: pass")
    board.power_on()
    before = board._running
    board.power_off()
    mark = board.mark()
    board.power_on()
    board.lost_power(before)
    assert board.state == "running"
    board.wait_console("up", since=mark)
    board.lost_power(board._running)
    assert board.state == "off"
