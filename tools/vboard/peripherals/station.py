"""What a program may ask and set of the Wi-Fi station beyond connecting (network.WLAN.config)."""

from ..air import CONNECTING

# network.hostname() by chip (ports/esp32/mpconfigport.h), and its greatest length.
HOSTNAME = "mpy-"
HOSTNAME_MAX = 32

# What the driver takes (esp_wifi.h): channels of 2.4 GHz, power saving modes, dBm.
ALLOWED = {"channel": range(1, 15), "pm": range(3), "txpower": range(2, 21)}

NOT_STARTED = "Wifi Not Started"


class Station:
    """Settings of one board's station; a hard reset makes them anew, a soft one leaves them."""

    def __init__(self, radio, chip, mac):
        self._radio, self._chip, self._factory_mac = radio, chip, mac
        self.reset()

    def reset(self):
        self.hostname = HOSTNAME + self._chip
        self.country = "XX"
        self._settings = {"mac": self._factory_mac, "pm": 1, "txpower": 20.0, "channel": 1}

    def get(self, name):
        """Returns a parameter of WLAN.config(). Raises ValueError, OSError."""
        if name == "channel":
            self._check_active()
            return self._radio.channel or self._settings[name]
        if name in ("ssid", "essid"):
            return self._radio.wanted_ssid
        if name == "reconnects":
            return self._radio.reconnects - 1
        if name in ("hidden", "security", "authmode"):
            raise OSError("AP required")
        if name not in self._settings:
            raise ValueError("unknown config param")
        return self._settings[name]

    def set(self, name, value):
        """Sets a parameter of WLAN.config(); returns False if the driver refuses the value.

        Raises ValueError, OSError.
        """
        if name == "reconnects":
            # -1: without end, which the driver counts as 0.
            self._radio.reconnects = 0 if value == -1 else value + 1
        elif name in ("ssid", "essid", "key", "password", "hidden", "security", "authmode"):
            raise OSError("AP required")
        elif name not in self._settings:
            raise ValueError("unknown config param")
        elif not self._takes(name, value):
            return False
        else:
            self._settings[name] = value
        return True

    def _takes(self, name, value):
        if name == "mac" and len(value) != 6:
            raise ValueError("invalid buffer length")
        if name == "channel":
            self._check_active()
        return name == "mac" or value in ALLOWED[name]

    def set_hostname(self, name):
        if len(name) > HOSTNAME_MAX:
            raise ValueError
        self.hostname = name

    def set_country(self, code):
        if len(code) != 2:
            raise ValueError
        self.country = code

    def scan(self):
        """Returns (ssid, bssid, channel, rssi, security, hidden) a network, strongest first.

        None are found while the station associates. Raises OSError: it isn't active.
        """
        if not self._radio.active:
            raise OSError("STA must be active")
        if self._radio.status == CONNECTING:
            return []
        points = [point for point in list(self._radio.air.access_points.values()) if point.up]
        points.sort(key=lambda point: -point.rssi)
        return [_found(point) for point in points]

    def _check_active(self):
        if not self._radio.active:
            raise OSError(NOT_STARTED)


def _found(point):
    ssid = point.ssid.encode()[:32]
    return ssid, point.bssid, point.channel, point.rssi, point.security, False
