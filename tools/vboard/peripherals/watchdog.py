"""The watchdog."""

import threading

from ..clock import clock


class Watchdog:
    """machine.WDT: calls `bite` when it wasn't fed in time. Nothing stops it but a reset."""

    def __init__(self, bite, clock=clock):
        self._bite = bite
        self._clock = clock
        # Time-out in s, 0 while it isn't armed; and when it was fed last.
        self._timeout = 0
        self._fed = 0.0
        self._call = None
        self._lock = threading.Lock()

    def arm(self, timeout_ms):
        with self._lock:
            self._cancel()
            self._timeout, self._fed = timeout_ms / 1000, self._clock.now()
            self._call = self._clock.call_later(self._timeout, self._watch)

    def feed(self):
        self._fed = self._clock.now()

    def disarm(self):
        with self._lock:
            self._cancel()
            self._timeout = 0

    def _cancel(self):
        if self._call:
            self._call.cancel()
            self._call = None

    def _watch(self):
        with self._lock:
            # Disarmed while the clock was about to call.
            if not self._timeout:
                return
            left = self._fed + self._timeout - self._clock.now()
            if left > 0:
                self._call = self._clock.call_later(left, self._watch)
                return
        self._bite()
