"""Runs mypy's stubtest on modules that are written for MicroPython.

It imports them, so CPython gets the few names that only MicroPython has. Nothing calls them.
"""

import sys
import time
import types


def unused(*_):
    raise NotImplementedError


for name in ("ticks_ms", "ticks_add", "ticks_diff"):
    setattr(time, name, unused)
sys.modules["tls"] = types.ModuleType("tls")
sys.print_exception = unused  # pyright: ignore[reportAttributeAccessIssue]

from mypy.stubtest import main  # noqa: E402

sys.exit(main())
