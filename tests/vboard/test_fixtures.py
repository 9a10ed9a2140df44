"""vboard.fixtures: its example, run as a user's tests are, and that nothing stays behind."""

import subprocess
import sys
import textwrap

from shell import ROOT, environment
from vboard import fixtures
from vm import needs_vm

DRIVER = """
from machine import I2C, Pin

def read():
    bus = I2C(0, scl=Pin(18), sda=Pin(19))
    return 1013.2 if bus.readfrom_mem(0x76, 0xD0, 1) == b"\\x60" else 0
"""
MORE = """
def test_two_boards_each_with_its_files(virtual_board):
    boards = [virtual_board({"lib/n.py": f"N = {n}"}, "import n; print('n', n.N)") for n in (1, 2)]
    for board in boards:
        board.power_on()
    assert [board.wait_console("n ") for board in boards] == ["n 1", "n 2"]
    Path("folders").write_text("\\n".join(str(board.folder) for board in boards))

def test_a_test_that_fails_closes_its_board_too(virtual_board):
    board = virtual_board(main="while True: pass", profile="esp32_c3", name="busy")
    board.power_on()
    assert board.name != "busy"
"""


def example():
    text = fixtures.__doc__ or ""
    return textwrap.dedent(text[text.index("    from pathlib") : text.index("What else")])


@needs_vm
def test_the_example_runs_in_a_folder_of_its_own(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["vboard.fixtures"]\n')
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "test_example.py").write_text(example() + MORE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT / "tools"), TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "test_a_test_that_fails" in done.stdout
    # Neither boards nor what they were made of, but what a test itself has put there.
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__", "pytest-of-root"}
    assert left == {"conftest.py", "driver.py", "test_example.py", "folders"}


def test_where_no_board_runs_the_tests_are_skipped(tmp_path):
    (tmp_path / "conftest.py").write_text("from vboard.fixtures import air, virtual_board\n")
    (tmp_path / "test_example.py").write_text(
        "import platform\nplatform.machine = lambda: 'arm64'\n" + example()
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT / "tools")),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "1 skipped" in done.stdout and "need Linux on x86-64" in done.stdout, done.stdout
