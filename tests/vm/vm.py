"""The real MicroPython of the tests' environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldpost import broker

ROOT = Path(__file__).parents[2]
MICROPYTHON = Path(sys.executable).with_name("micropython")

needs_mosquitto = pytest.mark.skipif(not broker.find(), reason="Mosquitto is not installed")
needs_vm = pytest.mark.skipif(
    not MICROPYTHON.exists(), reason="there is no MicroPython package for this platform"
)


def run(*arguments, heap, timeout=50):
    """Runs MicroPython on a script with the board's folders to import from.

    `heap` is in 32-bit words, as an ESP32 counts them: "128wK" are 128 KB there.
    """
    modules = ":".join((".frozen", "firmware", "lib", "tests/unit"))
    path = f"{os.environ['PATH']}:{broker.MORE_PATHS}"
    return subprocess.run(
        [MICROPYTHON, "-X", f"heapsize={heap}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": modules, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


# The two kinds of a board, for tests that hold on both interpreters.
KINDS = ("emulated", pytest.param("virtual", marks=needs_vm))


def told(board):
    """Returns what programs said on a board's console: all of it but for the prompt."""
    lines = board.console.splitlines()
    prompt = (">>>", "MicroPython ", 'Type "help()"')
    return "\n".join(line for line in lines if not line.startswith(prompt))
