"""A time server for the boards of one air."""

import socket
import struct
import threading
import time

from .clock import clock

# Seconds between 1900 (NTP) and 1970 (RFC 5905, figure 4).
NTP_TO_UNIX = 2_208_988_800


class TimeServer:
    """SNTP server (RFC 4330) on a free loopback port, telling this machine's time."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        # False: requests stay without an answer.
        self.answers = True
        # Whose leaps its time makes as well.
        self.clock = clock
        # Leap indicator: 3 says that the server doesn't know the time itself.
        self.leap = 0
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="vboard-ntp", daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._closing:
            request, peer = self._socket.recvfrom(512)
            if self.answers and len(request) >= 48:
                self._answer(request, peer)

    def _answer(self, request, peer):
        now = time.time() + self.clock.ahead + NTP_TO_UNIX
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        # Version 4, mode 4 (server), stratum 1; the client's transmit time is returned.
        head = struct.pack("!BBbbII4s", self.leap << 6 | 0x24, 1, 6, -20, 0, 0, b"SIM\0")
        reply = head + stamp + request[40:48] + stamp + stamp
        try:
            self._socket.sendto(reply, peer)
        except OSError:
            # The board's socket is gone; a server doesn't mind.
            return

    def close(self):
        # Closing a socket wakes nobody who waits for it.
        self._closing = True
        self._socket.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()
