# What of MicroPython's time counts from an epoch: 2000 on ESP32, in whole seconds.

import _board

# From 1970 to 2000, s.
_EPOCH_2000 = 946_684_800


def time():
    return _board.call("rtc_us") // 1_000_000 - _EPOCH_2000


def time_ns():
    return _board.call("rtc_us") * 1000 - _EPOCH_2000 * 1_000_000_000


def mktime(fields):
    y, mo, d, h, mi, s = fields[:6]
    # Days since 1970 of a date in the Gregorian calendar, for any month count.
    y, mo = y + (mo - 1) // 12, (mo - 1) % 12 + 1
    years = y - (mo <= 2)
    era_days = years * 365 + years // 4 - years // 100 + years // 400
    days = era_days + (153 * ((mo + 9) % 12) + 2) // 5 + d - 1 - 719_468
    return days * 86_400 + h * 3600 + mi * 60 + s - _EPOCH_2000
