# MicroPython's time on ESP32: whole seconds since 2000.
#
# Ticks are the host's, which don't wrap within a life: asyncio's own queue, in C, counts by them.
# Where time leaps (_leaps.py) the program's are ahead of these: what that queue takes in as due
# now counts as due long ago, and runs at once.

import utime
from _board import sleep, sleep_us, ticks_ms, ticks_us
from _clock import _EPOCH_2000, mktime, time, time_ns
from utime import ticks_add, ticks_cpu, ticks_diff


def sleep_ms(ms):
    sleep_us(ms * 1000)


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else int(seconds)) + _EPOCH_2000)[:8]


localtime = gmtime
