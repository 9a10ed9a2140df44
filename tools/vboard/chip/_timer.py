# machine.Timer

import _board
import machine

# Numbers of the virtual timers: an interrupt's number is a byte.
_VIRTUAL = range(16, 256)

# Number -> (timer, callback, mode) of the timers that run.
_running = {}
# True once the link was told who handles their interrupts.
_listening = False


class Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **settings):
        _board.call("timer_check", id)
        # None: a virtual one that doesn't run.
        self._number = None if id < 0 else id
        self._virtual = id < 0
        # What value() tells of a virtual one that doesn't run, ms.
        self._stopped_at = 0
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
        if hard:
            raise ValueError("hard Timers are not implemented")
        self.deinit()
        if freq is None:
            us = (period & 0xFFFF_FFFF) * 1_000_000 // tick_hz
        else:
            us = int(1_000_000 / freq) if freq > 0 else 0
        if us < 1:
            raise ValueError("Timer period is too short for this timer")
        if self._virtual:
            self._number = _free_number()
        self._start(mode, callback, us)

    def _start(self, mode, callback, us):
        global _listening
        if not _listening:
            _listening = True
            _board.listen("timer", _interrupted)
        self._stopped_at = us // 1000
        # Before it starts: its interrupt may come at once.
        _running[self._number] = (self, callback, mode)
        _board.call("timer_start", self._number, us, mode != Timer.ONE_SHOT)

    def deinit(self):
        if self._number is not None:
            _running.pop(self._number, None)
            _board.call("timer_stop", self._number)
        self._stopped_at = 0
        self._rest()

    def _rest(self):
        if self._virtual:
            self._number = None

    def value(self):
        if self._number is None:
            return self._stopped_at
        return _board.call("timer_ms", self._number)


def _free_number():
    for number in _VIRTUAL:
        if number not in _running:
            return number
    raise OSError(12)  # ENOMEM


def _interrupted(number):
    _board.call("timer_taken")
    machine._deliver(_expired, number)


def _expired(number):
    timer, callback, mode = _running.get(number, (None, None, None))
    # None: stopped while the interrupt was on its way.
    if timer:
        if mode == Timer.ONE_SHOT:
            del _running[number]
            timer._rest()
        callback(timer)
