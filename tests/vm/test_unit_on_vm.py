"""The unit tests once more, on a real MicroPython with about the memory of a chip."""

import ast
import re

import pytest

from vm import ROOT, needs_vm, run

FILES = sorted(file.name for file in (ROOT / "tests/unit").glob("test_*.py"))
# What is free on an ESP32 with Wi-Fi up, about.
HEAP = "128wK"


def count_tests(file):
    """Returns how many tests a file has, so that none is left out without a word."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return sum(isinstance(node, ast.FunctionDef) and node.name[:5] == "test_" for node in body)


@needs_vm
@pytest.mark.parametrize("name", FILES)
def test_file_passes_on_micropython(name):
    file = f"tests/unit/{name}"
    done = run("tests/vm/run_unit.py", file, heap=HEAP)
    assert done.returncode == 0, done.stdout
    closing = re.fullmatch(r"(\d+) passed, (\d+) failed", done.stdout.splitlines()[-1])
    assert closing, done.stdout
    assert closing.groups() == (str(count_tests(file)), "0"), done.stdout


def test_there_are_unit_tests():
    assert FILES
