# A socket that is none, for a MicroPython without sockets, and the count of what a call allocates.
#
# It allocates what a real socket would (the bytes of read and recv) and nothing else.

import gc
import sys


class FakeSocket:
    # What the broker has sent, and how far it was read; one socket at a time.
    incoming = b""
    at = 0
    # Reads that returned bytes: each cost a slice object, too.
    slices = 0

    def __init__(self, *_):
        pass

    def connect(self, address):
        pass

    def setblocking(self, flag):
        pass

    def settimeout(self, seconds):
        pass

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        pass

    def write(self, data, count=-1):
        return len(data) if count < 0 else count

    send = write

    def read(self, count):
        at = FakeSocket.at
        if at >= len(FakeSocket.incoming):
            return None
        FakeSocket.slices += 1
        FakeSocket.at = at + count
        return FakeSocket.incoming[at : at + count]

    recv = read

    def readinto(self, room, count=0):
        incoming = FakeSocket.incoming
        at = FakeSocket.at
        count = min(count or len(room), len(room), len(incoming) - at)
        if not count:
            return None
        for i in range(count):
            room[i] = incoming[at + i]
        FakeSocket.at = at + count
        return count


class Poll:
    def register(self, sock, mask=5):
        self._ready = ((sock, mask),)

    modify = register

    def unregister(self, sock):
        pass

    def poll(self, ms=-1):
        return [(self._ready[0][0], self._ready[0][1])]

    def ipoll(self, ms=-1):
        return self._ready


class Modules:
    # Attributes of socket, select and tls in one.
    AF_INET = 2
    SOCK_STREAM = 1
    POLLIN = 1
    POLLOUT = 4
    POLLERR = 8
    POLLHUP = 16
    PROTOCOL_TLS_CLIENT = 0
    CERT_NONE = 0
    CERT_REQUIRED = 2
    SSLContext = None
    socket = FakeSocket
    poll = Poll

    @staticmethod
    def getaddrinfo(host, port, *_):
        return [(2, 1, 0, "", (host, port))]


for name in ("socket", "usocket", "select", "uselect", "tls", "ssl", "ussl"):
    sys.modules[name] = Modules

TOPIC = b"bench/" + b"t" * 54
PAYLOAD = b"m" * 20
CALLS = 50


def on_message(topic, payload, retain=False, dup=False, qos=0):
    pass


def receive(data):
    FakeSocket.incoming = data
    FakeSocket.at = 0


def publish(peer, client, qos, acks):
    receive(next(acks) if qos else b"")
    peer.publish(client, TOPIC, PAYLOAD, qos)


def taken(peer, client, message):
    receive(message)
    peer.take(client)


def counted(call, *arguments):
    # Bytes a call, without those that only the fake takes.
    for _ in range(4):
        call(*arguments)
    gc.collect()
    gc.disable()
    FakeSocket.slices = 0
    begin = gc.mem_alloc()
    for _ in range(CALLS):
        call(*arguments)
    total = gc.mem_alloc() - begin
    gc.enable()
    return (total - FakeSocket.slices * SLICE) / CALLS


def slice_size():
    # A list that is there already keeps the result from being counted.
    data = b"abcd"
    gc.collect()
    gc.disable()
    begin = gc.mem_alloc()
    for _ in range(CALLS):
        data[1:3]
    total = gc.mem_alloc() - begin
    begin = gc.mem_alloc()
    for _ in range(CALLS):
        bytes(PAIR)
    total -= gc.mem_alloc() - begin
    gc.enable()
    return total // CALLS


PAIR = bytearray(2)
SLICE = slice_size()


def allocations(peer):
    """Returns the bytes allocated a publish and a message received."""
    receive(b"\x20\2\0\0")
    client = peer.open("127.0.0.1", 1883, "bench")
    acks = iter([bytes((0x40, 2, 0, i)) for i in range(1, 200)])
    found = {
        "alloc-publish0": counted(publish, peer, client, 0, acks),
        "alloc-publish1": counted(publish, peer, client, 1, acks),
    }
    head = bytes((0, len(TOPIC))) + TOPIC
    peer.handle(client, on_message)
    for qos, middle in enumerate((b"", b"\0\7")):
        body = head + middle + PAYLOAD
        message = bytes((0x30 | qos << 1, len(body))) + body
        found["alloc-receive" + str(qos)] = counted(taken, peer, client, message)
    return found
