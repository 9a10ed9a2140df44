"""A driver on a board of either kind, its sensor in a world that a judge has in hand."""

import json
import threading
import time
import traceback
from pathlib import Path

from vboard import Board, World, profile as profiles
from vboard.clock import LeapingClock
from vboard.devices import with_pins

from . import boards, firmware
from .judge import Judge

MILL = Path(__file__).with_name("mill.py")
SETTINGS = "mill.json"
# The kinds of boards, in the order of what is told.
KINDS = ("virtual", "emulated")
# How long a board may do without asking for another order, s of the host.
PATIENCE_S = 60
# How often it is looked whether it still does, s.
LOOK_S = 0.5
# How the lines of MicroPython's prompt begin.
PROMPT = (">>>", "MicroPython ", 'Type "help()"')
# How many times faster than real the board's time may go: nobody outside has to keep up.
RATE = 10_000
# What the program on the board calls.
ASK = "judge"


class TrialError(Exception):
    """It can't be judged, for its emulation fails; the text says where."""


class Trial:
    """One driver on one kind of board."""

    def __init__(self, candidate, kind, board):
        """Raises CompileError.

        To be made while no board runs: CPython 3.11 parses in one thread at a time only.
        """
        self._candidate, self._kind = candidate, kind
        self._board_name, self._profile = board, profiles.load(board)
        sensor, buses = candidate.sensor(self._profile), candidate.buses(self._profile)
        self._files = self._made_of(sensor, buses)
        self._wired = with_pins(sensor, buses)
        # Orders so far, and set when the program is at its end or nobody wants it to go on.
        self._orders = 0
        self._over = threading.Event()
        # What the judge itself fell over.
        self._error = None

    def run(self, folder, air):
        """Returns the Verdict. Raises TrialError."""
        try:
            with self._board(folder, air) as board:
                judge = self._judge(board)
                board.write_files(self._files)
                setattr(board.hardware, ASK, self._answer(judge))
                board.power_on()
                self._wait(board, judge)
            if self._error:
                raise self._error
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{type(error).__name__}: {error} ({where.filename}, line {where.lineno})"
            raise TrialError(f"{self._candidate.name}: its emulation failed: {told}") from error
        return judge.verdict

    def stop(self):
        """Ends it early, from another thread."""
        self._over.set()

    def _board(self, folder, air):
        options = {"profile": self._board_name, "clock": LeapingClock(RATE)}
        if self._kind == "emulated":
            return Board(folder, air, **options)
        board = boards.virtual(folder, air, **options)
        board.install_micropython()
        return board

    def _judge(self, board):
        candidate, attached, blind = self._candidate, None, ()
        if candidate.emulation:
            world = World("judge", clock=board.clock.now)
            attached = candidate.emulation.attach(board, world, self._wired)
            blind = candidate.emulation.blind
        weighs = self._kind == "virtual"
        return Judge(attached, candidate.blocks_ms, blind, weighs, seed=candidate.name)

    def _made_of(self, sensor, buses):
        among = self._candidate.among(MILL)
        order = {"sensor": sensor, "buses": buses, "kind": self._candidate.bus}
        return {**self._program(among), SETTINGS: json.dumps(order)}

    def _program(self, among):
        drivers = {self._candidate.name}
        if self._kind == "virtual":
            return firmware.application(drivers, self._profile.chip, among)
        slot, files = firmware.SLOTS[0], {firmware.POINTER: firmware.SLOTS[0]}
        for name in firmware.needed(drivers, among):
            source, folder = among[name]
            path = f"{name}.py" if name in firmware.START else slot / folder / source.name
            files[str(path)] = source.read_bytes()
        return files

    def _answer(self, judge):
        orders = judge.run()
        next(orders)

        def answer(text):
            """Returns the next order for what came of the last one, as JSON; null at the end."""
            if self._over.is_set():
                return "null"
            self._orders += 1
            try:
                return json.dumps(orders.send(json.loads(text)))
            except StopIteration:
                self._over.set()
            except Exception as error:
                self._error = error
                self._over.set()
            return "null"

        return answer

    def _wait(self, board, judge):
        orders, since = 0, time.monotonic()
        while not self._over.wait(LOOK_S):
            if orders != self._orders:
                orders, since = self._orders, time.monotonic()
            if board.state == "repl" and not self._over.is_set():
                judge.broken(f"its program ended: {_last(board)}")
                return
            if time.monotonic() - since > PATIENCE_S:
                judge.broken("it doesn't come back: something in it never awaits")
                return


def _last(board):
    said = [line for line in board.console.splitlines() if line.strip()]
    lines = [line for line in said if not line.startswith(PROMPT)]
    return lines[-1] if lines else "it said nothing"
