# MicroPython's time on ESP32: whole seconds since 2000, ticks that wrap at 2**30.

import _board
import utime
from utime import sleep, sleep_ms, sleep_us

_EPOCH_2000 = 946_684_800
_PERIOD = 1 << 30
_HALF = _PERIOD // 2
# The host's microseconds at this board's tick 0.
_zero_us = utime.ticks_us() - _board.call("ticks_us")


def ticks_us():
    return (utime.ticks_us() - _zero_us) & (_PERIOD - 1)


def ticks_ms():
    return (utime.ticks_us() - _zero_us) // 1000 & (_PERIOD - 1)


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & (_PERIOD - 1)


def ticks_diff(end, start):
    return (end - start + _HALF & (_PERIOD - 1)) - _HALF


def time():
    return _board.call("rtc_us") // 1_000_000 - _EPOCH_2000


def time_ns():
    return _board.call("rtc_us") * 1000 - _EPOCH_2000 * 1_000_000_000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else int(seconds)) + _EPOCH_2000)[:8]


localtime = gmtime


def mktime(fields):
    # The host's own goes by its time zone.
    y, mo, d, h, mi, s = fields[:6]
    y, mo = y + (mo - 1) // 12, (mo - 1) % 12 + 1
    years = y - (mo <= 2)
    era_days = years * 365 + years // 4 - years // 100 + years // 400
    days = era_days + (153 * ((mo + 9) % 12) + 2) // 5 + d - 1 - 719_468
    return days * 86_400 + h * 3600 + mi * 60 + s - _EPOCH_2000
