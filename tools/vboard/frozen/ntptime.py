# The time from an NTP server (RFC 5905), and the RTC set by it.

import socket
import time as _time

import machine

host = "pool.ntp.org"
# Seconds to wait for the answer.
timeout = 1

_PORT = 123
# Version 4, mode 3: a client.
_REQUEST = b"\x23" + bytes(47)
# Seconds from 1900 to 2000.
_NTP_TO_2000 = 3_155_673_600
# An era of NTP: its seconds have 32 bits and begin anew in 2036. A time before 2024 can only be
# one of the next era.
_ERA = 1 << 32
_EARLIEST = 3_913_056_000


def time():
    # Seconds since 2000, UTC.
    address = socket.getaddrinfo(host, _PORT)[0][-1]
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.settimeout(timeout)
        link.sendto(_REQUEST, address)
        answer = link.recv(48)
    finally:
        link.close()
    # The transmit timestamp's seconds.
    seconds = int.from_bytes(answer[40:44], "big")
    if seconds < _EARLIEST:
        seconds += _ERA
    return seconds - _NTP_TO_2000


def settime():
    y, mo, d, h, mi, s, weekday = _time.gmtime(time())[:7]
    machine.RTC().datetime((y, mo, d, weekday + 1, h, mi, s, 0))
