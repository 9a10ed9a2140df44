"""The board's file system on a folder of this machine.

A file written on LittleFS is there when it is closed or flushed, and until then as it was before,
a new one empty: so a write is kept in memory and put in place whole. What a power cut interrupts
never happened.
"""

import errno
import io
import os
from pathlib import Path, PurePosixPath

# LittleFS block of MicroPython's ESP32 port, bytes.
BLOCK = 4096


class Flash:
    """Files below one folder, by the board's absolute or relative paths."""

    def __init__(self, folder, size=2 * 1024 * 1024):
        self.folder = Path(folder)
        self.size = size
        self.folder.mkdir(parents=True, exist_ok=True)
        # The board's working directory.
        self.cwd = "/"

    def path(self, name):
        """Returns the real path of a board's path; `..` can't leave the folder."""
        return self.folder.joinpath(*self._parts(name))

    def absolute(self, name):
        """Returns a board's path from the root on."""
        return "/" + "/".join(self._parts(name))

    def _parts(self, name):
        parts = []
        for part in PurePosixPath(self.cwd, name).parts[1:]:
            if part == "..":
                parts[-1:] = []
            else:
                parts.append(part)
        return parts

    def open(self, name, mode="r", encoding=None, check=lambda: None):
        """Opens a file as MicroPython's open() does; check() is called before it is stored."""
        path = self.path(name)
        kind = mode.replace("b", "").replace("t", "") or "r"
        if kind.replace("+", "") not in ("r", "w", "a", "x"):
            raise ValueError(f"mode {mode!r}")
        if path.is_dir():
            raise OSError(errno.EISDIR, "EISDIR")
        if kind[0] == "r" and not path.exists():
            raise OSError(errno.ENOENT, "ENOENT")
        if kind[0] == "x" and path.exists():
            raise OSError(errno.EEXIST, "EEXIST")
        if kind != "r":
            self._create(path)
        raw = _File(self, path, kind, check)
        return raw if "b" in mode else _Text(raw)

    def _create(self, path):
        if not path.parent.is_dir():
            raise OSError(errno.ENOENT, "ENOENT")
        path.touch()

    def store(self, path, data):
        """Puts a file in place whole. Raises OSError when it doesn't fit."""
        # LittleFS writes the new before it gives up the old.
        if len(data) > self.statvfs()[3] * BLOCK:
            raise OSError(errno.ENOSPC, "ENOSPC")
        beside = path.with_name(path.name + ".~")
        beside.write_bytes(data)
        os.replace(beside, path)

    def stat(self, path):
        """Returns what os.stat() of MicroPython returns for a real path."""
        found = os.stat(path)
        return (found.st_mode & 0xF000, 0, 0, 0, 0, 0, found.st_size, 0, int(found.st_mtime), 0)

    def statvfs(self):
        """Returns os.statvfs() of a LittleFS of this size: whole blocks, two for the root."""
        used = 2 + sum(-(-size // BLOCK) for size in _sizes(self.folder))
        blocks = self.size // BLOCK
        free = max(0, blocks - used)
        return (BLOCK, BLOCK, blocks, free, free, 0, 0, 0, 0, 255)


def _sizes(folder):
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _sizes(entry.path)
        else:
            yield entry.stat().st_size


class _File(io.BytesIO):
    def __init__(self, flash, path, kind, check):
        self._flash, self._path, self._check = flash, path, check
        # True when what is in memory differs from what is stored.
        self._dirty = kind[0] == "w"
        self._writable = kind != "r"
        kept = path.read_bytes() if kind[0] != "w" and path.exists() else b""
        super().__init__(kept)
        if kind[0] == "a":
            self.seek(0, 2)

    def writable(self):
        return self._writable

    def write(self, data):
        if not self._writable:
            raise OSError(errno.EBADF, "EBADF")
        self._check()
        self._dirty = True
        return super().write(data)

    def flush(self):
        if self._dirty:
            self._check()
            self._flash.store(self._path, self.getvalue())
            self._dirty = False

    def close(self):
        if not self.closed:
            try:
                self.flush()
            finally:
                super().close()

    def forget(self):
        self._dirty = False

    def __del__(self):
        # A file the program forgot to close: LittleFS never learns of its last writes.
        self.forget()


class _Text(io.TextIOWrapper):
    def __init__(self, file):
        self._file = file
        super().__init__(file, "utf-8", newline="")

    def write(self, text):
        if not self.writable():
            raise OSError(errno.EBADF, "EBADF")
        super().write(text)
        # As MicroPython counts.
        return len(text.encode())

    def __del__(self):
        self._file.forget()
