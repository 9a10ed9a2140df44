"""Runs a board's files on CPython as MicroPython would, each boot in a thread of its own.

What a program does to the outside goes through here, so this is where a power cut or a reset takes
hold of it: `attend` raises Halted in the board's thread and from then on nothing leaves the board.
"""

import contextlib
import ctypes
import json
import math
import os
import random
import select
import socket
import sys
import threading
import time
import traceback
import types

from . import modules
from .clock import clock

# How long kill() waits for a program that notices by itself, between two strikes at one that is
# busy with plain Python, and in all, in s. What holds out longer (a name's resolution by the host)
# is left to itself: whatever it does next halts it.
NOTICE, STRIKE, PATIENCE = 0.05, 0.02, 3.0


# What is in C on the chip, and has no line in its tracebacks.
IN_C = ("<chip>", "<language>/json", "<language>/os", "<language>/s", "<language>/time")


class Halted(BaseException):
    """The board lost its power or was reset: nothing of its program may go on."""


class Interpreter:
    """One run of boot.py and main.py, from reset to reset."""

    def __init__(self, board, soft_reset_cause):
        self._board = board
        self._soft_reset_cause = soft_reset_cause
        # True when the board was reset or lost its power: everything raises Halted.
        self.halted = False
        # What the program asked for at its end: None, or (reset cause, ms of sleep or None).
        self._restart = None
        # Handlers of the stand-ins by kind of interrupt; interrupts not handled yet; ctrl-C typed.
        self._handlers = {}
        self._interrupts = []
        self._ctrl_c = False
        # True while an interrupt handler runs: others wait for its end.
        self._handling = False
        # True until the program's last instruction; `_gate` is held to change it or to rely on it.
        self._running = True
        self._gate = threading.Lock()
        # Set when nothing of the program runs any more.
        self._over = threading.Event()
        # A byte on this pair wakes a waiting program.
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._modules = modules.Modules(
            board.flash,
            self._provided(),
            {"random": _module("random", **_random(board.chance))},
            Halted,
            self.check,
            open=self._open,
            print=self._print,
        )
        # As on the chip, what a program deletes from it is loaded anew.
        self._modules.loaded["sys"].modules = self._modules.loaded
        self._thread = threading.Thread(target=self._run, name=board.name, daemon=True)

    # -- from outside, in any thread

    def start(self):
        self._thread.start()

    def interrupt(self, kind, number):
        self._interrupts.append((kind, number))
        self._wake()

    def keyboard_interrupt(self):
        self._ctrl_c = True
        self._wake()
        clock.call_later(NOTICE, self._insist)

    def _insist(self):
        # Not in a stand-in's code: asyncio, for one, must stay whole for the next run().
        if self._ctrl_c and not self._over.is_set():
            if self._strike(KeyboardInterrupt, self._modules.runs_own):
                self._ctrl_c = False
            else:
                clock.call_later(STRIKE, self._insist)

    def halt(self):
        """Stops the program at whatever it does next to the outside; doesn't wait for it."""
        self.halted = True
        self._wake()

    def kill(self):
        """Stops the program where it is and waits until it is gone."""
        self.halt()
        if self._thread is not threading.current_thread():
            self._wait_until_over()
        self._end_tasks()
        self._ear.close()
        self._mouth.close()

    def _end_tasks(self):
        abandon = getattr(self._modules.loaded.get("asyncio"), "abandon", None)
        for coro in abandon() if abandon else ():
            # Nobody is there any more to be told of what it raises.
            with contextlib.suppress(BaseException):
                coro.throw(Halted())

    def _wait_until_over(self):
        end = time.monotonic() + PATIENCE
        over = self._over.wait(NOTICE)
        while not over and time.monotonic() < end:
            self._strike(Halted, self._modules.runs)
            over = self._over.wait(STRIKE)

    def _strike(self, exception, runs):
        # A program busy with plain Python comes by nothing that would tell it. Only where `runs`
        # says so of the frame: a lock of the host could be left locked.
        with self._gate:
            frame = sys._current_frames().get(self._thread.ident or 0)
            if not self._running or frame is None or not runs(frame):
                return False
            _throw_into(self._thread, ctypes.py_object(exception))
            return True

    def _wake(self):
        # BlockingIOError: it is woken already. OSError: it has ended.
        with contextlib.suppress(OSError):
            self._mouth.send(b"!")

    # -- for the stand-ins, in the board's thread

    def check(self):
        """Raises Halted when the board was reset or lost its power."""
        if self.halted:
            # CPython closes the generators that a halted program leaves behind, and would tell
            # of anything else that they raise.
            raise GeneratorExit if isinstance(sys.exc_info()[1], GeneratorExit) else Halted

    def attend(self):
        """Raises Halted or KeyboardInterrupt when it is time, and runs interrupt handlers."""
        self.check()
        if self._ctrl_c:
            self._ctrl_c = False
            raise KeyboardInterrupt
        while self._interrupts and not self._handling:
            kind, number = self._interrupts.pop(0)
            if kind in self._handlers:
                self._handle(self._handlers[kind], number)

    def _handle(self, handler, number):
        self._handling = True
        try:
            handler(number)
        except Exception as error:
            # As on the chip: told, and no matter of the code that was interrupted.
            self._print("Unhandled exception in callback")
            self._print(format_exception(error), end="")
        finally:
            self._handling = False

    def call(self, name, *args):
        """Calls a peripheral by name."""
        self.attend()
        return getattr(self._board.hardware, name)(*args)

    def listen(self, kind, handler):
        """Has handler(number) called for interrupts of a kind."""
        self._handlers[kind] = handler

    def wait(self, poller, timeout_ms=None):
        """Polls until something is ready, ms have passed (None: no limit) or it is woken."""
        self.attend()
        poller.register(self._ear, select.POLLIN)
        clock = self._board.clock
        ready = _leaping(clock, poller, timeout_ms) if clock.leaps else poller.poll(timeout_ms)
        with contextlib.suppress(BlockingIOError):
            self._ear.recv(4096)
        self.attend()
        return [(fd, event) for fd, event in ready if fd != self._ear.fileno()]

    def sleep(self, seconds):
        now = self._board.clock.now
        end = now() + seconds
        poller = select.poll()
        while (left := end - now()) > 0:
            self.wait(poller, left * 1000)
        self.attend()

    def stop(self, cause, delay_ms=None):
        """Ends the program for a reset or a deep sleep."""
        self._restart = (cause, delay_ms)
        self.halted = True
        raise Halted

    # -- the program

    def _run(self):
        with contextlib.suppress(Halted):
            for name in ("boot.py", "main.py"):
                if not self._execute(name):
                    break
        self._finish()
        self._over.set()
        self._board.ended(self, self._restart)

    def _finish(self):
        # From here on no strike may hit, nor one that was on its way.
        while self._running:
            with contextlib.suppress(Halted, KeyboardInterrupt), self._gate:
                self._running = False
        _throw_into(self._thread, None)

    def _execute(self, name):
        """Runs a file of the root; returns whether the next one may run."""
        if not (self._board.flash.folder / name).exists():
            return True
        try:
            self._modules.execute(name)
        except SystemExit:
            # sys.exit() and machine.soft_reset(): MicroPython begins anew.
            self._print("MPY: soft reboot")
            self.stop(self._soft_reset_cause)
        except Exception as error:
            self._print(format_exception(error), end="")
            return False
        except KeyboardInterrupt as error:
            self._print(format_exception(error), end="")
            return False
        return True

    # -- what the program sees

    def _open(self, name, mode="r", **_):
        self.attend()
        return self._board.flash.open(name, mode, check=self.attend)

    def _print(self, *values, sep=" ", end="\n", file=None, **_):
        self.attend()
        text = sep.join(str(value) for value in values) + end
        if file is None or isinstance(file, _Console):
            self._board.print(text)
        else:
            file.write(text)

    def _provided(self):
        return {
            "_board": _module("_board", **self._link()),
            "_host": _module("_host", json=json, os=os, select=select, socket=socket, time=time),
            "sys": self._sys(),
        }

    def _link(self):
        board = self._board
        return {
            "call": self.call,
            "listen": self.listen,
            "wait": self.wait,
            "sleep": self.sleep,
            "attend": self.attend,
            "check": self.check,
            "halted": lambda: self.halted,
            "stop": self.stop,
            "radio": board.radio,
            "flash": board.flash,
            "reset_cause": board.reset_cause,
            "wake_reason": board.wake_reason,
            "heap_used": lambda: self._modules.source_bytes,
        }

    def _sys(self):
        console = _Console(self._print)
        implementation = types.SimpleNamespace(
            name="micropython", version=(1, 29, 0, ""), _machine="Emulated ESP32 on CPython"
        )
        return _module(
            "sys",
            implementation=implementation,
            platform="esp32",
            version="3.4.0; MicroPython v1.29.0",
            byteorder=sys.byteorder,
            maxsize=0x7FFFFFFF,
            path=["", ".frozen", "/lib"],
            argv=[],
            stdout=console,
            stderr=console,
            exit=_exit,
            print_exception=self._print_exception,
        )

    def _print_exception(self, error, file=None):
        self._print(format_exception(error), end="", file=file)


