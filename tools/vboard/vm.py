"""Runs a board's files on a real MicroPython: one process from reset to reset.

The process is MicroPython's unix port, with the ESP32's modules put in its way (chip/, frozen/,
port/). Its prompt is MicroPython's own, on two pipes that the board's serial port is joined to.
"""

import contextlib
import os
import select
import socket
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from . import relay, standins
from .board import HARD_RESET, SOFT_RESET
from .calls import Calls
from .console import DATA, PROMPT, TEXT, UP, Stream
from .link import Control, FlashLink, Listener
from .process import Process

CTRL_A, CTRL_C = b"\x01", b"\x03"
# By what tools know the prompt that they speak to, and by what people know theirs.
RAW = b"raw REPL; CTRL-B to exit\r\n"
FRIENDLY = b'Type "help()" for more information.\r\n'
SOFT_REBOOT = b"MPY: soft reboot\r\n"
# Space between two ctrl-C, s: MicroPython's unix port dies of one that comes before it has taken
# the last.
CTRL_C_S = 0.02
# When one is typed again that came where none may: in the midst of the file system, say; s.
AGAIN_S = 0.002
# When after a ctrl-C the program is nudged, s: it may have begun to wait for something at the very
# moment, without having seen it.
NUDGES_S = (0.002, 0.01, 0.05, 0.2, 0.5, 1.0)
# When the raw prompt is called once more, s.
CALL_S = 1.0
# Kind of interrupt -> the byte that says it (port/_board.py).
KINDS = {"pin": b"p", "timer": b"t"}


