"""On MicroPython, before an example runs: its brokers and its Wi-Fi are those of the test.

`places.json` says which port of this machine a "host:port" of the example leads to.
"""

import json
import socket as real
import sys


class Socket:
    """In place of the module socket. It knows no other names, so nobody else is ever asked."""

    socket = real.socket
    SOCK_STREAM = real.SOCK_STREAM

    @staticmethod
    def getaddrinfo(host, port, *rest):
        with open("places.json") as file:
            places = json.load(file)
        return real.getaddrinfo("127.0.0.1", places["%s:%d" % (host, port)], *rest)


class Network:
    """In place of the module network: a Wi-Fi that is up."""

    STA_IF = 0

    class WLAN:
        def __init__(self, interface):
            pass

        def isconnected(self):
            return True


sys.modules["socket"] = Socket
sys.modules["network"] = Network
