"""The emulated board: its files lie in a folder, and CPython runs them as MicroPython would."""

import random
import shutil

from .board import SOFT_RESET, BaseBoard
from .clock import clock
from .filesystem import Flash
from .flash import Flash as FlashChip, Region
from .interpreter import Interpreter


class Board(BaseBoard):
    """A board whose file system is a folder: fast, and open to a debugger.

    With `clock=LeapingClock()` the time leaps over what the program sleeps through (clock.py).
    """

    def __init__(
        self,
        folder,
        air,
        name=None,
        profile="esp32_generic",
        on_line=None,
        clock=clock,
    ):
        super().__init__(folder, air, name, profile, on_line, clock)
        self.flash = Flash(self.folder / "flash")
        # Seeds the program's `random` at each boot: another sequence each time, the same each run.
        self.chance = random.Random(self.name)

    def install(self, *folders, config=None):
        """Copies what stands in `folders` to the board's root, and its configuration's text."""
        for source, target in folders:
            ignore = shutil.ignore_patterns("__pycache__", "*.toml", "*.md")
            shutil.copytree(source, self.flash.path(target), dirs_exist_ok=True, ignore=ignore)
        if config is not None:
            self.flash.path("/config.json").write_text(config, encoding="utf-8")

    def write_files(self, files):
        """Writes {path: bytes or text} into its file system."""
        for name, data in files.items():
            path = self.flash.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)

    def read_file(self, path):
        """Returns a file's bytes. Raises FileNotFoundError."""
        return self.flash.path(path).read_bytes()

    def remove_file(self, path):
        """Removes a file. Raises FileNotFoundError."""
        self.flash.path(path).unlink()

    def _nvs_flash(self):
        # A chip of its own: the files aren't in one.
        sizes = {name: size for name, _, size in self.profile.layouts["standard"].partitions}
        return FlashChip(self.folder / "nvs.bin", sizes["nvs"], sizes=(sizes["nvs"],))

    def _nvs_region(self):
        return Region(self.nvs_flash, 0, self.nvs_flash.size)

    def _program(self):
        self.flash.cwd = "/"
        return Interpreter(self, SOFT_RESET)
