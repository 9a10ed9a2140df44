# From reset to the prompt: file system, boot.py, main.py.

import gc
import io
import sys

import _board
import micropython
import uos
import urandom
import vfs
from _flash import SECTOR, Partition

# Bytes that a pipe takes whole or not at all, with the mark in front of them.
PART = 2048
# In the console's stream: what is no text, and two moments of the start-up.
MARK = b"\x00\x02VB"
DATA, UP, PROMPT = b"d", b"u", b"p"
SOFT_RESET = 5
STAND_INS = "/.vb"


def run(namespace, flash, offset, size, link, cause, wake_reason, prompt, stand_ins, leaps):
    """Mounts the file system, runs boot.py, and main.py unless a tool holds the prompt."""
    # The host's interpreter goes by the time of day: two that start at once would do the same.
    urandom.seed(int.from_bytes(uos.urandom(4), "big"))
    _board.connect(link, int(cause), int(wake_reason))
    _mount(Partition(flash, int(offset), int(size)), stand_ins)
    _dress()
    if leaps:
        __import__("_leaps").install()
    for name in ("sys", "_start", "__file__"):
        namespace.pop(name, None)
    gc.collect()
    try:
        _mark(UP)
        if _execute("boot.py", namespace) and prompt != "raw":
            _execute("main.py", namespace)
    except SystemExit:
        _board.stop(SOFT_RESET)
    except KeyboardInterrupt as error:
        # Between two files.
        _board.tell(error)
    _prompt()


def _prompt():
    try:
        _mark(PROMPT)
    except KeyboardInterrupt:
        # The board takes the first of two.
        _prompt()


def _execute(name, namespace):
    """Runs a file of the root; returns whether the next one may run."""
    try:
        uos.stat(name)
    except OSError:
        return True
    namespace["__file__"] = name
    try:
        execfile(name, namespace)
    except SystemExit:
        raise
    except BaseException as error:
        _board.tell(error)
        return False
    return True


def _mark(kind, data=b""):
    sys.stdout.buffer.write(MARK + kind + len(data).to_bytes(2, "big") + data)


# ---- The file system ---------------------------------------------------------------------------


def _mount(partition, stand_ins):
    host = vfs.VfsPosix(stand_ins)
    vfs.umount("/")
    try:
        vfs.mount(vfs.VfsLfs2(partition), "/")
    except OSError:
        _format(partition)
    vfs.mount(host, STAND_INS)
    uos.chdir("/")
    # What is frozen comes before /lib, what is built in behind it.
    sys.path[:] = ["", ".frozen", STAND_INS + "/frozen", "/lib", STAND_INS + "/built-in"]
    sys.argv[:] = []


def _format(partition):
    first = bytearray(SECTOR)
    partition.readblocks(0, first)
    while any(byte != 0xFF for byte in first):
        print("The filesystem appears to be corrupted: flash the board anew.")
        _board.sleep(3)
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(partition)
    vfs.mount(vfs.VfsLfs2(partition), "/")
    with open("/boot.py", "w") as file:
        file.write("# This file runs at every boot, also on waking up from deep sleep.\n")


# ---- What the host's interpreter says of itself -----------------------------------------------


class _Over:
    """A built-in module with some names of it replaced."""

    def __init__(self, module, **names):
        self._module = module
        for name in names:
            setattr(self, name, names[name])

    def __getattr__(self, name):
        return getattr(self._module, name)


class _Bytes(io.IOBase):
    """sys.stdout.buffer: what goes out as it is, where text gets its line ends."""

    def write(self, data, size=-1):
        data = bytes(data if size < 0 else data[:size])
        for start in range(0, len(data), PART):
            _mark(DATA, data[start : start + PART])
        return len(data)


class _Stdout(io.IOBase):
    buffer = _Bytes()

    def write(self, text):
        return sys.stdout.write(text)


def _mounted(*args, **options):
    if args:
        return vfs.mount(*args, **options)
    return [entry for entry in vfs.mount() if entry[1] != STAND_INS]


def _dress():
    from collections import namedtuple

    shape = "name version _machine _mpy _build _thread".split()
    identity = namedtuple("implementation", shape)
    about = _board.call("identity")
    implementation = identity(
        "micropython",
        (1, 29, 0, ""),
        about["machine"],
        sys.implementation._mpy,
        about["build"],
        "GIL",
    )
    sys.modules["sys"] = _Over(
        sys, platform="esp32", implementation=implementation, stdout=_Stdout()
    )
    sys.modules["vfs"] = _Over(vfs, mount=_mounted)
    sys.modules["micropython"] = _Over(
        micropython, alloc_emergency_exception_buf=lambda size: None
    )
