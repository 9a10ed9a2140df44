"""A virtual board as on a desk: what it is stays in a folder, a serial port leads to it."""

import contextlib
import fcntl
import json
import os

from node.config import check
from vboard import Air, partitions
from vboard.virtual import FLASH

from . import boards, config, surroundings
from .consolelog import Log
from .switches import SwitchError, Switches

# In the folder beside its flash: who runs it, what board it is, where its port is.
LOCK, BOARD, PORT = "lock", "board", "port"
DEFAULT = "esp32_generic"
# Time that a program gets to end at ctrl-C, s: a node's farewell takes two at most.
FAREWELL_S = 5


class DeskError(Exception):
    """No board can be put there; the text says why and what to do."""


@contextlib.contextmanager
def held(folder):
    """Makes the folder this process's own. Raises DeskError when it is another's."""
    _refuse_foreign(folder)
    # For its owner alone: the flash has passwords.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DeskError(
                f"{folder}: its board runs already, in process {file.read()}: name another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _refuse_foreign(folder):
    if folder.exists() and not folder.is_dir():
        raise DeskError(f"{folder}: a file, not a folder")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names and not names & {LOCK, FLASH}:
        raise DeskError(f"{folder}: holds {min(names)}, which is no board's: name another folder")


def profile_name(folder, wanted=None):
    """Returns the name of the board that is or will be in a folder. Raises DeskError."""
    path = folder / BOARD
    there = path.read_text(encoding="utf-8").strip() if path.exists() else None
    if wanted and there and wanted != there:
        raise DeskError(f"{folder}: its board is an {there}, not an {wanted}: name another folder")
    return wanted or there or DEFAULT


def prepare(folder, name, files=None, blank=False):
    """Makes what a board's folder lacks; returns the configuration on it, None without a good one.

    `files` is {path: bytes} of a new file system, None keeps what is there; `blank` erases the
    flash. Raises FlashError, ImageError.
    """
    new = not (folder / FLASH).exists()
    (folder / BOARD).write_text(name + "\n", encoding="utf-8")
    air = Air()
    with contextlib.closing(air), boards.virtual(folder, air, profile=name) as board:
        if blank:
            board.flash.erase_all()
        elif new or files and not _bootable(board):
            board.install_micropython()
        if files and not blank:
            boards.put_files(board, files)
        return _configured(board)


def _bootable(board):
    start = board.flash.read(board.profile.image_offset, 1)
    with contextlib.suppress(partitions.PartitionError):
        return start != b"\xff" and "vfs" in partitions.load(board.flash)
    return False


def _configured(board):
    # LookupError: no `vfs`. ValueError: no JSON, or no good configuration.
    with contextlib.suppress(partitions.PartitionError, LookupError, OSError, ValueError):
        found = check(json.loads(board.read_file(boards.CONFIG)))
        return None if config.wiring_faults(found, board.profile) else found
    return None


class Desk:
    """The board in a folder that is `held` and prepared, with the world around it. It is off.

    `found` is the checked configuration that says what is around it, None: the usual; `wifi` is
    (ssid, password) of a Wi-Fi in place of its own, `world` a worldfile.WorldFile or None. Raises
    ScriptError for a world that isn't one of these sensors.
    """

    def __init__(self, folder, name, found=None, wifi=(None, ""), world=None):
        self._log = Log(folder)
        with contextlib.ExitStack() as stack:
            stack.callback(self._log.close)
            self.air = stack.enter_context(contextlib.closing(surroundings.air(found, *wifi)))
            self.board = stack.enter_context(
                boards.virtual(folder, self.air, profile=name, on_line=self._heard)
            )
            node = found["identity"]["device"] if found else None
            self.around = stack.enter_context(
                contextlib.closing(surroundings.Surroundings(self.board, found, world, node=node))
            )
            stack.enter_context(contextlib.closing(Switches(folder, self._throw)))
            stack.enter_context(linked(folder / PORT, self.board.port))
            self._stack = stack.pop_all()

    def close(self):
        self._stack.close()

    def begin(self):
        """Switches it on, in a world that begins."""
        self.around.begin()
        self.power_on()

    def power_on(self):
        self._log.write(f"--- power on, port {self.board.port}")
        self.board.power_on()

    def switch_off(self):
        """Stops the program as ctrl-C at the console does, then takes the power away.

        Returns whether the program ended before.
        """
        ended = True
        if self.board.state == "running":
            self.board.interrupt()
            ended = self._ends()
        self._power_off()
        return ended

    def _ends(self):
        try:
            self.board.wait_state("repl", FAREWELL_S)
        except TimeoutError:
            return False
        return True

    def _power_off(self):
        if self.board.state != "off":
            self.board.power_off()
            self._log.write("--- power off")

    def _heard(self, _, line):
        self._log.write(line)

    # -- its switches

    def _throw(self, words):
        done = {
            "reset": self._reset,
            "power-off": self._pull,
            "power-on": self._push,
            "wifi off": lambda: self._wifi(False),
            "wifi on": lambda: self._wifi(True),
        }.get(" ".join(words))
        if not done:
            raise SwitchError(f"there is no such switch: {' '.join(words)}")
        return done()

    def _reset(self):
        if self.board.state == "off":
            raise SwitchError("the board is off: power-on switches it on")
        self._log.write("--- reset button")
        self.board.press_reset()
        return "reset"

    def _pull(self):
        self._power_off()
        return "power off"

    def _push(self):
        if self.board.state != "off":
            raise SwitchError("the board is on")
        self.power_on()
        return "power on"

    def _wifi(self, up):
        point = self.air.access_points[self.air.ssid]
        point.up = up
        told = f"Wi-Fi {point.ssid} {'on' if up else 'off'}"
        self._log.write(f"--- {told}")
        return told


@contextlib.contextmanager
def linked(path, target):
    """Keeps a symbolic link at `path`. Raises DeskError when anything but a link is there."""
    if os.path.lexists(path):
        if not path.is_symlink():
            raise DeskError(f"{path}: is there, and no link: name another path")
        path.unlink()
    try:
        path.symlink_to(target)
    except OSError as error:
        # Its own text names the target.
        raise DeskError(f"{path}: {error.strerror}") from None
    try:
        yield
    finally:
        # It may be another board's by now.
        if path.is_symlink() and os.readlink(path) == target:
            path.unlink()
