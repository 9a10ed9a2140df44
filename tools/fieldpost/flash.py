"""`fieldpost flash`: what factory made gets onto a board, and is verified there."""

import sys
import time
from pathlib import Path
from typing import IO, cast

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from vboard import profile as profiles

from . import flasher, parts, place, ports
from .flasher import FlashError
from .output import Output, complain

DEFAULT_BOARD = "esp32_generic"
ERRORS = (FlashError, parts.PartsError, ports.PortError, profiles.ProfileError)
# What an end leaves behind, before, while and after a board is written.
UNTOUCHED = "nothing was written"
UNUSABLE = "the board is not usable until it is flashed again"
WHOLE = "all is written and verified: press RESET"


def run(options):
    """Returns 0 for a board that is flashed, 1 with the reason on stderr, 130 after a ctrl-C."""
    work = _Work(options)
    try:
        with place.interruptible():
            work.run()
    except ERRORS as error:
        complain(f"fieldpost flash: {error}; {work.left}")
        return 1
    except KeyboardInterrupt:
        complain(f"fieldpost flash: interrupted; {work.left}")
        return 130
    return 0


class _Work:
    """One board being flashed."""

    def __init__(self, options):
        self._options = options
        # A reader that goes away is no reason to leave a board half written.
        self._out = Output(sys.stdout, lambda: None)
        # One of UNTOUCHED, UNUSABLE, WHOLE.
        self.left = UNTOUCHED

    def run(self):
        """Raises one of ERRORS."""
        options = self._options
        if options.erase and options.only == "filesystem":
            raise FlashError("--erase would take MicroPython away: leave out --only filesystem")
        made = _factory(options)
        chosen = [part for part in made.parts if _wanted(part, options.only)]
        port = options.port or ports.only()
        with flasher.connected(port, options.verbose) as board:
            _compare(board.chip, made, port)
            board.attach(options.baud)
            _compare_flash(board.flash, made, port)
            self._say(
                f"{port}: {made.board}, {board.chip} with {_megabytes(board.flash)} of flash"
            )
            for line in _announced(made, chosen, options.erase):
                self._say(line)
            self._write(board, chosen)
            self.left = WHOLE
            board.reset()
        self._say("done: written and verified")

    def _write(self, board, chosen):
        # All is erased with the first part, after esptool has judged that.
        erase = self._options.erase
        for part in chosen:
            begin = time.monotonic()
            self._write_part(board, part, erase)
            took = f"{time.monotonic() - begin:.1f} s"
            self._say(f"{part.file:16}{part.offset:>#10x}{len(part.data):>11,} bytes  {took}")
            erase = False

    def _write_part(self, board, part, erase):
        before, self.left = self.left, UNUSABLE
        try:
            with _Bar(part, erase) as bar:
                board.write(part, bar.show, erase)
        except flasher.RefusedError:
            self.left = before
            raise

    def _say(self, line):
        print(line, file=self._out, flush=True)


# ---- What is compared before anything is written ---------------------------------------------


def _factory(options):
    if options.board:
        # First: a name mistyped is no folder to look for.
        profiles.load(options.board)
    folder = Path(options.image or Path("build", f"{options.board or DEFAULT_BOARD}-factory"))
    made = parts.read(folder)
    if options.board not in (None, made.board):
        raise FlashError(f"{folder}: made for {made.board}, not for {options.board}")
    board = profiles.load(made.board)
    if (board.chip, board.flash) != (made.chip, made.flash):
        raise FlashError(
            f"{folder}: made for an {made.chip} with {_megabytes(made.flash)} of flash, the board "
            f"file {made.board} says {board.chip} with {_megabytes(board.flash)}: run make "
            "factory again"
        )
    for part in made.parts:
        if part.end > made.flash:
            raise FlashError(f"{folder}: {part.file} ends at {part.end:#x}, behind the flash")
    return made


def _wanted(part, only):
    if only is None:
        return True
    if only == "filesystem":
        return part.name == parts.FILESYSTEM
    return part.name not in (parts.FILESYSTEM, parts.NVS)


def _compare(chip, made, port):
    if chip != made.chip:
        raise FlashError(
            f"{port}: the chip is an {chip}, the image is for an {made.chip} ({made.board})"
        )


def _compare_flash(size, made, port):
    if size == made.flash:
        return
    # MicroPython's file system reaches to the flash's end, wherever that is.
    kind = "smaller" if size < made.flash else "larger"
    raise FlashError(
        f"{port}: the flash has {_megabytes(size)}, {kind} than the image's "
        f"{_megabytes(made.flash)}, so its file system would not be found: make a board file with "
        f"flash.size = {size:#x} and a factory for it"
    )


def _announced(made, chosen, erase):
    if erase:
        yield "all of the flash is erased first: NVS and the files on the board go"
    written = ", ".join(f"{part.file} at {part.offset:#x}" for part in chosen)
    yield f"overwritten: {written}"
    left = [name for name, _, _ in made.kept]
    left += [part.name for part in made.parts if part not in chosen]
    if left and not erase:
        yield f"kept: {', '.join(left)}"


def _megabytes(size):
    return f"{size / (1 << 20):g} MB"


# ---- How far it is -----------------------------------------------------------------------------


class _Bar:
    """How far a part is, on stderr, where that is a terminal."""

    def __init__(self, part, erase):
        self._part = part
        console = Console(file=cast(IO[str], Output(sys.stderr, lambda: None)))
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeElapsedColumn(),
        )
        # Elsewhere its start and its end would be lines of their own.
        self._shown = console.is_terminal
        self._progress = Progress(*columns, console=console, transient=True)
        text = f"erasing all, then {part.file}" if erase else part.file
        self._task = self._progress.add_task(text, total=len(part.data))

    def __enter__(self):
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, *exc):
        if self._shown:
            self._progress.stop()

    def show(self, done, of):
        """Shows that `done` of `of` bytes went over the wire, in the part's own bytes."""
        completed = len(self._part.data) * done // of
        self._progress.update(self._task, description=self._part.file, completed=completed)
