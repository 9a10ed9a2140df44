"""What surrounds a board's antenna: access points, the names behind them and a time server.

Sockets of a board are real sockets of this machine. What the air adds is the loss of them: a board
without power or Wi-Fi sends no FIN, so its peer must find out by itself (see Radio.sever).
"""

import contextlib
import errno
import hashlib
import os
import select
import socket
import threading

from .clock import clock
from .timeserver import TimeServer

# network.WLAN.status() on ESP32 (esp32-specific reason codes of ESP-IDF and STAT_*).
IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
BEACON_TIMEOUT, NO_AP_FOUND, WRONG_PASSWORD, ASSOC_FAIL = 200, 201, 202, 203
# Reason code 8 of IEEE 802.11: the station left, by disconnect().
LEFT = 8


class AccessPoint:
    """One Wi-Fi network. `up` is False while it is gone; `rssi` is in dBm."""

    def __init__(self, ssid, password, rssi=-58, channel=6):
        self.ssid, self.password, self.rssi, self.channel = ssid, password, rssi, channel
        # A locally administered address (IEEE 802), the same for a name in every run.
        self.bssid = b"\x02" + hashlib.sha256(ssid.encode()).digest()[:5]
        self._up = True
        # Radios that are associated or on their way to be.
        self.radios = set()

    @property
    def up(self):
        return self._up

    @up.setter
    def up(self, value):
        before, self._up = self._up, bool(value)
        for radio in list(self.radios):
            if before and not value:
                radio.signal_lost()
            elif value and not before:
                # It has begun anew and knows no station: it tells each that speaks to it.
                radio.deauthenticated()

    @property
    def security(self):
        """As WLAN.scan() shows it: 3 (WPA2) with a password, 0 (open) without."""
        return 3 if self.password else 0

    def kick(self):
        """Deauthenticates every station: they notice at once and associate anew."""
        for radio in list(self.radios):
            radio.deauthenticated()


class Air:
    """The access points in reach and what can be reached through them."""

    def __init__(self, ssid="fieldpost", password="fieldpost-sim"):
        self.access_points = {}
        # Name -> (host, port or None): names that only this air knows; all others are the host's.
        self.hosts = {}
        # Seconds from connect() to an address, and from a lost signal to its being noticed
        # (ESP-IDF gives a silent access point up after 6 s: esp_wifi_set_inactive_time).
        self.association_s = 0.3
        self.beacon_timeout_s = 6.0
        # Seconds from one vain attempt to the next: about what a scan of all channels takes.
        self.retry_s = 2.4
        self._time_server = None
        self.add(AccessPoint(ssid, password))

    def add(self, access_point):
        self.access_points[access_point.ssid] = access_point
        return access_point

    @property
    def ssid(self):
        """The first network's name, for configurations made to fit this air."""
        return next(iter(self.access_points))

    def serve_time(self, name="pool.ntp.org"):
        """Starts a time server (SNTP) on loopback and makes `name` resolve to it."""
        if self._time_server is None:
            self._time_server = TimeServer()
        self.hosts[name] = self._time_server.address
        return self._time_server

    def resolve(self, host, port):
        """Returns the (host, port) that really answers for a name in this air."""
        real_host, real_port = self.hosts.get(host, (host, None))
        return real_host, real_port or port

    def close(self):
        if self._time_server:
            self._time_server.close()
            self._time_server = None


