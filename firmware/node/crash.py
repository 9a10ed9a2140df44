"""Keeps the reason of the last crash over the reset that follows it."""

import io
import sys

PATH = "crash.txt"


def record(error) -> str:
    """Writes the traceback to flash, unless it stands there already; returns it."""
    text = _traceback(error)
    # The same fault at each boot must not wear the flash out.
    if text != last():
        with open(PATH, "w") as file:
            file.write(text)
    return text


def last() -> str:
    """Returns the last crash's traceback, '' if there was none."""
    try:
        with open(PATH) as file:
            return file.read()
    except (OSError, ValueError):
        # None, or nothing that can be read as text.
        return ""


def _traceback(error):
    buffer = io.StringIO()
    sys.print_exception(error, buffer)  # pyright: ignore  (the stubs know no StringIO)
    return buffer.getvalue()  # pyright: ignore
