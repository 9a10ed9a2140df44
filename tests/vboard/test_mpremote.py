"""The real mpremote at the port of a virtual board."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vm import told

pytestmark = pytest.mark.virtual

MPREMOTE = Path(sys.executable).with_name("mpremote")
# `make test` does a few; FIELDPOST_ROUNDS=1000 is the long run.
ROUNDS = int(os.environ.get("FIELDPOST_ROUNDS", "30"))


class Tool:
    """mpremote at a board's port, in a folder of the host."""

    def __init__(self, board, folder):
        self.board, self.folder = board, folder

    def __call__(self, *words, code=0):
        """Runs `mpremote connect PORT WORDS`; returns what it printed."""
        done = subprocess.run(
            [MPREMOTE, "connect", self.board.port, *map(str, words)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=40,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def lines(self, *words):
        return self(*words).split("\n")[:-1]


@pytest.fixture
def tool(make_board, tmp_path):
    """A Tool at a board that is on, with a main.py that ends."""
    board = make_board("print('main')", join="", link="")
    board.power_on()
    board.wait_state("repl")
    return Tool(board, tmp_path)


@pytest.fixture
def busy(make_board, tmp_path):
    """Returns busy(source): a Tool at a board whose main.py never ends."""

    def busy(source):
        board = make_board(source)
        board.power_on()
        board.wait_console("busy")
        return Tool(board, tmp_path)

    return busy


def test_files_come_and_go(tool):
    data = bytes(range(256)) * 40
    (tool.folder / "there.bin").write_bytes(data)
    tool("cp", "there.bin", ":")
    assert tool("sha256sum", ":there.bin").split()[-1] == hashlib.sha256(data).hexdigest()
    assert "10240 there.bin" in tool("ls")
    tool("cp", ":there.bin", "back.bin")
    assert (tool.folder / "back.bin").read_bytes() == data
    assert tool("cat", ":main.py").strip() == "print('main')"
    tool("touch", ":empty.txt", "+", "rm", ":there.bin")
    listed = tool("ls")
    assert "0 empty.txt" in listed and "there.bin" not in listed
    assert "No such file" in tool("cat", ":there.bin", code=1)


def test_folders_come_and_go(tool):
    (tool.folder / "tree" / "deep").mkdir(parents=True)
    (tool.folder / "tree" / "deep" / "leaf.py").write_text("x = 1\n")
    tool("cp", "-r", "tree", ":")
    assert "6 leaf.py" in tool("ls", ":tree/deep")
    assert tool("exec", "import tree.deep.leaf as leaf; print(leaf.x)").strip() == "1"
    tool("mkdir", ":tree/more", "+", "rmdir", ":tree/more", "+", "rm", "-r", ":tree")
    assert "tree" not in tool("ls")
    tool("rmdir", ":tree", code=1)


def test_code_runs_and_its_errors_are_told(tool):
    (tool.folder / "script.py").write_text("import sys\nprint(sys.platform, __name__)\n")
    assert tool.lines("run", "script.py") == ["esp32 __main__"]
    assert tool.lines("eval", "6 * 7") == ["42"]
    assert tool.lines("exec", "print('a\\nb')") == ["a", "b"]
    assert "ZeroDivisionError" in tool("exec", "1 / 0", code=1)


def test_folder_of_the_host_is_mounted_and_imported_from(tool):
    (tool.folder / "src").mkdir()
    (tool.folder / "src" / "mine.py").write_text("where = __file__\n")
    told = tool("mount", "src", "exec", "import mine, os; print(mine.where, os.listdir())")
    assert "mine.py ['mine.py']" in told
    assert "mine" in tool("exec", "import mine", code=1)


def test_resets(tool):
    board = tool.board
    tool("soft-reset")
    tool("resume", "exec", "kept = 7")
    assert tool.lines("resume", "exec", "print(kept)") == ["7"]
    tool("exec", "print('kept' in globals())")
    assert 5 in board.boots
    since = board.mark()
    tool("reset")
    board.wait_console("main", since=since)
    board.wait_state("repl")
    assert board.boots[-1] == 2


def test_free_space_is_that_of_the_partition(tool):
    row = tool.lines("df")[1].split()
    assert int(row[1]) == 2 * 1024 * 1024 and int(row[2]) + int(row[3]) == int(row[1])


BUSY = {
    "asyncio": "import asyncio\nasync def main():\n    print('busy')\n"
    "    while True: await asyncio.sleep_ms(1)\nasyncio.run(main())\n",
    "plain Python": "print('busy')\nwhile True: pass\n",
    "asleep": "import time\nprint('busy')\nwhile True: time.sleep(100)\n",
    "chatty": "print('busy')\nwhile True: print('chatter')\n",
    "writing": "print('busy')\nwhile True:\n    with open('log', 'w') as f: f.write('x' * 3000)\n",
}


@pytest.mark.parametrize("source", BUSY)
def test_busy_node_is_interrupted(busy, source):
    tool = busy(BUSY[source])
    assert tool.lines("exec", "print('mine now')") == ["mine now"]
    assert tool.board.state == "repl"


@pytest.mark.timeout(60 + ROUNDS)
def test_rounds_of_connecting_and_going(tool):
    tool("soft-reset")
    for turn in range(ROUNDS):
        assert tool.lines("resume" if turn % 2 else "soft-reset", "eval", str(turn)) == [str(turn)]
    assert "Traceback" not in told(tool.board)