class Radio:
    """The Wi-Fi of one board: station state as the ESP32's driver shows it, and live sockets."""

    def __init__(self, air, clock=clock):
        self.air = air
        self._clock = clock
        # True while the interface is switched on.
        self.active = False
        # (ssid, key) asked for by connect(), None when nothing is wanted; and the last there was.
        self.wanted = None
        self._last = ("", None)
        # True with an address; why the last link or attempt ended, 0 since there is a link.
        self.connected = False
        self._reason = 0
        # Attempts after which the driver gives up; 0: never (WLAN.config(reconnects=n)).
        self.reconnects = 0
        # Links and attempts that failed since connect().
        self._failures = 0
        # The access point the station is associated with.
        self._point = None
        # The pending step of the association, a clock.Call.
        self._step = None
        # Sockets the program has open; those of them that connect and aren't severed; and file
        # descriptors kept open for peers that saw no FIN.
        self.sockets = set()
        self._links = set()
        self._held = []
        self._silence = None
        self._lock = threading.RLock()

    @property
    def status(self):
        """What WLAN.status() shows: some reasons stay visible while the driver goes on trying."""
        if self.connected:
            return GOT_IP
        if self._reason in (NO_AP_FOUND, WRONG_PASSWORD):
            return self._reason
        if self._reason == LEFT:
            return IDLE
        if self.wanted and self._tries_again:
            return CONNECTING
        return self._reason or IDLE

    @property
    def _tries_again(self):
        return not self.reconnects or self._failures < self.reconnects

    # -- what the board asks for

    def set_active(self, value):
        with self._lock:
            if not value:
                self.wanted = None
                self._leave(0)
            self.active = bool(value)

    def connect(self, ssid, key):
        """Starts to associate, without an ssid once more with the last. Raises OSError."""
        with self._lock:
            self._check_active()
            if self._step or self.connected:
                raise OSError("Wifi Internal Error")
            if ssid is not None:
                self._last = (ssid, key)
            self.wanted, self._failures = self._last, 0
            self._attempt()

    def disconnect(self):
        with self._lock:
            self._check_active()
            self.wanted = None
            self._leave(LEFT if self._step or self.connected else self._reason)

    def _check_active(self):
        if not self.active:
            raise OSError("Wifi Not Started")

    def rssi(self):
        """Returns the signal in dBm. Raises OSError when not connected."""
        point = self._point
        if point is None:
            raise OSError("Wifi Not Connected")
        # A signal is never still: a slow swing of 3 dB.
        return point.rssi + int(self._clock.now() / 7) * 5 % 7 - 3

    @property
    def channel(self):
        """The access point's channel, None without one."""
        point = self._point
        return point and point.channel

    @property
    def wanted_ssid(self):
        """The name that connect() was told last, "" before."""
        return self._last[0]

    @property
    def online(self):
        """True while packets get through: an address, and an access point that is there."""
        point = self._point
        return point is not None and point.up

    # -- what the air does to it

    def signal_lost(self):
        """The access point went silent: packets are lost now, the driver notices later."""
        with self._lock:
            self.sever()
            if self.connected:
                self._plan(self.air.beacon_timeout_s, self._lost, BEACON_TIMEOUT)

    def deauthenticated(self):
        with self._lock:
            if self.connected:
                self._lost(ASSOC_FAIL)

    def _lost(self, reason):
        self._leave(reason)
        self._failures += 1
        if self._tries_again:
            self._attempt()

    def _attempt(self):
        self._plan(self.air.association_s, self._associate)

    def _associate(self):
        ssid, key = self.wanted or self._last
        point = self.air.access_points.get(ssid)
        if point is None or not point.up:
            self._failed(NO_AP_FOUND)
        elif point.password != key:
            self._failed(WRONG_PASSWORD)
        else:
            self._point, self._reason, self.connected = point, 0, True
            point.radios.add(self)
            if not point.up:
                # It went meanwhile, and didn't know of this station.
                self.signal_lost()

    def _failed(self, reason):
        self._reason = reason
        self._failures += 1
        if self._tries_again:
            self._plan(self.air.retry_s, self._attempt)

    def _leave(self, reason):
        self.sever()
        if self._step:
            self._step.cancel()
            self._step = None
        if self._point:
            self._point.radios.discard(self)
        self._point, self._reason, self.connected = None, reason, False

    def _plan(self, delay, step, *args):
        def run():
            with self._lock:
                # Unless something else came first.
                if self._step is call:
                    self._step = None
                    step(*args)

        if self._step:
            self._step.cancel()
        call = self._step = self._clock.call_later(delay, run)

    # -- sockets

    def open(self, family, kind):
        """Returns a new real socket that this radio carries."""
        with self._lock:
            made = socket.socket(family, kind)
            made.setblocking(False)
            self.sockets.add(made)
            return made

    def connect_socket(self, sock, address):
        """Begins to connect; returns an error code. From now on the socket can be severed."""
        with self._lock:
            if not self.online:
                return errno.EHOSTUNREACH
            if sock.fileno() < 0:
                return errno.EBADF
            self._links.add(sock)
            return sock.connect_ex(address)

    def close_socket(self, sock):
        with self._lock:
            self.sockets.discard(sock)
            self._links.discard(sock)
            sock.close()

    def close_sockets(self):
        """Closes what is open as a program's end does: the peers of live links see it."""
        with self._lock:
            for sock in list(self.sockets):
                self.close_socket(sock)

    def sever(self):
        """Cuts every link off without a FIN: nothing goes out or comes in any more.

        The board's file descriptor is made to name a socket on which nothing ever happens; the
        real connection stays open, unserved, under another descriptor, as it would at a peer of a
        board that lost its power.
        """
        with self._lock:
            if not self._links:
                return
            silence = self._silence = self._silence or Silence()
            for sock in self._links:
                if sock.type == socket.SOCK_STREAM:
                    self._held.append(os.dup(sock.fileno()))
                silence.replace(sock)
            self._links.clear()
            self._drop_ended()

    def _drop_ended(self):
        # The peer gave these up: nobody is left to whom a FIN could say anything.
        poller = select.poll()
        for fd in self._held:
            poller.register(fd, getattr(select, "POLLRDHUP", 0))
        for fd, _ in poller.poll(0):
            os.close(fd)
            self._held.remove(fd)

    def power_off(self):
        with self._lock:
            self.set_active(False)
            self.reconnects = 0
            self._last = ("", None)

    def close(self):
        """Closes what is left, at the end of the board's life."""
        self.power_off()
        self.close_sockets()
        for fd in self._held:
            os.close(fd)
        self._held.clear()
        if self._silence:
            self._silence.close()
            self._silence = None


class Silence:
    """Sockets that stand for connections into the void: they take what fits and give nothing."""

    def __init__(self):
        # For a link that stood, and for one that was still connecting: that never gets writable.
        self._pairs = socket.socketpair(), socket.socketpair()
        for pair in self._pairs:
            for end in pair:
                end.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._pairs[1][0].send(bytes(65_536))

    def replace(self, sock):
        """Makes a socket's file descriptor name this silence."""
        stood, connecting = self._pairs
        try:
            sock.getpeername()
            pair = stood
        except OSError:
            pair = connecting
        with contextlib.suppress(BlockingIOError):
            # What earlier links sent into it would leave this one less room.
            while stood[1].recv(65_536):
                pass
        os.dup2(pair[0].fileno(), sock.fileno(), inheritable=False)

    def close(self):
        for pair in self._pairs:
            for end in pair:
                end.close()
