# MicroPython's time on ESP32: whole seconds since 2000.
#
# Ticks are the host's, which don't wrap within a life: asyncio's own queue, in C, counts by them.

import _board
import utime
from _board import sleep, sleep_us
from utime import ticks_add, ticks_cpu, ticks_diff, ticks_ms, ticks_us

_EPOCH_2000 = 946_684_800


def sleep_ms(ms):
    sleep_us(ms * 1000)


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
