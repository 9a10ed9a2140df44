# MicroPython's os on the board's own file system.

import errno
from collections import namedtuple

import _board
from _host import os as _host

_uname = namedtuple("uname", "sysname nodename release version machine")


def _real(function, *names):
    _board.attend()
    try:
        return function(*(_board.flash.path(name) for name in names))
    except OSError as error:
        raise OSError(error.errno, errno.errorcode[error.errno]) from None


def ilistdir(path=""):
    for entry in sorted(_real(_host.scandir, path), key=lambda entry: entry.name):
        if entry.is_dir():
            yield entry.name, 0x4000, 0, 0
        else:
            yield entry.name, 0x8000, 0, entry.stat().st_size


def listdir(path=""):
    return [entry[0] for entry in ilistdir(path)]


def mkdir(path):
    _real(_host.mkdir, path)


def remove(path):
    _real(_host.remove, path)


unlink = remove


def rename(old, new):
    _real(_host.replace, old, new)


def rmdir(path):
    _real(_host.rmdir, path)


def stat(path):
    return _real(_board.flash.stat, path)


def statvfs(path):
    return _board.flash.statvfs()


def chdir(path):
    if not stat(path)[0] & 0x4000:
        raise OSError(errno.ENOENT, "ENOENT")
    _board.flash.cwd = _board.flash.absolute(path)


def getcwd():
    return _board.flash.cwd


def sync():
    _board.attend()


def urandom(n):
    return _host.urandom(n)


def uname():
    return _uname("esp32", "esp32", "1.29.0", "v1.29.0", "Emulated ESP32 on CPython")
