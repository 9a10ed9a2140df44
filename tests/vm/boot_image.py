"""Runs on MicroPython: mounts a board's file system as its root and starts the node's imports.

boot_image.py IMAGE [MODULE ...]: runs the image's boot.py and imports these, from the image and
nowhere else, and prints the heap that they take. Without a module main.py is run instead.
"""

import asyncio
import gc
import sys

import vfs

# The interpreter's own modules, which are no part of what is measured.
for own in "binascii collections errno io json math os random struct time".split():
    __import__(own)
# Some of asyncio is loaded at its first use.
_ = (asyncio.Event, asyncio.create_task)

BLOCK = 4096


class Flash:
    """The partition, read only: what MicroPython's file system asks of a device."""

    def __init__(self, path):
        self._file = open(path, "rb")  # noqa: SIM115
        self._blocks = self._file.seek(0, 2) // BLOCK

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        raise OSError(30)  # EROFS

    def ioctl(self, operation, argument):
        return {4: self._blocks, 5: BLOCK}.get(operation, 0)


class Hardware:
    """In place of a module of the chip: has every name. Only imports are tried here."""

    def __getattr__(self, name):
        return Hardware()

    def __call__(self, *_):
        return Hardware()

    def __add__(self, _):
        return 0


def used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


def main(image, *modules):
    for name in ("machine", "network", "esp32", "micropython"):
        sys.modules[name] = Hardware()
    flash = Flash(image)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    sys.path[:] = ["", ".frozen", "/lib"]
    execfile("/boot.py")  # noqa: F821
    # This interpreter's own lacks only what boot.py takes of it.
    del sys.modules["micropython"]
    if not modules:
        execfile("/main.py")  # noqa: F821
        return
    before = used()
    for name in modules:
        __import__(name)
    print("heap", used() - before)
    for name in sorted(sys.modules):
        file = getattr(sys.modules[name], "__file__", None)
        # Modules of the interpreter have none; the chip's stand-ins have every attribute.
        if isinstance(file, str):
            print("loaded", name, file)
    from node import config

    print("device", config.load()["identity"]["device"])


main(*sys.argv[1:])
