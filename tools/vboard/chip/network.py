# The ESP32's network module: the station interface.

import _board

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204


def hostname(name=None):
    now = _board.call("hostname", name)
    return now if name is None else None


def country(code=None):
    now = _board.call("country", code)
    return now if code is None else None


def ipconfig(param):
    if param != "dns":
        raise ValueError("unexpected key")
    return WLAN().ifconfig()[3]


class WLAN:
    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2

    def __init__(self, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise ValueError("this board's access point interface isn't emulated")

    def active(self, is_active=None):
        return _board.call("wlan_active", is_active)

    def connect(self, ssid=None, key=None, *, bssid=None):
        _board.call("wlan_connect", ssid, key)

    def disconnect(self):
        _board.call("wlan_disconnect")

    def status(self, param=None):
        if param is None:
            return _board.call("wlan_status")
        if param != "rssi":
            raise ValueError("unknown status param")
        return _board.call("wlan_rssi")

    def isconnected(self):
        return _board.call("wlan_status") == STAT_GOT_IP

    def scan(self):
        seconds, found = _board.call("wlan_scan")
        _board.sleep(seconds)
        return [(one[0].encode(), bytes.fromhex(one[1])) + tuple(one[2:]) for one in found]

    def ifconfig(self, config=None):
        address = "127.0.0.1" if self.isconnected() else "0.0.0.0"
        return address, "255.0.0.0", address, address

    def ipconfig(self, param):
        address, mask, gateway, _ = self.ifconfig()
        if param == "addr4":
            return address, mask
        if param == "gw4":
            return gateway
        if param == "dhcp4":
            return self.active()
        raise ValueError("unexpected key")

    def config(self, *param, **settings):
        if param and settings:
            raise TypeError("either pos or kw args are allowed")
        if settings:
            for name in settings:
                self._set(name, settings[name])
            return None
        if len(param) != 1:
            raise TypeError("can query only one param")
        if param[0] in ("hostname", "dhcp_hostname"):
            return hostname()
        return _board.call("wlan_get", param[0])

    def _set(self, name, value):
        if name in ("hostname", "dhcp_hostname"):
            hostname(value)
        elif not _board.call("wlan_set", name, value):
            # ESP_ERR_INVALID_ARG
            raise RuntimeError("Wifi Unknown Error 0x0102")
