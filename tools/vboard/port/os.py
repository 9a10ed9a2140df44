# MicroPython's os on ESP32: without what only a host has, and without the stand-ins' folder.

from collections import namedtuple

import _board
import uos
from uos import (
    VfsFat,
    VfsLfs2,
    chdir,
    getcwd,
    mkdir,
    mount,
    remove,
    rename,
    rmdir,
    sep,
    stat,
    statvfs,
    umount,
    unlink,
    urandom,
)

_uname = namedtuple("uname", "sysname nodename release version machine".split())


def ilistdir(path=""):
    for entry in uos.ilistdir(path):
        if entry[0] != ".vb":
            yield entry


def listdir(path=""):
    return [entry[0] for entry in ilistdir(path)]


def sync():
    pass


def uname():
    machine = _board.call("identity")["machine"]
    return _uname("esp32", "esp32", "1.29.0", "v1.29.0", machine)
