"""What a command prints, and how it bears that nobody can read it any more."""

import contextlib
import os
import sys


def complain(text):
    """Prints to stderr, if that is there."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


class Output:
    """A text file that may be lost: a terminal closed, a pager left, a disk full.

    None is one that was closed from the beginning.

    From then on it takes everything and keeps nothing; `on_loss()` is called at its loss, in the
    thread that writes.
    """

    def __init__(self, file, on_loss):
        self._file, self._on_loss = file, on_loss
        # The OSError by which it was lost, None before.
        self.lost = None

    def write(self, text):
        self._try("write", text)

    def flush(self):
        self._try("flush")

    def _try(self, name, *arguments):
        if self._file is None:
            return
        try:
            getattr(self._file, name)(*arguments)
        except OSError as error:
            self.lost = error
            self._discard()
            self._on_loss()

    def _discard(self):
        # At the file's own number: else what its buffer holds would fail again at Python's end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)

    def __getattr__(self, name):
        return getattr(self._file, name)