class _Console:
    """sys.stdout of a board."""

    def __init__(self, output):
        self._output = output

    def write(self, text):
        self._output(text if isinstance(text, str) else bytes(text).decode(), end="")
        return len(text)


def _leaping(clock, poller, timeout_ms):
    # Polls by a clock that leaps when nothing is ready: first it may have it wait for real.
    end = None if timeout_ms is None else clock.now() + timeout_ms / 1000
    moment = 0
    while True:
        ready = poller.poll(moment)
        left_ms = None if end is None else math.ceil((end - clock.now()) * 1000)
        if ready or left_ms is not None and left_ms <= 0:
            return ready
        moment = clock.leap(left_ms)


def format_exception(error):
    """Returns the traceback as MicroPython prints it: the board's own frames only."""
    lines = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        where = frame.f_code
        if "__halted__" in frame.f_builtins and not where.co_filename.startswith(IN_C):
            lines.append(f'  File "{where.co_filename}", line {line}, in {where.co_name}')
    if lines:
        lines.insert(0, "Traceback (most recent call last):")
    # CPython has a class for many an errno.
    kind = OSError if isinstance(error, OSError) else type(error)
    lines.append(f"{kind.__name__}: {error}")
    return "\n".join(lines) + "\n"


def _throw_into(thread, exception):
    # None takes back what was thrown and has not arrived.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), exception)


def _module(name, **contents):
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    return module


def _exit(value=0):
    raise SystemExit(value)


def _random(seeds):
    chance = random.Random(seeds.getrandbits(64))
    # MicroPython's random module has these and no others.
    names = "choice getrandbits randint random randrange seed uniform"
    return {name: getattr(chance, name) for name in names.split()}
