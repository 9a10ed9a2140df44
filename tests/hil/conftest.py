"""A board to test: a virtual one, or with HIL_PORT the real one at that port (make test-hil)."""

import contextlib
import os
import subprocess
import sys
import time

import pytest
from serial import Serial

from fieldpost.link import BoardError, Link, LinkError
from vboard import Air, available, profile as profiles

PORT, BOARD = os.environ.get("HIL_PORT"), os.environ.get("HIL_BOARD") or "esp32_generic"
# The tests' folder on the board, and the file by which they know it for theirs.
FOLDER, MARK = "/hil", "/hil/made-by-fieldpost-tests"
# How long a board may take from a reset to its prompt, s.
START_S = 30
# How long the console may be silent from a call of reset on, s; and when nothing more comes.
HEARD_S = 5
SILENT_S = 0.1

CLEAN = f"""
import os
def remove(path):
    if os.stat(path)[0] & 0x4000:
        for name in os.listdir(path):
            remove(path + "/" + name)
        os.rmdir(path)
    else:
        os.remove(path)
if {FOLDER[1:]!r} in os.listdir("/"):
    os.stat({MARK!r})
    remove({FOLDER!r})
"""


def drain(link):
    """Reads until the console is silent for a moment, or a program on it never is."""
    line, end = link._transport.serial, time.monotonic() + HEARD_S
    line.timeout = SILENT_S
    while line.read(1000) and time.monotonic() < end:
        pass


class Target:
    """A board behind a serial port, real or virtual."""

    def __init__(self, port, profile):
        self.port, self.profile = port, profile

    def mpremote(self, *arguments, code=0):
        """Returns what mpremote prints, which ends with `code`."""
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def run(self, code):
        """Stops what runs, then runs code without a reset; returns what it printed."""
        with Link(self.port) as link:
            link.interrupt()
            return link.run(code).replace("\r", "").strip()

    def restart(self, code="import machine; machine.reset()"):
        """Runs code that ends in a reset; waits for the prompt, main.py stopped."""
        with Link(self.port) as link:
            link.interrupt()
            link._transport.exec_raw_no_follow(code)
            # A ctrl-C before the reset would end the code. That it came shows at the console, or
            # at the port, if that is USB of the chip's own.
            with contextlib.suppress(OSError, LinkError):
                next(link.lines(HEARD_S), None)
                drain(link)
        self.wait_prompt()

    def wait_prompt(self):
        end = time.monotonic() + START_S
        while True:
            try:
                # A board that starts up may hear nothing, or its USB is gone; a node may take 2 s
                # for its farewell.
                with Link(self.port, patience_s=4) as link:
                    link.interrupt()
                    # The raw prompt may come twice: of a soft reset's own, and asked for.
                    drain(link)
                    return
            except LinkError:
                if time.monotonic() > end:
                    raise

    def console(self):
        """Returns the port itself."""
        return Serial(self.port, 115200, timeout=5)

    def press_reset(self) -> None:
        """Presses EN, or skips the test."""
        pytest.skip("somebody would have to press EN")


class VirtualTarget(Target):
    def __init__(self, board):
        super().__init__(board.port, board.profile)
        self._board = board

    def press_reset(self):
        self._board.press_reset()


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """The board, with an empty folder for the tests; its other files stay as they are."""
    profile = profiles.load(BOARD)
    if PORT:
        yield from clean(Target(PORT, profile))
        return
    reason = available.why_not()
    if reason:
        pytest.skip(reason)
    from vboard.virtual import VirtualBoard

    air = Air()
    with VirtualBoard(tmp_path_factory.mktemp("hil") / "board", air, profile=BOARD) as board:
        board.install_micropython()
        board.power_on()
        yield from clean(VirtualTarget(board))
    air.close()


def clean(target):
    try:
        target.run(CLEAN)
    except BoardError:
        pytest.fail(f"the board has a {FOLDER} that isn't of these tests: rename it")
    target.run(f"import os\nos.mkdir({FOLDER!r})\nopen({MARK!r}, 'w').close()")
    yield target
    target.run(CLEAN)
    with Link(target.port) as link:
        link.interrupt()
        # Its own program goes on.
        link.reset()
