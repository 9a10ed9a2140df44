"""How mqtt.transport.tcp connects, on MicroPython: addresses, time limits, the sockets it leaves.

    micropython tests/vm/transport_tcp.py NAME LIVE FULL

LIVE is the port of a server, FULL that of one that answers no more; port 1 refuses.
"""

import asyncio
import socket
import sys
from errno import ECONNREFUSED, ETIMEDOUT
from time import ticks_diff, ticks_ms

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/../../lib")

from mqtt import transport  # noqa: E402

HOST = "127.0.0.1"
DEAD = 1


class Module:
    """In place of `socket`: a name has the addresses of these ports; keeps what was made."""

    SOCK_STREAM = socket.SOCK_STREAM
    ports = ()
    asked = []
    made = []

    @staticmethod
    def getaddrinfo(host, port, *rest):
        Module.asked.append(host)
        return [socket.getaddrinfo(HOST, one, *rest)[0] for one in Module.ports]

    @staticmethod
    def socket(*kind):
        Module.made.append(socket.socket(*kind))
        return Module.made[-1]


transport.socket = Module


async def connect(*ports, timeout_ms=10_000):
    """Returns (socket or OSError, ms it took)."""
    Module.ports = ports
    start = ticks_ms()
    try:
        result = await transport.tcp("broker.example", 1883, timeout_ms)
    except OSError as error:
        result = error
    return result, ticks_diff(ticks_ms(), start)


def closed():
    """Which of the sockets made are closed."""
    return [sock.fileno() == -1 for sock in Module.made]


async def each_address_is_tried(live, full):
    sock, ms = await connect(DEAD, DEAD, live)
    assert sock.write(b"x") == 1 and ms < 1000
    assert closed() == [True, True, False]


async def the_last_error_is_raised(live, full):
    error, ms = await connect(DEAD, DEAD)
    assert error.errno == ECONNREFUSED and ms < 1000, error
    assert closed() == [True, True]


async def each_address_has_its_part_of_the_time(live, full):
    sock, ms = await connect(full, live, timeout_ms=600)
    assert sock.write(b"x") == 1 and 300 <= ms < 590, ms
    assert closed() == [True, False]


async def time_left_over_goes_to_the_next(live, full):
    error, ms = await connect(DEAD, full, timeout_ms=600)
    assert error.errno == ETIMEDOUT and 600 <= ms < 1500, (error, ms)


async def the_time_limit_stops_nobody(live, full):
    steps = []

    async def others():
        while True:
            steps.append(ticks_ms())
            await asyncio.sleep_ms(5)

    task = asyncio.create_task(others())
    error, ms = await connect(full, timeout_ms=300)
    task.cancel()
    assert error.errno == ETIMEDOUT and 300 <= ms < 1000, (error, ms)
    assert len(steps) > 10 and closed() == [True]


async def a_cancelled_one_leaves_no_socket(live, full):
    # More addresses follow, and are not tried.
    task = asyncio.create_task(connect(full, live))
    while not Module.made:
        await asyncio.sleep_ms(0)
    task.cancel()
    try:
        await task
        raise AssertionError("it was not cancelled")
    except asyncio.CancelledError:
        pass
    assert closed() == [True]


async def the_name_is_resolved_each_time(live, full):
    for _ in range(2):
        await connect(live)
    assert Module.asked == ["broker.example"] * 2


asyncio.run(globals()[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3])))
print("ok")
