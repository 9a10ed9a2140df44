# MicroPython's time on ESP32: whole seconds since 2000, ticks that wrap at 2**30 ms.

import _board
from _clock import _EPOCH_2000, mktime, time, time_ns
from _host import time as _host_time

_TICKS_PERIOD = 1 << 30
_HALF = _TICKS_PERIOD // 2


def sleep(seconds):
    _board.sleep(seconds)


def sleep_ms(ms):
    _board.sleep(ms / 1000)


def sleep_us(us):
    _board.sleep(us / 1_000_000)


def ticks_us():
    return _board.call("ticks_us") % _TICKS_PERIOD


def ticks_ms():
    return _board.call("ticks_us") // 1000 % _TICKS_PERIOD


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if isinstance(delta, float):
        raise TypeError("can't convert float to int")
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) % _TICKS_PERIOD


def ticks_diff(end, start):
    return (end - start + _HALF) % _TICKS_PERIOD - _HALF


def gmtime(seconds=None):
    return tuple(_host_time.gmtime((time() if seconds is None else seconds) + _EPOCH_2000)[:8])


localtime = gmtime
