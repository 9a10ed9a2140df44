# machine.Timer

import _board
import machine

# Number -> (timer, callback, mode) of the timers that run.
_running = {}
# Number of the next virtual timer; and whether the link was told who handles their interrupts.
_next = -1
_listening = False


class Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **settings):
        global _next
        _board.call("timer_check", id)
        if id < 0:
            # Each virtual one is another.
            id, _next = _next, _next - 1
        self._id = id
        if settings:
            self.init(**settings)

    def init(
        self,
        *,
        mode=PERIODIC,
        callback=None,
        period=0xFFFF_FFFF,
        tick_hz=1000,
        freq=None,
        hard=False,
    ):
        global _listening
        if hard:
            raise ValueError("hard Timers are not implemented")
        self.deinit()
        if freq is None:
            us = (period & 0xFFFF_FFFF) * 1_000_000 // tick_hz
        else:
            us = int(1_000_000 / freq) if freq > 0 else 0
        if us < 1:
            raise ValueError("Timer period is too short for this timer")
        if not _listening:
            _listening = True
            _board.listen("timer", _interrupted)
        # Before it starts: its interrupt may come at once.
        _running[self._id] = (self, callback, mode)
        _board.call("timer_start", self._id, us, mode != Timer.ONE_SHOT)

    def deinit(self):
        _running.pop(self._id, None)
        _board.call("timer_stop", self._id)

    def value(self):
        return _board.call("timer_ms", self._id)


def _interrupted(number):
    _board.call("timer_taken")
    machine._deliver(_expired, number)


def _expired(number):
    timer, callback, mode = _running.get(number, (None, None, None))
    # None: stopped while the interrupt was on its way.
    if timer:
        if mode == Timer.ONE_SHOT:
            del _running[number]
        callback(timer)
