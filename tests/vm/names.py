"""In place of `socket` in a client: knows localhost by itself, for not every system does.

A new Debian has no /etc/hosts. Certificates need a name, and no test may ask the network for it.
"""

import socket as real

SOCK_STREAM = real.SOCK_STREAM
socket = real.socket


def getaddrinfo(host, *rest):
    return real.getaddrinfo("127.0.0.1" if host == "localhost" else host, *rest)
