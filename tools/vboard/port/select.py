# MicroPython's select: a wait that interrupts end, as they do on the chip.

import time

import _board
import uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT


class poll:
    def __init__(self):
        self._poll = uselect.poll()
        # True once the bell of interrupts is among what is waited for.
        self._hears = False

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        self._poll.register(obj, eventmask)

    def modify(self, obj, eventmask):
        self._poll.modify(obj, eventmask)

    def unregister(self, obj):
        self._poll.unregister(obj)

    def poll(self, timeout=-1):
        if not _board.bell:
            return self._poll.poll(timeout)
        if not self._hears:
            self._poll.register(_board.bell, POLLIN)
            self._hears = True
        start = time.ticks_ms()
        left = timeout
        while True:
            ready = [entry for entry in self._poll.poll(left) if not _rang(entry)]
            if timeout >= 0:
                left = max(0, timeout - time.ticks_diff(time.ticks_ms(), start))
            if ready or left == 0:
                return ready

    def ipoll(self, timeout=-1, flags=0):
        if _board.bell:
            return iter(self.poll(timeout))
        return self._poll.ipoll(timeout, flags)


def _rang(entry):
    # Its handler runs before the next line of the program.
    if entry[0] is not _board.bell:
        return False
    _board.answer_bell()
    return True
