"""What Espressif's libraries say at work: kept from the terminal, for they print freely."""

import contextlib
import sys

from esp_pylib.logger import EspLog, EspLogBase
from esptool.reset import ResetStrategy
from esptool.util import PrintOnce


class _Logger(EspLogBase):
    """Takes all that is said: shown on stderr with `verbose`, and the progress handed on."""

    def __init__(self, verbose, progress):
        self._verbose, self._progress = verbose, progress

    def print(self, *args, **kwargs):
        # Nobody reads it any more: no reason to break off what is being written.
        with contextlib.suppress(OSError):
            if self._verbose:
                print(*args, end=kwargs.get("end", "\n"), file=sys.stderr)

    def err(self, *args, suggestion=None):
        self.print(*args, *filter(None, [suggestion]))

    warn = err

    def note(self, *args):
        self.print(*args)

    hint = debug = note

    def set_verbosity(self, mode):
        """What is shown is decided once, by `verbose`."""

    def progress_bar(self, cur_iter, total_iters, prefix="", suffix="", bar_length=30):
        if self._progress:
            self._progress(cur_iter, total_iters)


@contextlib.contextmanager
def quiet(verbose=False, progress=None):
    """Within it nothing of esptool's and its kin's gets onto the terminal but with `verbose`.

    `progress(done, of)` is called as a write goes on, in the units that go over the wire.
    """
    logger = _Logger(verbose, progress)
    # The second holds the logger that there was when esptool was imported.
    before = EspLog.instance, ResetStrategy.print_once
    EspLog.instance, ResetStrategy.print_once = logger, PrintOnce(logger.warn)
    try:
        yield
    finally:
        EspLog.instance, ResetStrategy.print_once = before
