"""A session with what a front would do, for the engine's tests."""

from mqtt.session import Session, since

ACCEPTED = b"\x20\x02\0\0"
PRESENT = b"\x20\x02\x01\0"


class Line:
    """A session with what a front would do: collects its output, hands it input."""

    def __init__(self, answer=ACCEPTED, now=0, **options):
        options.setdefault("clean", answer is not PRESENT)
        self.now = now
        self.messages = []
        self.done = []
        self.session = Session("id", **options)
        self.session.on_message = self.message
        self.session.on_done = self.finished
        self.connect(answer)

    def message(self, topic, payload, first):
        self.messages.append((bytes(topic), bytes(payload), first))

    def finished(self, ticket, outcome):
        self.done.append((ticket, outcome))

    def connect(self, answer=ACCEPTED):
        self.session.open(self.now)
        assert self.output()[0] == 0x10
        if answer:
            self.input(answer)
            self.done.clear()

    def output(self):
        """Everything the session wants to send."""
        out = b""
        session = self.session
        while session.tx_len:
            out += bytes(session.tx[: session.tx_len])
            session.sent(session.tx_len, self.now)
        return out

    def input(self, raw, step=None):
        """The server sends raw, in pieces of `step` bytes; returns what is answered."""
        out = b""
        raw = memoryview(raw)
        while len(raw):
            space = self.session.space()
            count = min(len(space), len(raw), step or len(raw))
            space[:count] = raw[:count]
            raw = raw[count:]
            self.session.received(count, self.now)
            while self.session.receive(self.now) or self.session.tx_len:
                out += self.output()
        return out + self.output()

    def wait(self, ms):
        """Lets time pass as a front would: asleep until it is due. Returns what is sent."""
        out = b""
        end = self.now + ms
        while True:
            left = self.session.tick(self.now)
            assert left > 0
            out += self.output()
            if since(end, self.now) < left:
                self.now = end
                return out
            self.now += left

    def publish(self, payload=b"x", qos=1, ticket=None):
        return self.session.publish(b"t", payload, qos, False, self.now, ticket)


def packet(payload, packet_id, dup=False):
    return (
        bytes((0x3A if dup else 0x32, 5 + len(payload), 0, 1))
        + b"t"
        + bytes((packet_id >> 8, packet_id & 255))
        + payload
    )


def puback(packet_id):
    return bytes((0x40, 2, packet_id >> 8, packet_id & 255))
