# Time that leaps over what the program sleeps through, on a board that has a LeapingClock.
#
# The board adds the leaps to its clock and says how many ms there were so far: the program's ticks
# are the host's and these. Whatever waits first looks whether something has come, then asks the
# board for a leap, which may have it wait some real ms before it asks again.

import _board
import utime

# Ms leapt so far.
leapt = 0
# Waits for interrupts alone, in real time.
_rest = _board.sleep_us


def install():
    """Has time, select and all that sleeps go by it; to be called before a program runs."""
    _leap(0)
    _board.ticks_ms, _board.ticks_us, _board.sleep_us = ticks_ms, ticks_us, sleep_us
    import select

    steady = select.poll

    class poll(steady):
        def poll(self, timeout=-1):
            return wait(super().poll, timeout)

        def ipoll(self, timeout=-1, flags=0):
            return iter(self.poll(timeout))

    select.poll = poll


def ticks_ms():
    return utime.ticks_add(utime.ticks_ms(), leapt)


def ticks_us():
    return utime.ticks_add(utime.ticks_us(), leapt * 1000)


def wait(look, ms):
    """Returns what look(real ms) finds within `ms`, -1: whenever that is."""
    end = utime.ticks_add(ticks_ms(), max(0, ms))
    moment = 0
    while True:
        found = look(moment)
        left = utime.ticks_diff(end, ticks_ms())
        if found or (left <= 0 and ms >= 0):
            return found
        moment = _leap(None if ms < 0 else left)


def _leap(ms):
    # Returns the real ms to wait. A handler that the leap made due comes behind it: it shall see
    # the time to which it leapt.
    global leapt
    held = _board.hold()
    try:
        leapt, moment = _board.call("leap", ms)
    finally:
        _board.release(held)
    return moment


def sleep_us(us):
    """Sleeps while interrupts are handled."""
    end = utime.ticks_add(ticks_us(), us)
    if us >= 1000:
        wait(_doze, us // 1000)
    _rest(max(0, utime.ticks_diff(end, ticks_us())))


def _doze(ms):
    _rest(ms * 1000)
