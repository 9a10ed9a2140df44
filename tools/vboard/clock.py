"""The time of the boards of one process: what time it is, and calls at a later time.

One thread serves all boards, worlds and radios: fifty boards don't need fifty timer threads. A
board that has a LeapingClock has a time of its own: an hour of it takes less than a minute.
"""

import heapq
import itertools
import math
import sys
import threading
import time
import traceback

# What a LeapingClock saves up while the program computes, and the least that it leaps at a time
# unless less is asked for: what so many real ms are worth at its rate.
SAVED_MS, LEAST_MS = 10, 1
# How long a leap waits for the calls that it has made due, s.
SETTLE_S = 1
# Real ms between two looks for a call, while a program waits for ever and no call is due, ever.
IDLE_MS = 20


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

    # True for a clock on which leap() may be called; and how far leaps have got it, s.
    leaps = False
    ahead = 0.0

    def __init__(self):
        self._queue = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        # The thread that makes the calls; None until there is a first one.
        self._thread = None
        # True while it makes one; and once it may make no more.
        self._calling = self._closed = False

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
            self._changed.notify_all()
        return call

    def nobody_runs(self, asleep):
        """A board that has it sleeps, or does so no more."""

    def close(self):
        """A board that had it is no more."""

    def _run(self):
        while call := self._next():
            try:
                function, args = call.function, call.args
                if function:
                    function(*args)
            except Exception:
                # One board's fault must not stop the time of all the others.
                traceback.print_exc(file=sys.stderr)

    def _next(self):
        with self._changed:
            self._calling = False
            self._changed.notify_all()
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                left = self._queue[0][0] - self.now()
                if left <= 0:
                    self._calling = True
                    return heapq.heappop(self._queue)[2]
                self._pause(left)
        return None

    def _pause(self, left):
        self._changed.wait(left)


class LeapingClock(Clock):
    """The clock of one board, which leaps over what the board's program sleeps through.

    What the program computes and what its peers take is real. The board asks for a leap whenever
    the program waits and nothing has come for it; a leap ends where a call is due. `rate` is how
    many times faster than real time it may get at most. So long do peers have to answer: a
    program that waits 10 s for its broker gives it 100 ms of real time at a rate of 100.

    Everything that goes by the board's time must have this clock: a World takes its `now`, an
    Air's time server has an attribute `clock`. The board's close() ends it.
    """

    leaps = True

    def __init__(self, rate=100):
        super().__init__()
        self._rate = rate
        # Leapt so far, ms; `ahead` is the same in s.
        self.leapt_ms = 0
        # Ms that may be leapt, and the real second up to which they are counted.
        self._saved_ms, self._counted = 0.0, time.monotonic()
        # True while its board is in deep sleep: no program asks for leaps then.
        self._alone = False

    def now(self):
        return time.monotonic() + self.ahead

    def leap(self, ms):
        """Leaps up to `ms`, None: to the next call. Returns the real ms to wait before the next.

        What became due by it has been called when this returns.
        """
        with self._changed:
            self._save()
            wanted = self._up_to_call(ms)
            if wanted is None:
                return IDLE_MS
            if self._saved_ms < min(wanted, LEAST_MS * self._rate):
                lacking = min(wanted, SAVED_MS * self._rate) - self._saved_ms
                return max(1, int(lacking / self._rate))
            step = min(wanted, int(self._saved_ms))
            self._saved_ms -= step
            self._advance(step)
            self._changed.wait_for(self._settled, SETTLE_S)
            return 0

    def nobody_runs(self, asleep):
        with self._changed:
            self._alone = asleep
            self._changed.notify_all()

    def close(self):
        """Ends it: what waits still is never called."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()

    def _save(self):
        now = time.monotonic()
        saved_ms = self._saved_ms + (now - self._counted) * 1000 * self._rate
        self._saved_ms, self._counted = min(saved_ms, SAVED_MS * self._rate), now

    def _up_to_call(self, ms):
        # Returns the ms of a leap, None for one that leads nowhere.
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        if not self._queue:
            return ms
        # To the next whole ms: the call is due then for sure.
        left = max(0, math.ceil((self._queue[0][0] - self.now()) * 1000))
        return left if ms is None else min(ms, left)

    def _advance(self, ms):
        self.leapt_ms += ms
        self.ahead = self.leapt_ms / 1000
        self._changed.notify_all()

    def _settled(self):
        return not self._calling and not (self._queue and self._queue[0][0] <= self.now())

    def _pause(self, left):
        if not self._alone:
            super()._pause(left)
            return
        began = time.monotonic()
        self._changed.wait(left / self._rate)
        spent_ms = (time.monotonic() - began) * 1000
        self._advance(min(int(spent_ms * self._rate), math.ceil(left * 1000)))


# The clock of this process.
clock = Clock()
