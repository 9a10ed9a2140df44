"""A session with what a front would do, by its public names alone: bytes and a clock."""

from mqtt.session import Session, since

ACCEPTED = b"\x20\x02\0\0"
PRESENT = b"\x20\x02\x01\0"


class Wire:
    """What the session says can be read off, what a server says be handed in."""

    def __init__(self, answer=ACCEPTED, clean=True, **options):
        self.now = 0
        # (topic, payload, first byte) of each message, (ticket, outcome) of each answer.
        self.messages = []
        self.done = []
        self.session = Session("id", clean=clean, **options)
        self.session.on_message = self._message
        self.session.on_done = self._finished
        self.connect(answer)

    def _message(self, topic, payload, first):
        self.messages.append((bytes(topic), bytes(payload), first))

    def _finished(self, ticket, outcome):
        self.done.append((ticket, outcome))

    def connect(self, answer=ACCEPTED):
        """A new connection. Returns what went out: CONNECT, and what followed the answer."""
        self.session.open(self.now, "connect")
        out = self.output()
        if answer:
            out += self.input(answer)
            self.done.clear()
        return out

    def reconnect(self, answer=ACCEPTED):
        """Loses the connection and makes a new one; returns the packets that went out."""
        self.session.close()
        return packets(self.connect(answer))

    def output(self):
        """Everything the session wants to send."""
        out = b""
        session = self.session
        while session.tx_len:
            count = session.tx_len
            out += bytes(session.tx[:count])
            session.sent(count, self.now)
        return out

    def input(self, raw):
        """The server sends raw; returns what goes out then."""
        out = b""
        raw = memoryview(raw)
        while True:
            space = self.session.space()
            count = min(len(space), len(raw))
            if count:
                space[:count] = raw[:count]
                raw = raw[count:]
                self.session.received(count, self.now)
            took = self.session.receive(self.now)
            more = self.output()
            out += more
            if not (took or more or len(raw)):
                return out

    def wait(self, ms):
        """Lets time pass as a front would: asleep until it is due. Returns what goes out."""
        out = b""
        end = self.now + ms
        while True:
            left = self.session.tick(self.now)
            out += self.output()
            if since(end, self.now) < left:
                self.now = end
                return out
            self.now += left

    def in_flight(self):
        """How many packets wait for their answer."""
        return len(self.session.flight)

    def publish(self, payload=b"x", qos=1, retain=False, ticket=None):
        return self.session.publish(b"t", payload, qos, retain, self.now, ticket)

    def ask(self, first, *filters):
        """SUBSCRIBE (0x82) or UNSUBSCRIBE (0xA2); returns what goes out."""
        assert self.session.ask(first, list(filters), self.now, "asked")
        return self.output()


def packets(raw):
    """Cuts bytes into (first byte, body) of whole packets."""
    found = []
    while raw:
        size = shift = 0
        pos = 1
        while True:
            byte = raw[pos]
            size |= (byte & 127) << shift
            shift += 7
            pos += 1
            if byte < 128:
                break
        assert len(raw) >= pos + size, "half a packet"
        found.append((raw[0], bytes(raw[pos : pos + size])))
        raw = raw[pos + size :]
    return found


def number(packet_id):
    return bytes((packet_id >> 8, packet_id & 255))


def puback(packet_id):
    return b"\x40\x02" + number(packet_id)


def message(topic=b"t", payload=b"x", first=0x30, packet_id=None):
    """A PUBLISH as a server sends it."""
    body = number(len(topic)) + topic + (b"" if packet_id is None else number(packet_id))
    body += payload
    assert len(body) < 128
    return bytes((first, len(body))) + body


def fields(raw):
    """Cuts bytes into length-prefixed fields, of which nothing may be left."""
    found = []
    while raw:
        size = raw[0] << 8 | raw[1]
        assert len(raw) >= 2 + size, "half a field"
        found.append(bytes(raw[2 : 2 + size]))
        raw = raw[2 + size :]
    return found
