"""Time: the only room that knows epochs and sets the RTC.

SNTP (RFC 4330) by a socket that doesn't block: `ntptime` waits up to a second in one call. (To
resolve the server's name does block, as any resolving in MicroPython.)
"""

import asyncio
import random
import socket
import struct
import time

import machine

# Milliseconds from 1970 to the interpreter's own epoch: 2000 on ESP32, 1970 elsewhere.
_EPOCH_MS = 946_684_800_000 if time.gmtime(0)[0] == 2000 else 0
# Seconds from 1900, where NTP counts from, to 1970.
_NTP = 2_208_988_800
# A clock that shows a time before 2025 was never set.
_SET_MS = 1_735_689_600_000

ANSWER_MS = 1_000
PERIOD_MS = 6 * 3_600_000


class Clock:
    """UTC in ms since 1970, and a running time that never wraps."""

    def __init__(self, server: str, log=print):
        self._server = server
        self._log = log
        # Set when the time is known or the first attempt to get it has failed.
        self.settled = asyncio.Event()
        # Running time so far and the ticks it was brought up to (ticks wrap after 12 days).
        self._uptime = 0
        self._ticks = time.ticks_ms()
        if self.now() is not None:
            # The RTC went on through a reset or a sleep.
            self.settled.set()

    def now(self):
        """Returns UTC in ms since 1970, None while it isn't known."""
        now = time.time_ns() // 1_000_000 + _EPOCH_MS
        return now if now >= _SET_MS else None

    def uptime(self) -> int:
        """Returns ms since the start; to be asked at least every 6 days: keep() does."""
        ticks = time.ticks_ms()
        self._uptime += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._uptime

    def at(self, uptime: int):
        """Returns the UTC ms of a moment of the running time, None while it isn't known."""
        now = self.now()
        return None if now is None else now - (self.uptime() - uptime)

    async def keep(self):
        """Keeps the running time from missing a wrap of the ticks."""
        while True:
            self.uptime()
            await asyncio.sleep_ms(3_600_000)

    async def run(self, wait_online):
        """Keeps the time: sets it as soon as there is a network, and again every 6 hours."""
        pause = 2_000
        while True:
            await wait_online()
            try:
                self._set(await self._ask())
                pause = PERIOD_MS
            except (OSError, asyncio.TimeoutError) as error:
                if self.now() is None:
                    self._log("clock: no answer from %s (%r): trying on" % (self._server, error))
                pause = min(pause * 2, 600_000) if pause < PERIOD_MS else 60_000
            self.settled.set()
            await asyncio.sleep_ms(pause + random.getrandbits(10))

    def _set(self, now):
        fields = time.gmtime((now - _EPOCH_MS) // 1000)
        y, mo, d, h, mi, s = fields[:6]
        machine.RTC().datetime((y, mo, d, fields[6], h, mi, s, now % 1000 * 1000))

    async def _ask(self):
        address = socket.getaddrinfo(self._server, 123, 0, socket.SOCK_DGRAM)[0][-1]
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            # The transmit time comes back in the answer: it tells ours from a forged or old one.
            request = bytearray(48)
            request[0] = 0x23  # version 4, client
            request[40:48] = bytes(random.getrandbits(8) for _ in range(8))
            sent = time.ticks_ms()
            sock.sendto(request, address)
            return await asyncio.wait_for_ms(_answer(sock, request, sent), ANSWER_MS)
        finally:
            sock.close()


async def _answer(sock, request, sent):
    stream = asyncio.StreamReader(sock)
    reply = bytearray(48)
    while True:
        if await stream.readinto(reply) == 48 and _good(reply, request):
            seconds, fraction = struct.unpack_from("!II", reply, 40)
            # RFC 4330, 3: from 2036 on the count begins anew.
            seconds += 0 if seconds & 0x8000_0000 else 1 << 32
            half_way = time.ticks_diff(time.ticks_ms(), sent) // 2
            return (seconds - _NTP) * 1000 + (fraction * 1000 >> 32) + half_way


def _good(reply, request):
    # RFC 4330, 5: an answer to this request, of a server (4) that knows the time itself (leap
    # indicator 3 says that it doesn't, stratum 0 that it won't, a time of 0 that there is none).
    server = reply[0] & 7 == 4 and reply[0] >> 6 != 3 and 0 < reply[1] < 16
    return server and reply[24:32] == request[40:48] and any(reply[40:44])
