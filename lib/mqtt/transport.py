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


async def tcp(host: str, port: int, timeout_ms: int):
    """Connects by TCP: resolves the name and tries each address. Raises OSError.

    The name is resolved before the time runs, for no port resolves without blocking.
    """
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    start = time.ticks_ms()
    for i, info in enumerate(found):
        sock = socket.socket(info[0], info[1], info[2])
        try:
            # Each address may use its part of the time that is left.
            left = timeout_ms - time.ticks_diff(time.ticks_ms(), start)
            await _connected(sock, info[-1], left // (len(found) - i))
            return sock
        except OSError as error:
            sock.close()
            if i == len(found) - 1:
                raise error
        except asyncio.CancelledError:
            sock.close()
            raise
    raise OSError(ETIMEDOUT)


async def _connected(sock, address, timeout_ms):
    sock.setblocking(False)
    # IPPROTO_TCP and TCP_NODELAY, for which MicroPython has no names: small packets go at once.
    sock.setsockopt(6, 1, 1)
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno != EINPROGRESS:
            raise error
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    start = time.ticks_ms()
    while not (found := poll.poll(0)):
        waited = time.ticks_diff(time.ticks_ms(), start)
        if waited >= timeout_ms:
            raise OSError(ETIMEDOUT)
        # Fine at first, so that a near broker is not kept waiting; coarse later.
        await asyncio.sleep_ms(1 + (waited >> 5))
    if found[0][1] & (select.POLLERR | select.POLLHUP):
        sock.read(1)  # raises what made it fail
        raise OSError(ETIMEDOUT)
