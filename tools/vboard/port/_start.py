# From reset to the prompt: file system, boot.py, main.py.

import gc
import io
import sys

import _board
import micropython
import uos
import urandom
import vfs

BLOCK = 4096
# Bytes that a pipe takes whole or not at all, with the mark in front of them.
PART = 2048
# In the console's stream: what is no text, and two moments of the start-up.
MARK = b"\x00\x02VB"
DATA, UP, PROMPT = b"d", b"u", b"p"
SOFT_RESET = 5
STAND_INS = "/.vb"
# ilistdir's and the block device's numbers (extmod/vfs.h).
BLOCK_COUNT, BLOCK_SIZE, BLOCK_ERASE = 4, 5, 6


def run(namespace, flash, offset, size, link, cause, wake_reason, prompt, stand_ins):
    """Mounts the file system, runs boot.py, and main.py unless a tool holds the prompt."""
    # The host's interpreter goes by the time of day: two that start at once would do the same.
    urandom.seed(int.from_bytes(uos.urandom(4), "big"))
    _board.connect(link, int(cause), int(wake_reason))
    _mount(_Partition(flash, int(offset), int(size)), stand_ins)
    _dress()
    for name in ("sys", "_start", "__file__"):
        namespace.pop(name, None)
    gc.collect()
    _mark(UP)
    try:
        if _execute("boot.py", namespace) and prompt != "raw":
            _execute("main.py", namespace)
    except SystemExit:
        _board.stop(SOFT_RESET)
    _mark(PROMPT)


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


class _Partition:
    """The partition `vfs`: read from the file, written by the board, which has the cells."""

    def __init__(self, path, offset, size):
        self._file = open(path, "rb")  # noqa: SIM115
        self._offset, self._blocks = offset, size // BLOCK

    def readblocks(self, block, buffer, offset=0):
        return _whole(self._read, self._offset + block * BLOCK + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            self.ioctl(BLOCK_ERASE, block)
            offset = 0
        return _whole(_board.call, "flash_program", self._offset + block * BLOCK + offset, buffer)

    def ioctl(self, operation, argument):
        return _whole(self._control, operation, argument)

    def _read(self, start, buffer):
        self._file.seek(start)
        self._file.readinto(buffer)

    def _control(self, operation, argument):
        if operation == BLOCK_ERASE:
            _board.call("flash_erase", self._offset + argument * BLOCK, BLOCK)
        return {BLOCK_COUNT: self._blocks, BLOCK_SIZE: BLOCK}.get(operation, 0)


def _whole(function, *args):
    # On the chip no ctrl-C gets between LittleFS and the flash, nor could LittleFS stand it: what
    # it hit is done once more, and it is typed once more for the program.
    try:
        return function(*args)
    except KeyboardInterrupt:
        done = _whole(function, *args)
        _board.call("ctrl_c")
        return done


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
    first = bytearray(BLOCK)
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
