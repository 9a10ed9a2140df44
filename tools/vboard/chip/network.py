# The ESP32's network module: the station interface.

import _board

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204

_hostname = "mpy-esp32"


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name) > 32:
        raise ValueError
    _hostname = name


def country(code=None):
    return "XX" if code is None else None


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
        if param == "rssi":
            return _board.call("wlan_rssi")
        return _board.call("wlan_status")

    def isconnected(self):
        return _board.call("wlan_status") == STAT_GOT_IP

    def ifconfig(self, config=None):
        address = "127.0.0.1" if self.isconnected() else "0.0.0.0"
        return address, "255.0.0.0", address, address

    def config(self, *param, **settings):
        if not param:
            if "reconnects" in settings:
                count = settings["reconnects"]
                _board.call("wlan_reconnects", 0 if count < 0 else count + 1)
            return None
        if param[0] == "mac":
            return _board.call("unique_id")
        if param[0] == "reconnects":
            return _board.call("wlan_reconnects") - 1
        raise ValueError("unknown config param")