class Vm:
    """One run of boot.py and main.py, and the prompt behind them."""

    def __init__(self, board, partition, raw=False):
        """`partition`: what the file system is in. `raw`: a tool has the prompt, no main.py."""
        self._board = board
        # True while the prompt is the raw one.
        self.raw = raw
        # True when the board was reset or lost its power: nothing more may leave it.
        self.halted = False
        # What the program asked for at its end: None, (reset cause, ms of sleep or None), or
        # BOOTLOADER.
        self._restart = None
        # True when the flash lost its power: the board has none either.
        self._powerless = False
        # Set when nothing of the program runs any more.
        self._over = threading.Event()
        # Held to change what other threads change as well: `halted` and what was typed.
        self._gate = threading.Lock()
        self._stream = Stream()
        # True from boot.py's first line on, and from main.py's end on.
        self._up = self._prompted = False
        # While the raw prompt is being called up again: until when, 0 else.
        self._calling = 0.0
        # The last of what the console said, and what was typed and not yet handed on.
        self._tail = self._typed = b""
        # When the next ctrl-C may come, and when the program is to be nudged after the last one.
        self._next_ctrl_c = 0.0
        self._nudges = []
        # The program's sockets by their numbers; other connections by their purpose.
        self._relays = {}
        self._links = {}
        self._control = self._flash = None
        # A byte on this pair wakes the thread.
        self._ear, self._mouth = socket.socketpair()
        for end in (self._ear, self._mouth):
            end.setblocking(False)
        self._calls = Calls(board, self._relays, self._end, self._ctrl_c_again)
        self._folder = tempfile.TemporaryDirectory(prefix="vboard-")
        path = Path(self._folder.name, "link")
        self._listener = Listener(path, self._arrived)
        self._process = Process(_arguments(board, partition, path, raw), self._folder.name)
        self._thread = threading.Thread(target=self._run, name=board.name, daemon=True)

    # -- from outside, in any thread

    def start(self):
        self._thread.start()

    def halt(self):
        """Stops the program where it is; doesn't wait for its end."""
        with self._gate:
            self.halted = True
            self._process.kill()
        self._wake()

    def kill(self):
        """Stops the program where it is and waits until it is gone."""
        self.halt()
        if self._thread is not threading.current_thread():
            self._over.wait()

    def interrupt(self, kind, number):
        # OSError: the program ends at this moment.
        with self._gate, contextlib.suppress(OSError):
            events, bell = self._links.get("events"), self._links.get("bell")
            if events and bell and self._control:
                events.send(KINDS[kind] + bytes([number]))
                self._control.interrupts += 1
                bell.send(b"!")

    def keyboard_interrupt(self):
        self.type(CTRL_C)

    def type(self, data):
        """Types bytes on the console."""
        with self._gate:
            self._typed += data
        self._wake()

    def _wake(self):
        # BlockingIOError: it is woken already. OSError: it has ended.
        with contextlib.suppress(OSError):
            self._mouth.send(b"!")

    # -- its thread

    def _run(self):
        fault = None
        try:
            while self._turn():
                pass
        except Exception as error:
            # A fault of this program's own: told, and no board is left that seems to run.
            traceback.print_exc(file=sys.stderr)
            fault = error
        finally:
            code = self._clear()
            self._over.set()
        if fault:
            self._board.output(f"the virtual board has a fault: {fault!r}\r\n".encode())
            self._board.lost_power(self)
        else:
            self._tell(code)

    def _turn(self):
        """Waits for something to do and does it; returns False at the program's end."""
        poll, actions = select.poll(), {}
        for end, events, action in self._watched():
            if events:
                poll.register(end, events)
                actions[end if isinstance(end, int) else end.fileno()] = action
        for fd, _ in poll.poll(self._patience()):
            if self.halted or actions[fd]() is False:
                return False
        self._press_ctrl_c()
        self._nudge()
        for number in [number for number, one in self._relays.items() if one.closed]:
            del self._relays[number]
        return not self.halted

    def _watched(self):
        """Yields (file, events of poll, what to do then); that returns False at the end."""
        yield self._ear, select.POLLIN, self._woken
        yield self._process.stdout, select.POLLIN, self._heard
        if self._takes_keys and not self._ctrl_c_is_next:
            yield self._process.stdin, select.POLLOUT, self._hand_on
        # Before the calls: these name the sockets that come by it.
        for one in self._listener.sockets:
            yield one, select.POLLIN, lambda listening=one: self._listener.accept(listening)
        if self._control:
            yield self._control.connection, select.POLLIN, self._serve
        if self._flash:
            yield self._flash.connection, select.POLLIN, self._serve_flash
        for one in self._relays.values():
            pipe, real = one.interest()
            yield one.pipe, pipe, one.move
            yield one.real, real, one.move

    def _woken(self):
        with contextlib.suppress(BlockingIOError):
            self._ear.recv(4096)

    def _arrived(self, purpose, number, connection):
        kinds = {"stream": relay.Stream, "dgram": relay.Datagrams}
        if purpose in kinds:
            made = kinds[purpose](self._board.radio, connection, lambda: self.halted)
            self._relays[number] = made
        else:
            self._links[purpose] = connection
        if purpose == "control":
            self._control = Control(connection, self._calls.perform)
        elif purpose == "flash":
            self._flash = FlashLink(connection, self._calls.flash)

    def _serve(self):
        # Its end shows at the console.
        if self._control and not self._control.serve():
            self._control = None

    def _serve_flash(self):
        if self._flash and not self._flash.serve():
            self._flash = None

    def _ctrl_c_again(self):
        # It has taken the last one: the next may come as soon as it has got a little further.
        self._next_ctrl_c = time.monotonic() + AGAIN_S
        self.keyboard_interrupt()

    # -- its end

    def _end(self, restart):
        """Ends the program by its own call, or for want of power."""
        self._restart, self._powerless = restart, restart is None
        if restart is not None:
            # What it sent before is on its way.
            for one in self._relays.values():
                one.move()
        self.halt()

    def _clear(self):
        """Closes all that is left of the program; returns its exit code."""
        with self._gate:
            self._typed = b""
            code = self._process.close()
        self._listener.close()
        # The relays' real sockets are the radio's: whether their peers hear of it is its matter.
        pipes = [one.pipe for one in self._relays.values()]
        for one in (*self._links.values(), *pipes, self._ear, self._mouth):
            one.close()
        self._folder.cleanup()
        return code

    def _tell(self, code):
        """Tells the board of the end, unless the board was what ended it."""
        board = self._board
        if self._powerless:
            board.lost_power(self)
        elif self._restart:
            if self._restart[0] == SOFT_RESET:
                board.output(SOFT_REBOOT)
            board.ended(self, self._restart)
        elif self.halted:
            return
        elif not self._up:
            board.output(b"MicroPython did not start (%d): too little memory?\r\n" % code)
            board.ended(self, None)
        elif code < 0:
            board.output(b"\r\nGuru Meditation Error: MicroPython ended by signal %d\r\n" % -code)
            board.ended(self, (HARD_RESET, None))
        else:
            board.output(SOFT_REBOOT)
            board.ended(self, (SOFT_RESET, None))

    # -- the console

    def _heard(self):
        try:
            data = os.read(self._process.stdout, 65536)
        except BlockingIOError:
            return True
        for kind, part in self._stream.feed(data):
            self._take(kind, part)
        return bool(data)

    def _take(self, kind, data):
        if kind == UP:
            self._up = True
        elif kind == PROMPT and not self._prompted:
            self._prompted = True
            self._board.prompted(self)
            if self.raw:
                self._call_raw()
        elif kind == DATA:
            self._say(data)
        elif kind == TEXT:
            self._show(data)

    def _call_raw(self):
        self._calling = time.monotonic() + CALL_S
        os.write(self._process.stdin, CTRL_A)

    def _show(self, text):
        if self._calling:
            # The friendly prompt was never there, as far as the tool is concerned.
            self._tail += text
            start = self._tail.find(RAW)
            if start < 0:
                return
            text, self._tail = self._tail[start:], b""
            self._calling = 0.0
        seen = self._tail + text
        if FRIENDLY in seen and not self._up:
            # MicroPython's own prompt, but start.py didn't get to the board's files.
            self._process.kill()
        if RAW in seen or FRIENDLY in seen:
            self.raw = seen.rfind(RAW) > seen.rfind(FRIENDLY)
        self._tail = seen[-len(FRIENDLY) :]
        self._say(text)

    def _say(self, data):
        # Line by line: whoever reads one may pull the plug.
        for line in data.splitlines(keepends=True):
            if not self.halted:
                self._board.output(line)

    @property
    def _takes_keys(self):
        # What is typed while it starts up waits.
        return self._typed and self._up and not self._calling

    @property
    def _ctrl_c_is_next(self):
        return self._takes_keys and self._typed.startswith(CTRL_C)

    def _patience(self):
        """Returns the ms until a ctrl-C, a nudge or a call is due, None while there is none."""
        due = self._nudges[:1] + [self._next_ctrl_c] * bool(self._ctrl_c_is_next)
        due += [self._calling] * bool(self._calling)
        return max(0, min(due) - time.monotonic()) * 1000 if due else None

    def _hand_on(self):
        """Gives the program what was typed, up to a ctrl-C."""
        # BrokenPipeError: it ends at this moment, which its output tells.
        with self._gate, contextlib.suppress(BlockingIOError, BrokenPipeError):
            plain = self._typed.partition(CTRL_C)[0]
            self._typed = self._typed[os.write(self._process.stdin, plain) :]

    def _press_ctrl_c(self):
        """Interrupts the program, or the prompt, if a ctrl-C is due."""
        now = time.monotonic()
        if not self._ctrl_c_is_next or now < self._next_ctrl_c:
            return
        taken = self._process.interrupt()
        if taken is None:
            self._next_ctrl_c = now + AGAIN_S
            return
        with self._gate:
            # A second one at once would say the same.
            self._typed = self._typed.lstrip(CTRL_C)
        if taken:
            self._next_ctrl_c = now + CTRL_C_S
            self._nudges = [now + seconds for seconds in NUDGES_S]
        else:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._process.stdin, CTRL_C)

    def _nudge(self):
        now = time.monotonic()
        if self._nudges and self._nudges[0] <= now:
            del self._nudges[0]
            self._process.nudge()
        if self._calling and self._calling <= now:
            # A ctrl-C of the tool's, a moment ago, took the call with it.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                self._call_raw()


def _arguments(board, partition, path, raw):
    """Returns MicroPython's command line: heap, prompt, and what port/start.py takes."""
    heap = board.heap + standins.HEAP + board.clock.leaps * standins.LEAPS
    return [
        *("-X", f"heapsize={heap // 1024}wK", "-i", standins.start()),
        *(str(board.flash.path.resolve()), str(partition.offset), str(partition.size), str(path)),
        *(str(board.reset_cause), str(board.wake_reason)),
        *("raw" if raw else "friendly", standins.folder(), "leaps" if board.clock.leaps else ""),
    ]
