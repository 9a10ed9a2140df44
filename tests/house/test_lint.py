"""Style and types: what `make lint` runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
CHECKS = (
    "ruff check",
    "ruff format --check",
    "basedpyright",
    "basedpyright -p pyrightconfig.board.json",
)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("check", CHECKS)
def test_check_finds_nothing(check):
    program, *arguments = check.split()
    command = [PROGRAMS / program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("check", CHECKS)
def test_make_lint_runs_the_same(check):
    lines = (ROOT / "Makefile").read_text().splitlines()
    assert f"\t.venv/bin/{check}" in lines
