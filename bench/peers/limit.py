# No client: a bare socket, packets made beforehand, a tight loop. What no client can beat.

import socket

IMPORTS = ""
WINDOW = 16


class Bare:
    def __init__(self, sock):
        self.sock = sock
        # Packets made so far, by what they carry, and the last identifier given out.
        self.packets = {}
        self.last = 0
        self.handler = None
        # Bytes a message received takes, and those received of one that isn't whole yet.
        self.size = self.pending = 0


def start(host, port, ca=None):
    sock = socket.socket()
    sock.setsockopt(6, 1, 1)  # IPPROTO_TCP, TCP_NODELAY
    sock.connect(socket.getaddrinfo(host, port)[0][-1])
    if ca:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ca)
        sock = context.wrap_socket(sock, server_hostname=host)
    return Bare(sock)


def _hello(name, keep_alive=0):
    name = name.encode()
    head = bytes((16, 12 + len(name))) + b"\0\4MQTT\4\2" + bytes((0, keep_alive))
    return head + bytes((0, len(name))) + name


def open(host, port, name, keep_alive=0, ca=None):
    client = start(host, port, ca)
    client.sock.write(_hello(name, keep_alive))
    client.sock.read(4)
    return client


def _made(client, topic, payload, qos):
    key = (topic, payload, qos)
    if key not in client.packets:
        body = bytes((0, len(topic))) + topic + (b"\0\1" if qos else b"") + payload
        client.packets[key] = bytearray(bytes((48 | qos << 1, len(body))) + body)
    return client.packets[key]


def publish(client, topic, payload, qos):
    client.sock.write(_made(client, topic, payload, qos))
    if qos:
        client.sock.read(4)


def burst(client, topic, payload, qos, count):
    packet = _made(client, topic, payload, qos)
    sock = client.sock
    write = sock.write
    if not qos:
        for _ in range(count):
            write(packet)
        return
    at = 4 + len(topic)
    left = WINDOW
    waiting = 0
    while count or waiting:
        while left and count:
            client.last = client.last % 65535 + 1
            packet[at] = client.last >> 8
            packet[at + 1] = client.last & 255
            write(packet)
            left -= 1
            count -= 1
            waiting += 1
        # All the acknowledgements that are there, four bytes each; a torn one comes whole soon.
        got = sock.recv(4 * waiting)
        while len(got) & 3:
            got += sock.recv(4 - (len(got) & 3))
        left += len(got) >> 2
        waiting -= len(got) >> 2


def first(host, port, name, topic, payload):
    # CONNECT and PUBLISH in one segment.
    client = start(host, port)
    client.sock.write(_hello(name) + bytes(_made(client, topic, payload, 1)))
    client.sock.read(8)
    return client


def listen(client, topic_filter, qos, handler):
    body = b"\0\1" + bytes((0, len(topic_filter))) + topic_filter + bytes((qos,))
    client.sock.write(bytes((0x82, len(body))) + body)
    client.sock.read(5)
    client.handler = handler


def serve(client, wanted):
    # Counts what came by its size, parses nothing and acknowledges nothing.
    sock = client.sock
    while wanted():
        client.pending += len(sock.recv(4096))
        while client.pending >= client.size:
            client.pending -= client.size
            client.handler(None, None)
