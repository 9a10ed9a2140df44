"""Wi-Fi: joins the network, notices its loss and joins again, for ever."""

import asyncio
import random
import time

import network

# How long the driver may try before it is asked to begin anew, and how often it is looked at.
JOIN_MS = 15_000
LOOK_MS = 50
WATCH_MS = 200
# Pauses between attempts grow from the first to the longest.
PAUSE_MS = 1_000
PAUSE_MAX_MS = 60_000

REASONS = {
    200: "the access point fell silent",
    201: "network not found: check wifi.ssid, distance and 2.4 GHz",
    202: "refused: check wifi.password",
    203: "the access point refused the association",
    204: "handshake timed out: check wifi.password",
}


class Wifi:
    """The station interface, under supervision."""

    def __init__(self, ssid: str, password: str, log=print):
        self._ssid = ssid
        self._password = password or None
        self._log = log
        self._wlan = network.WLAN(network.WLAN.IF_STA)
        # Set while there is an address.
        self.up = asyncio.Event()
        # Called when the network is there, and when it is lost.
        self.on_joined = self.on_lost = _nothing
        # True to have it joined anew.
        self._rejoin = False

    def rssi(self):
        """Returns the signal in dBm, None without Wi-Fi."""
        try:
            return self._wlan.status("rssi")
        except OSError:
            return None

    def rejoin(self):
        """Has the network joined anew though it seems to stand."""
        self._rejoin = True

    async def run(self):
        """Joins and stays joined."""
        pause = PAUSE_MS
        self._wlan.active(True)
        while True:
            if await self._join():
                self._log("wifi: joined %s, %s" % (self._ssid, self._wlan.ifconfig()[0]))
                pause = PAUSE_MS
                self.up.set()
                self.on_joined()
                await self._watch()
            else:
                # The bare pause would bring a house full of nodes back at the same moment.
                wait = pause + random.getrandbits(16) * pause // 65_536
                self._log("wifi: %s; again in %d s" % (self._reason(), wait // 1000))
                self._leave()
                await asyncio.sleep_ms(wait)
                pause = min(2 * pause, PAUSE_MAX_MS)

    async def _join(self):
        # A driver that is still busy would raise "Wifi Internal Error".
        self._leave()
        try:
            self._wlan.connect(self._ssid, self._password)
        except OSError as error:
            self._log("wifi: %r" % error)
            return False
        began = time.ticks_ms()
        while not self._wlan.isconnected():
            waited = time.ticks_diff(time.ticks_ms(), began)
            if waited > JOIN_MS or waited > 5_000 and self._wlan.status() == 202:
                # 202 shows while the driver still tries: once may be bad reception.
                return False
            await asyncio.sleep_ms(LOOK_MS)
        return True

    def _leave(self):
        try:
            self._wlan.disconnect()
        except OSError as error:
            self._log("wifi: %r" % error)

    async def _watch(self):
        self._rejoin = False
        while self._wlan.isconnected() and not self._rejoin:
            await asyncio.sleep_ms(WATCH_MS)
        self.up.clear()
        self._log("wifi: " + ("joined anew" if self._rejoin else "lost: " + self._reason()))
        self.on_lost()

    def _reason(self):
        status = self._wlan.status()
        return REASONS.get(status, "no connection (status %d)" % status)


def _nothing():
    return None
