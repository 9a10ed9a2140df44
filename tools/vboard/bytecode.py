"""Where a MicroPython stands: whether a ctrl-C may hit it there, as it might on the chip.

On the chip a ctrl-C is taken between two bytecodes or in a wait. The unix port takes its signal
wherever it is, be it in the midst of the collector's work or of asyncio's queue, which then stay
half done: so the signal must come where the chip would take it.
"""

import ctypes
import functools
import sysconfig
from pathlib import Path

# Of Linux on x86-64: poll, select, nanosleep, recvfrom, clock_nanosleep, pselect6, ppoll; read,
# write, sendto: of the console, the flash's file, a connection.
WAITS = {7, 23, 35, 45, 230, 270, 271, 0, 1, 44}
# The function that runs bytecode, and the library it is in.
RUNS_BYTECODE = b"mp_execute_bytecode"
LIBRARY = "micropython_run"


class _Place(ctypes.Structure):
    """Dl_info of dladdr(3)."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


@functools.cache
def _here():
    """Returns (libc, where the library lies in this process, whose functions have names here)."""
    library = ctypes.CDLL(str(next(Path(sysconfig.get_path("platlib")).glob(f"{LIBRARY}*.so"))))
    found = _Place()
    libc = ctypes.CDLL(None)
    address = ctypes.cast(library.mp_execute_bytecode, ctypes.c_void_p)
    libc.dladdr(address, ctypes.byref(found))
    return libc, found.base, library


def interruptible(pid):
    """True where a stopped MicroPython may be interrupted. Raises OSError when it is gone."""
    words = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
    if words[0] != "-1":
        return words[0].isdigit() and int(words[0]) in WAITS
    # Not in a system call: its stack and its instruction.
    libc, base, _ = _here()
    found = _Place()
    address = ctypes.c_void_p(base + int(words[2], 16) - _base(pid))
    return bool(libc.dladdr(address, ctypes.byref(found))) and found.symbol == RUNS_BYTECODE


def _base(pid):
    """Returns where the library lies in a process."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        for line in file:
            if LIBRARY in line:
                return int(line.partition("-")[0], 16)
    return 0
