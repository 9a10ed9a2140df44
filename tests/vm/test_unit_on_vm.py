"""The unit tests once more, on a real MicroPython with about the memory of a chip."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file.name for file in (ROOT / "tests/unit").glob("test_*.py"))
MICROPYTHON = Path(sys.executable).with_name("micropython")
# In 32-bit words, as an ESP32 counts: about what is free there with Wi-Fi up, in KB.
HEAP = "128wK"

pytestmark = pytest.mark.skipif(
    not MICROPYTHON.exists(), reason="there is no MicroPython package for this platform"
)


def run_on_vm(file):
    command = [MICROPYTHON, "-X", f"heapsize={HEAP}", "tests/vm/run_unit.py", file]
    path = ":".join((".frozen", "firmware", "lib", "tests/unit"))
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=50,
    )


def count_tests(file):
    """Returns how many tests a file has, so that none is left out without a word."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return sum(isinstance(node, ast.FunctionDef) and node.name[:5] == "test_" for node in body)


@pytest.mark.parametrize("name", FILES)
def test_file_passes_on_micropython(name):
    file = f"tests/unit/{name}"
    done = run_on_vm(file)
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    closing = re.fullmatch(r"(\d+) passed, (\d+) failed", done.stdout.splitlines()[-1])
    assert closing, report
    assert closing.groups() == (str(count_tests(file)), "0"), report


def test_there_are_unit_tests():
    assert FILES
