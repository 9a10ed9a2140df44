"""Bare MQTT on the host: bytes of packets, a watcher of what arrives, a source of messages."""

import socket
import struct
import threading
import time


def field(data):
    return struct.pack("!H", len(data)) + data


def packet(first, body):
    """Returns a packet of less than 16 KiB."""
    size = len(body)
    length = bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))
    return bytes((first,)) + length + body


def connect(name):
    return packet(0x10, field(b"MQTT") + b"\x04\x02\0\0" + field(name))


def publish(topic, payload, qos=0, packet_id=1):
    middle = struct.pack("!H", packet_id) if qos else b""
    return packet(0x30 | qos << 1, field(topic) + middle + payload)


def split(data):
    """Returns the whole packets in data as (first byte, body), and the rest."""
    found = []
    at = 0
    while True:
        size = shift = 0
        pos = at + 1
        while pos < len(data):
            size |= (data[pos] & 127) << shift
            shift += 7
            pos += 1
            if not data[pos - 1] & 128:
                break
        else:
            return found, data[at:]
        if pos + size > len(data):
            return found, data[at:]
        found.append((data[at], data[pos : pos + size]))
        at = pos + size


def opened(address, name):
    """Returns a socket that a broker has accepted as client `name`."""
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(connect(name))
    answer = sock.recv(4)
    if answer != b"\x20\x02\0\0":
        raise ConnectionError(f"the broker answered {answer!r} to {name!r}")
    return sock


class Watcher:
    """Notes what arrives at the broker, from a connection of its own."""

    def __init__(self, address, topic_filter=b"bench/#"):
        # (time.time_ns(), topic, payload) of each.
        self.seen = []
        self._sock = opened(address, b"watcher")
        self._sock.sendall(packet(0x82, b"\0\1" + field(topic_filter) + b"\0"))
        self._rest = b""
        while not self._take():
            pass
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _take(self):
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("the broker has gone")
        now = time.time_ns()
        packets, self._rest = split(self._rest + data)
        for first, body in packets:
            if first >> 4 == 3:
                end = 2 + struct.unpack("!H", body[:2])[0]
                self.seen.append((now, body[2:end], body[end:]))
        return packets

    def _run(self):
        try:
            while True:
                self._take()
        except OSError:
            pass

    def of(self, topic):
        """Returns (time.time_ns(), payload) of what came under a topic."""
        return [(when, payload) for when, name, payload in self.seen[:] if name == topic]

    def close(self):
        self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()


def flood(address, topic, payload, qos, count):
    """Publishes a message so many times as fast as the broker takes it."""
    with opened(address, b"source") as sock:
        # Acknowledgements have to be taken, or the broker stops.
        reader = threading.Thread(target=_discard, args=(sock,), daemon=True)
        reader.start()
        ids = range(1, count + 1) if qos else [0] * count
        for begin in range(0, count, 1000):
            some = ids[begin : begin + 1000]
            sock.sendall(b"".join(publish(topic, payload, qos, one) for one in some))
        sock.sendall(b"\xe0\0")
        reader.join()


def _discard(sock):
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass
