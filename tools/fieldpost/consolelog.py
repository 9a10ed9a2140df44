"""A board's console on disk: each line with its time, in two files that never grow beyond a limit.

The older file is what the newer one was when it was full. Control characters are spelled out: raw
prompts and damaged lines would otherwise play with the terminal that shows them.
"""

import collections
import contextlib
import datetime
import os
import re
import threading

NEWER, OLDER = "console.log", "console.log.1"
# Bytes of a file, about.
LIMIT = 1_000_000
# How often a follower looks for more, s.
LOOK_S = 0.05

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Log:
    """Writes a console's lines into `folder`. May be used by several threads."""

    def __init__(self, folder, limit=LIMIT):
        self._path, self._older = folder / NEWER, folder / OLDER
        self._limit = limit
        self._file = self._open()
        self._lock = threading.Lock()

    def write(self, line):
        """Keeps a line with the time that it is now: UTC, ISO 8601, ms."""
        text = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)
        # OSError: the disk is full. ValueError: closed, at the board's last word.
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._file.write(f"{_now()} {text}\n")
            if self._file.tell() > self._limit:
                self._file.close()
                self._path.replace(self._older)
                self._file = self._open()

    def close(self):
        with self._lock:
            self._file.close()

    def _open(self):
        # Each line goes to the file at once.
        return self._path.open("a", encoding="utf-8", errors="replace", buffering=1)


def _now():
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lines(folder, count, stop=None):
    """Yields the last `count` lines kept in `folder`.

    With `stop`, an Event, then those that come until it is set. Raises FileNotFoundError.
    """
    kept = collections.deque(maxlen=count)
    with contextlib.suppress(FileNotFoundError):
        older = (folder / OLDER).read_text(encoding="utf-8", errors="replace")
        kept.extend(older.split("\n")[:-1])
    tail = _Tail(folder / NEWER)
    try:
        kept.extend(tail.more())
        yield from kept
        while stop and not stop.wait(LOOK_S):
            moved = tail.moved()
            # All of it has been written when it was found under its other name.
            yield from tail.more()
            if moved:
                tail.close()
                tail = _Tail(folder / NEWER)
    finally:
        tail.close()


class _Tail:
    """A file that grows; `more()` returns the lines that came since the last call."""

    def __init__(self, path):
        self._path = path
        self._file = path.open(encoding="utf-8", errors="replace")
        # A line whose end hasn't come yet.
        self._begun = ""

    def more(self):
        *whole, self._begun = (self._begun + self._file.read()).split("\n")
        return whole

    def moved(self):
        """Returns whether its name is another file's by now."""
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            # Between the two names.
            return False

    def close(self):
        self._file.close()
