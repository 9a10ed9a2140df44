"""Transports: how a client gets a connection. TLS and WebSocket are files of their own beside it.

A transport is `async connect(host, port, timeout_ms)`, which returns a non-blocking socket, or
anything with its `write(buf, n)`, `readinto(buf)` and `close()` that asyncio can wait on. Both
return None where they would block.
"""

import asyncio
import select
import socket
import time
from errno import EINPROGRESS, ETIMEDOUT

# Numbers that are the same on every port spare their names: SOCK_STREAM 1, IPPROTO_TCP 6,
# TCP_NODELAY 1 (MicroPython has none for these two), POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 16.


async def ready(sock, mask, start, timeout_ms):
    """Waits for those events and returns which came. Raises OSError timeout_ms after start."""
    poll = select.poll()
    poll.register(sock, mask)
    while not (found := poll.poll(0)):
        waited = time.ticks_diff(time.ticks_ms(), start)
        if waited >= timeout_ms:
            raise OSError(ETIMEDOUT)
        # Fine at first, so that a near broker is not kept waiting; coarse later.
        await asyncio.sleep_ms(1 + (waited >> 5))
    return found[0][1]


async def tcp(host: str, port: int, timeout_ms: int):
    """Connects by TCP: resolves the name and tries each address. Raises OSError.

    The name is resolved before the time runs, for no port resolves without blocking.
    """
    found = socket.getaddrinfo(host, port, 0, 1)
    start = time.ticks_ms()
    limit = 0
    for info in found:
        # Each address may use its part of the time, and what those before it left.
        limit += timeout_ms // len(found)
        sock = socket.socket(*info[:3])
        try:
            sock.setblocking(False)
            sock.setsockopt(6, 1, 1)  # small packets go at once
            try:
                sock.connect(info[-1])
            except OSError as error:
                if error.errno != EINPROGRESS:
                    raise
            if await ready(sock, 4, start, limit) & 24:
                sock.read(1)  # raises what made it fail
            return sock
        except BaseException as error:
            sock.close()
            if info is found[-1] or not isinstance(error, OSError):
                raise
