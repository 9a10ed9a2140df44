"""The rows of the table: what is measured, of whom, and what ours must be."""

from dataclasses import dataclass, field

PEERS = ("simple", "simple2", "robust2", "chumicro")
LIMIT = "limit"
# Ours: mqtt.simple and mqtt.client.
BLOCKING, ASYNCIO = "ours", "ours_async"
CLIENTS = (*PEERS, BLOCKING, ASYNCIO)
ALL = (*CLIENTS, LIMIT)


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    # What ours must be, by front.
    bars: dict = field(default_factory=dict)
    who: tuple = ALL
    # More is better.
    high: bool = False
    # Digits behind the point that are shown, and compared with the bar.
    digits: int = 0


def both(blocking, asyncio=None):
    return {BLOCKING: blocking, ASYNCIO: blocking if asyncio is None else asyncio}


ROWS = (
    Row("link-rate", "QoS 1 publishes/s, 50 ms, window 16", both(300), high=True),
    Row("link-segments", "QoS 0, idle link of 50 ms: segments", both(1), digits=1),
    Row("link-arrival", "QoS 0, idle link of 50 ms: arrival, ms", both(25.3), digits=1),
    Row("link-first", "connect + first QoS 1, 50 ms: ms", both(105)),
    Row("rate", "QoS 1 publishes/s, loopback, window 16", both(40_000, 20_000), high=True),
    Row("cost", "CPU a publish, QoS 0: us", both(4, 12), digits=1),
    Row(
        "receive0",
        "CPU a message received, QoS 0: us",
        {BLOCKING: 7},
        (*PEERS, BLOCKING, LIMIT),
        digits=1,
    ),
    Row(
        "receive1",
        "CPU a message received, QoS 1: us",
        {BLOCKING: 14},
        (*PEERS, BLOCKING, LIMIT),
        digits=1,
    ),
    Row(
        "alloc-publish0",
        "bytes allocated a publish, QoS 0 (32-bit)",
        {BLOCKING: 0},
        (*PEERS, BLOCKING),
    ),
    Row(
        "alloc-publish1",
        "bytes allocated a publish, QoS 1 (32-bit)",
        {BLOCKING: 32},
        (*PEERS, BLOCKING),
    ),
    Row(
        "alloc-receive0",
        "bytes allocated a message, QoS 0 (32-bit)",
        {BLOCKING: 32},
        (*PEERS, BLOCKING),
    ),
    Row(
        "alloc-receive1",
        "bytes allocated a message, QoS 1 (32-bit)",
        {BLOCKING: 32},
        (*PEERS, BLOCKING),
    ),
    Row("idle", "bytes allocated a second, idle (64-bit)", {ASYNCIO: 200}, (ASYNCIO,)),
    Row("size", ".mpy bytes", both(6_000, 9_500), CLIENTS),
    Row("ram", "RAM after import (32-bit)", both(7_500, 11_500), CLIENTS),
    Row("fin", "publishing again after FIN: s", both(0.2), CLIENTS, digits=2),
    Row("rst", "publishing again after RST: s", both(0.2), CLIENTS, digits=2),
    Row("stall", "publishing again after a stall: s", both(5), CLIENTS, digits=1),
    Row("hole", "publishing again after a black hole: s", both(5), CLIENTS, digits=1),
    Row("tls-rsa", "TLS connect, loopback, RSA: ms", both(10), digits=1),
    Row("tls-ec", "TLS connect, loopback, EC: ms", both(10), digits=1),
)
BY_KEY = {row.key: row for row in ROWS}

# Without a limit of a bare socket: what no client can go below.
FLOORS = {f"alloc-{what}{qos}": 0 for what in ("publish", "receive") for qos in (0, 1)}
