"""machine.Timer: calls for interrupts after a period, once or again and again."""

import threading

from ..clock import clock

# Interrupts that may wait for the program at a time; what comes on top is lost
# (MICROPY_SCHEDULER_DEPTH of ports/esp32).
WAITING = 8
# No timer asks more often, s: what a chip does by itself at 1 us costs the host a thread.
SHORTEST = 0.001


class Timers:
    """The timers of one chip, by number: those in hardware, and above them virtual ones."""

    def __init__(self, interrupt, clock=clock):
        self._interrupt = interrupt
        self._clock = clock
        # Number -> _Timer that was started and not stopped since.
        self._timers = {}
        # Interrupts that were asked for and not taken yet.
        self._waiting = 0
        self._lock = threading.Lock()

    def start(self, number, period, repeat):
        """Starts a timer anew; `period` in s, above 0."""
        with self._lock:
            self._cancel(number)
            timer = self._timers[number] = _Timer(period, repeat, self._clock.now())
            self._plan(number, timer)

    def stop(self, number):
        with self._lock:
            self._cancel(number)

    def stop_all(self):
        """What every reset does. From here on no interrupt of theirs comes any more."""
        with self._lock:
            for number in list(self._timers):
                self._cancel(number)
            self._waiting = 0

    def taken(self):
        """The program has come to one of the interrupts."""
        with self._lock:
            self._waiting = max(0, self._waiting - 1)

    def value(self, number):
        """Returns s since a timer's start or last expiry; 0.0 for one that doesn't run."""
        with self._lock:
            timer = self._timers.get(number)
            return self._clock.now() - timer.started if timer else 0.0

    def _cancel(self, number):
        timer = self._timers.pop(number, None)
        if timer:
            timer.call.cancel()

    def _plan(self, number, timer):
        delay = max(timer.started + timer.period - self._clock.now(), SHORTEST)
        timer.call = self._clock.call_later(delay, self._expired, number, timer)

    def _expired(self, number, timer):
        with self._lock:
            # Stopped, or begun anew, while the clock was about to call.
            if self._timers.get(number) is not timer:
                return
            if timer.repeat:
                # Periods that are over already are lost, not made up for.
                timer.started += (self._clock.now() - timer.started) // timer.period * timer.period
                self._plan(number, timer)
            if self._waiting < WAITING:
                self._waiting += 1
                self._interrupt("timer", number)


class _Timer:
    def __init__(self, period, repeat, started):
        self.period, self.repeat = period, repeat
        # When it was started or expired last, clock seconds; and its next expiry, a clock.Call.
        self.started, self.call = started, None
