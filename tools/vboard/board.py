"""What every board here has: power, console and wiring around a program that runs on it."""

import collections
import threading
import time
from pathlib import Path

from . import profile as profiles
from .air import Radio
from .clock import clock
from .flash import PowerCut
from .hardware import Hardware
from .nvs import Nvs
from .wiring import ContactWire, EchoWire

# machine.reset_cause() on ESP32 (ports/esp32/modmachine.c).
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
# machine.TIMER_WAKE
TIMER_WAKE = 4

# Console lines kept; older ones are dropped.
CONSOLE_LINES = 5_000


class BaseBoard:
    """One board: what it keeps lies in `folder`, `air` is what its antenna is in.

    States: "off"; "running" (boot.py, main.py); "repl" (main.py ended, the board idles at its
    prompt); "sleeping" (deep sleep, the RTC runs on).

    A kind of board says in `_program()` what runs its files: an object with `start()`,
    `halt()` (stops it at once), `kill()` (waits until it is gone), `interrupt(kind, number)` and
    `keyboard_interrupt()`, which calls the board's `ended()` when it ends by itself.
    """

    def __init__(self, folder, air, name=None, profile="esp32_generic", on_line=None, clock=clock):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name or self.folder.name
        # Its time: the process's, or a LeapingClock that is its alone and ends with it.
        self.clock = clock
        # What ticks_us() starts from at every reset: a test sets it to come close to the wrap.
        self.ticks_start_us = 0
        self.radio = Radio(air, clock)
        self.profile = profiles.load(profile)
        # The flash chip that NVS is in.
        self.nvs_flash = self._nvs_flash()
        nvs = Nvs(self._nvs_region())
        self.hardware = Hardware(self, self.profile, self.radio, nvs)
        self.state = "off"
        self.reset_cause = PWRON_RESET
        # What woke it from deep sleep, 0: it wasn't asleep. A soft reset leaves it.
        self.wake_reason = 0
        # Resets since power-on, each with its cause.
        self.boots = []
        # When the last boot began, by the clock's seconds.
        self.booted_at = 0.0
        # Called with (board, line) for each line on the console; must not wait for the board.
        self.on_line = on_line
        # Lines of the console: (clock seconds, text); and how many there were in all.
        self._lines = collections.deque(maxlen=CONSOLE_LINES)
        self._line_count = 0
        self._unfinished = ""
        # What runs on it, None while nothing does.
        self._running = None
        self._wires = []
        # The wake-up from deep sleep, a clock.Call.
        self._wake = None
        self._lock = threading.RLock()
        self._changed = threading.Condition()

    # -- power

    def power_on(self):
        with self._lock:
            if self.state != "off":
                raise RuntimeError(f"{self.name} is on already")
            self.nvs_flash.power_on()
            self.hardware.power_on()
            self.boots.clear()
            self._boot(PWRON_RESET)

    def power_off(self):
        """Pulls the plug: whatever runs stops where it is, nothing more leaves the board."""
        with self._lock:
            self._halt()
            self._set_state("off")

    def lost_power(self, program):
        """Ends with the power that failed, unless it is back and another program runs by now."""
        with self._lock:
            if program is self._running:
                self.power_off()

    def press_reset(self):
        """Presses EN: as power-on for the chip, but the sensors keep their supply."""
        with self._lock:
            if self.state != "off":
                self._halt()
                self.hardware.forget_rtc()
                self._boot(PWRON_RESET)

    def interrupt(self):
        """Types ctrl-C on the console."""
        with self._lock:
            if self._running:
                self._running.keyboard_interrupt()

    def close(self):
        self.power_off()
        for wire in list(self._wires):
            self.unwire(wire)
        self.radio.close()
        self.nvs_flash.close()
        self.clock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _boot(self, cause):
        self.reset_cause = cause
        if cause != SOFT_RESET:
            self.wake_reason = TIMER_WAKE if cause == DEEPSLEEP_RESET else 0
        self.boots.append(cause)
        self._end_line()
        try:
            self.hardware.reset(soft=cause == SOFT_RESET)
        except PowerCut:
            # The flash has its power from where the chip has it.
            self.power_off()
            return
        self.booted_at = self.clock.now()
        self._running = self._program()
        self._set_state("running")
        self._running.start()

    def _program(self):
        raise NotImplementedError

    def _nvs_flash(self):
        """Returns the flash.Flash that NVS is in."""
        raise NotImplementedError

    def _nvs_region(self):
        """Returns its flash.Region of it."""
        raise NotImplementedError

    def _halt(self):
        if self._wake:
            self._wake.cancel()
            self._wake = None
        program, self._running = self._running, None
        if program:
            program.halt()
        # Before the program's end is waited for: no farewell may leave the board.
        self.radio.power_off()
        if program:
            program.kill()
        self.radio.close_sockets()
        self.hardware.halt()

    # -- what the chip does by itself

    def interrupted(self, kind, number):
        """A peripheral asks for an interrupt."""
        program = self._running
        if program:
            program.interrupt(kind, number)

    def watchdog_bite(self):
        # Not in the clock's thread: stopping a program can take a moment.
        threading.Thread(target=self._bitten, args=(self._running,), daemon=True).start()

    def _bitten(self, program):
        with self._lock:
            if program and program is self._running:
                self._halt()
                self._boot(WDT_RESET)

    def ended(self, program, restart):
        """A program's last word: `restart` is None or (cause, ms until the boot or None)."""
        with self._lock:
            if program is not self._running:
                return
            if restart is None:
                self._set_state("repl")
                return
            cause, delay_ms = restart
            if cause == SOFT_RESET:
                # Wi-Fi and watchdog outlive it, sockets are closed.
                program.kill()
                self.radio.close_sockets()
                self._boot(cause)
                return
            self._halt()
            if cause == DEEPSLEEP_RESET:
                self._sleep(delay_ms)
            else:
                self._boot(cause)

    def _sleep(self, delay_ms):
        self._set_state("sleeping")
        if delay_ms is not None:
            self._wake = self.clock.call_later(delay_ms / 1000, self._wake_up)

    def _wake_up(self):
        with self._lock:
            self._wake = None
            if self.state == "sleeping":
                self._boot(DEEPSLEEP_RESET)

    def _set_state(self, state):
        self.clock.nobody_runs(state == "sleeping")
        with self._changed:
            self.state = state
            self._changed.notify_all()

    # -- console

    def print(self, text):
        """The board's serial output."""
        with self._changed:
            *lines, self._unfinished = (self._unfinished + text).split("\n")
            for line in lines:
                self._lines.append((self.clock.now(), line.rstrip("\r")))
                self._line_count += 1
            self._changed.notify_all()
        if self.on_line:
            for line in lines:
                self.on_line(self, line.rstrip("\r"))

    def _end_line(self):
        # A prompt, for one: what the next boot says isn't its end.
        if self._unfinished:
            self.print("\n")

    @property
    def console(self):
        """The console's text."""
        with self._changed:
            return "\n".join(line for _, line in self._lines)

    def mark(self):
        """Returns a place in the console for wait_console(since=...)."""
        return self._line_count

    def wait_console(self, text, timeout=10, since=0):
        """Waits for a line that holds `text`; returns the line. Raises TimeoutError."""
        return self._wait(lambda: self._find(text, since), timeout, f"no {text!r} on the console")

    def wait_state(self, state, timeout=10):
        """Waits until the board is in `state`. Raises TimeoutError."""
        self._wait(lambda: self.state == state, timeout, f"not {state!r}")

    def _find(self, text, since):
        first = self._line_count - len(self._lines)
        for number, (_, line) in enumerate(self._lines, first):
            if number >= since and text in line:
                return line
        return None

    def _wait(self, condition, timeout, what):
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                found = condition()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    last = "\n".join(line for _, line in list(self._lines)[-30:])
                    raise TimeoutError(f"{self.name}: {what} in {timeout} s; its end:\n{last}")
                self._changed.wait(left)

    # -- wiring

    def wire_contact(self, number, contact):
        """Connects a contact to a pin: its edges come, bounces and all, as the world moves it.

        Returns the wire, for unwire().
        """
        return self._wired(ContactWire(self.hardware.pins[number], contact, self.clock))

    def wire_echo(self, trigger, echo, device):
        """Connects an ultrasonic sensor to two pins; returns the wire, for unwire()."""
        pins = self.hardware.pins
        return self._wired(EchoWire(pins[trigger], pins[echo], device))

    def unwire(self, wire):
        """Takes off what wire_contact() or wire_echo() connected."""
        self._wires.remove(wire)
        wire.cut()

    def _wired(self, wire):
        self._wires.append(wire)
        return wire
