"""Real time for the boards of one process: what time it is, and calls at a later time.

One thread serves all boards, worlds and radios: fifty boards don't need fifty timer threads.
"""

import heapq
import itertools
import sys
import threading
import time
import traceback


class Call:
    """A call that waits for its time; `cancel()` makes it never happen."""

    def __init__(self, function, args):
        self.function, self.args = function, args
        # True once the call was taken back.
        self.cancelled = False

    def cancel(self):
        self.cancelled = True
        # The queue may hold it for an hour yet, and a whole board by it.
        self.function, self.args = None, ()


class Clock:
    """Monotonic seconds and a queue of calls, run one after another in a thread of their own.

    A call must be short: it holds up the others. What takes longer starts a thread.
    """

    def __init__(self):
        self._queue = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        # The thread that makes the calls; None until there is a first one.
        self._thread = None

    def now(self):
        """Returns seconds, monotonic, with an arbitrary start."""
        return time.monotonic()

    def call_later(self, delay, function, *args):
        """Calls function(*args) after `delay` seconds; returns a Call that can be cancelled."""
        call = Call(function, args)
        with self._changed:
            heapq.heappush(self._queue, (self.now() + delay, next(self._count), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vboard-clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return call

    def _run(self):
        while True:
            call = self._next()
            try:
                function, args = call.function, call.args
                if function:
                    function(*args)
            except Exception:
                # One board's fault must not stop the time of all the others.
                traceback.print_exc(file=sys.stderr)

    def _next(self):
        with self._changed:
            while True:
                if not self._queue:
                    self._changed.wait()
                    continue
                left = self._queue[0][0] - self.now()
                if left <= 0:
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(left)


# The clock of this process.
clock = Clock()
