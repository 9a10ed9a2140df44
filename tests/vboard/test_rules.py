"""The boards' language holds to the real MicroPython's, line by line.

On a virtual board that is about what is put in its MicroPython's way: sockets, time, poll.
"""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from vm import MICROPYTHON, needs_vm

HERE = Path(__file__).parent


@pytest.fixture
def ports(peer):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield f"{peer.port} {nobody.getsockname()[1]}"


@needs_vm
@pytest.mark.both
@pytest.mark.parametrize("rules", ["asyncio_rules", "language_rules"])
def test_board_does_as_micropython(rules, ports, make_board, tmp_path):
    source = (HERE / f"{rules}.py").read_text(encoding="utf-8")
    assert _on_board(make_board, source, ports) == _on_micropython(tmp_path, source, ports)


def _on_micropython(folder, source, ports):
    (folder / "main.py").write_text(source, encoding="utf-8")
    (folder / "ports.txt").write_text(ports)
    done = subprocess.run(
        [MICROPYTHON, "main.py"], cwd=folder, capture_output=True, text=True, timeout=40
    )
    assert done.returncode == 0, done.stderr
    return _told(done.stdout)


def _on_board(make_board, source, ports):
    board = make_board("import join, rules", rules=source)
    # As much memory as MicroPython has beside it, on the board that has a heap.
    board.heap = 1 << 23
    board.write_files({"ports.txt": ports})
    board.power_on()
    board.wait_state("repl", 40)
    return _told(board.console)


def _told(output):
    # What else there is, tracebacks, has other paths.
    lines = [line for line in output.splitlines() if line.startswith("- ")]
    assert len(lines) > 50, output
    return [re.sub("0x[0-9a-f]+", "ADDRESS", line) for line in lines]
