"""Where a command puts a folder of files: beside its place first, then there as a whole."""

import contextlib
import shutil
import signal
import tempfile
from pathlib import Path


class PlaceError(Exception):
    """Nothing can be put there; the text says why."""


def refuse_foreign(out, own, command):
    """Raises PlaceError for a folder that holds what isn't the command's `own` (names)."""
    if not out.exists():
        return
    if not out.is_dir():
        raise PlaceError(f"{out}: a file, not a folder")
    foreign = sorted({path.name for path in out.iterdir()} - set(own))
    if foreign:
        raise PlaceError(
            f"{out}: holds {foreign[0]}, which no {command} made: name another folder"
        )


@contextlib.contextmanager
def whole(out):
    """Gives a new folder to fill, which takes the place of `out` when all went well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    # For its owner alone, as mkdtemp makes it: the configuration has passwords.
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new = beside / "new"
        new.mkdir(0o700)
        yield new
        _swap(new, out, beside / "old")
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _swap(new, out, old):
    try:
        if out.exists():
            out.rename(old)
        new.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        raise


@contextlib.contextmanager
def interruptible():
    """Within it a ctrl-C, or another request to end, raises KeyboardInterrupt."""

    # The command begins with a ctrl-C that ends it at once: from here on there is to tidy up.
    def stop(*_):
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in _requests()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _requests():
    """Yields the signals that ask for an end, but a SIGHUP that nohup has switched off."""
    yield from (signal.SIGINT, signal.SIGTERM)
    # Windows has neither.
    for name in ("SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            yield number
