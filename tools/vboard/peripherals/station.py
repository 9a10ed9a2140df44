"""What a program may ask and set of the Wi-Fi station beyond connecting (network.WLAN.config)."""

from ..air import CONNECTING

# How network.hostname() begins before the chip's name (ports/esp32/mpconfigport.h), and its
# greatest length.
HOSTNAME = "mpy-"
HOSTNAME_MAX = 32

# The least and the most that the driver takes (esp_wifi.h): channels of 2.4 GHz, power saving
# modes, dBm.
ALLOWED = {"channel": (1, 14), "pm": (0, 2), "txpower": (2, 20)}

# Parameters that only an access point takes.
OF_ACCESS_POINT = ("ssid", "essid", "key", "password", "hidden", "security", "authmode")


class Station:
    """Settings of one board's station; a hard reset makes them anew, a soft one leaves them."""

    def __init__(self, radio, chip, mac):
        self._radio, self._chip, self._factory_mac = radio, chip, mac
        self.reset()

    def reset(self):
        # What network.hostname() and country() tell, and WLAN.config() by parameter.
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
            self._radio.reconnects = max(0, value + 1)
        elif name in OF_ACCESS_POINT:
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
        lowest, highest = ALLOWED.get(name, (value, value))
        return lowest <= value <= highest

    def set_hostname(self, name):
        if len(name) > HOSTNAME_MAX:
            raise ValueError
        self.hostname = name

    def set_country(self, code):
        if len(code) != 2:
            raise ValueError
        self.country = code

    def scan(self):
        """Returns the seconds it takes, and what is found then, the strongest first.

        Each is (ssid, bssid in hex, channel, rssi, security, hidden). While the station
        associates the driver doesn't scan. Raises OSError: the station isn't active.
        """
        if not self._radio.active:
            raise OSError("STA must be active")
        if self._radio.status == CONNECTING:
            return 0, []
        points = [point for point in list(self._radio.air.access_points.values()) if point.up]
        points.sort(key=lambda point: -point.rssi)
        return self._radio.air.retry_s, [_found(point) for point in points]

    def _check_active(self):
        if not self._radio.active:
            raise OSError("Wifi Not Started")


def _found(point):
    return point.ssid, point.bssid.hex(), point.channel, point.rssi, point.security, False
