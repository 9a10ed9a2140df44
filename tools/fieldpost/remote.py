"""The files of a board at its prompt: what is there, and the few things that are done to them."""

import binascii
import json
from pathlib import Path

from . import plan as plans
from .firmware import POINTER, SLOTS
from .link import BoardError

ONBOARD = Path(__file__).with_name("onboard.py")
# Bytes sent at a time: what the board needs of memory for them is about four times as much.
CHUNK = 1024
# What a deploy replaces at the root, and what it leaves there when it is interrupted.
ROOT = [
    name + end
    for name in (plans.BOOT, plans.MAIN, plans.CONFIG, POINTER)
    for end in ("", plans.NEW, plans.OLD, plans.OLD + plans.NEW)
]
# The version of the bytecode that our compiler makes (.mpy files, byte 1).
BYTECODE = 6


class Remote:
    """Files behind a Link whose board is at its raw prompt. Raises LinkError, BoardError."""

    def __init__(self, link):
        self._link = link
        link.run("import gc\ngc.collect()")
        link.run(ONBOARD.read_text(encoding="utf-8"))

    def board(self):
        """Returns (what the board calls itself, version of the bytecode that it loads)."""
        return _parsed(json.loads, self._link.run("board()"))

    def found(self):
        """Returns what there is, as plan.Found."""
        found = self._told((*SLOTS, *ROOT, *plans.FLAT))
        if POINTER in found.files:
            found.pointer = plans.pointed(self.read(POINTER, found.files[POINTER].sum))
        found.block, found.free = _parsed(json.loads, self._link.run("space()"))
        return found

    def files(self, folder):
        """Returns {path: plan.Stored} of all files in a folder."""
        return self._told((folder,)).files

    def _told(self, places):
        found = plans.Found()
        paths = tuple(f"/{place}" for place in places)
        for line in self._link.run(f"for path in {paths!r}: tell(path)").splitlines():
            path, file = _parsed(_entry, line)
            if file:
                found.files[path] = file
            else:
                found.folders.add(path)
        return found

    def read(self, path, digest):
        """Returns the content of a file whose sum is known."""
        text = self._link.run(f"show({'/' + path!r})")
        return _parsed(lambda text: _content(text, digest), text)

    def send(self, path, data, digest):
        """Puts a file in place, whole or not at all."""
        code = f"begin({'/' + path!r})\n"
        for start in range(0, len(data), CHUNK):
            if start:
                self._link.run(code)
                code = ""
            text = binascii.b2a_base64(data[start : start + CHUNK], newline=False).decode()
            code += f"more('{text}')\n"
        self._link.run(f"{code}end({'/' + path!r}, '{digest}')")

    def copy(self, source, path, digest):
        self._link.run(f"copy({'/' + source!r}, {'/' + path!r}, '{digest}')")

    def remove(self, path):
        self._link.run(f"os.remove({'/' + path!r})")

    def remove_folder(self, path):
        self._link.run(f"os.rmdir({'/' + path!r})")

    def make_folder(self, path):
        self._link.run(f"os.mkdir({'/' + path!r})")


def _entry(line):
    """Returns (path, plan.Stored of a file or None of a folder) of a line of tell()."""
    path, *file = json.loads(line)
    if not path.startswith("/"):
        raise ValueError(path)
    return path[1:], plans.Stored(*file) if file else None


def _content(text, digest):
    content = b"".join(binascii.a2b_base64(line) for line in text.splitlines())
    if plans.digest(content) != digest:
        raise ValueError(text)
    return content


def _parsed(parse, text):
    try:
        return parse(text)
    # What a program prints may be JSON, or base64, of another kind.
    except (ValueError, TypeError, AttributeError):
        raise BoardError(
            f"the board printed {text.strip()[:40]!r} meanwhile: reset it, deploy again at once"
        ) from None
