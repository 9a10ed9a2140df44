"""The session against a model of a broker and a network that loses, doubles, reorders, delays.

Whatever the network does, each message taken at QoS 1 is in the end acknowledged exactly once to
the application, was received by the broker, and no packet ever broke a rule of the standard.
"""

import struct

from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mqtt.packet import ProtocolError
from mqtt.session import Overdue, Session

WINDOW = 4


class Broker:
    """Reads what the session sends, by the standard's letter, and answers."""

    def __init__(self):
        self.raw = b""
        # Payloads received at QoS 1 in the order of their first arrival.
        self.received = []
        # Identifier -> payload received with it last: a resend keeps its identifier (4.4).
        self.known = {}
        # Of those, what came in a session that is gone: to the new one it is new.
        self.forgotten = set()
        self.answers = []
        self.connected = False
        self.session = False
        self.pings = 0

    def read(self, raw):
        self.raw += raw
        while (size := self.whole()) is not None:
            body = self.raw[self.head : self.head + size]
            first, self.raw = self.raw[0], self.raw[self.head + size :]
            self.take(first, body)

    def whole(self):
        value = 0
        for i, byte in enumerate(self.raw[1:5]):
            value |= (byte & 127) << 7 * i
            if byte < 128:
                self.head = i + 2
                return value if len(self.raw) >= self.head + value else None
        return None

    def take(self, first, body):
        assert (first == 0x10) != self.connected, "CONNECT first and only once"
        if first == 0x10:
            self.connected = True
            self.seen = []
        elif first >> 4 == 3:
            self.publish(first, body)
        elif first == 0x82:
            self.answers.append(b"\x90\x03" + body[:2] + b"\x01")
        elif first == 0xC0:
            self.pings += 1
            self.answers.append(b"\xd0\0")
        else:
            assert first == 0x40 and len(body) == 2

    def publish(self, first, body):
        width = struct.unpack_from(">H", body)[0]
        assert body[2 : 2 + width] == b"t"
        if not first & 2:
            assert not first & 8
            return
        packet_id = struct.unpack_from(">H", body, 2 + width)[0]
        payload = body[4 + width :]
        assert packet_id
        if payload not in self.seen:
            # On each connection in the order in which the application gave them (4.6).
            assert not self.seen or payload > self.seen[-1]
            self.seen.append(payload)
        assert payload not in self.received or self.known.get(packet_id) == payload
        if payload in self.received:
            assert first & 8 or payload in self.forgotten, "sent again without DUP"
            self.forgotten.discard(payload)
        else:
            assert not self.received or payload > self.received[-1]
            self.received.append(payload)
        self.known[packet_id] = payload
        self.answers.append(b"\x40\x02" + struct.pack(">H", packet_id))


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 2**30 - 50_000
        self.session = Session("id", clean=False, keep_alive=60, window=WINDOW, buffer=64)
        self.session.on_done = self.done
        self.session.on_message = self.message
        self.broker = Broker()
        self.count = 0
        # What the application waits for, in the order it was taken.
        self.waiting = []
        self.acknowledged = []
        self.delivered = []
        # Bytes on the wire, each way.
        self.up = b""
        self.down = []
        self.open = False

    @initialize(early=st.booleans())
    def begin(self, early):
        self.session.early = early

    # What the application sees

    def done(self, ticket, outcome):
        if ticket == "subscribe":
            assert outcome == b"\x01"
            return
        if ticket == "connect":
            assert outcome == self.session.present
            return
        assert ticket in self.waiting
        self.waiting.remove(ticket)
        self.acknowledged.append(ticket)
        assert ticket in self.broker.received

    def message(self, topic, payload, first):
        self.delivered.append(bytes(payload))

    def lost(self):
        self.open = False
        self.session.close()
        self.up = b""
        self.down = []
        self.broker.raw = b""
        self.broker.answers = []
        self.broker.connected = False

    def guarded(self, function, *args):
        try:
            return function(*args)
        except (Overdue, ProtocolError) as error:
            assert isinstance(error, Overdue), error
            self.lost()

    # What happens

    @precondition(lambda self: not self.open)
    @rule()
    def connect(self):
        self.session.open(self.now, "connect")
        self.open = True

    @rule(size=st.sampled_from([1, 10, 40, 90, 300]))
    def publish(self, size):
        self.count += 1
        payload = b"%06d" % self.count + b"." * size
        assert self.session.publish(b"t", payload, 1, False, self.now, payload)
        self.waiting.append(payload)

    @rule()
    def publish_qos_0(self):
        self.session.publish(b"t", b"plain", 0, False, self.now)

    @precondition(lambda self: self.session.connected)
    @rule()
    def subscribe(self):
        self.session.ask(0x82, [(b"f", 1)], self.now, "subscribe")

    @rule(count=st.integers(1, 64))
    def socket_takes(self, count):
        count = min(count, self.session.tx_len)
        self.up += bytes(self.session.tx[:count])
        self.session.sent(count, self.now)

    @rule(count=st.integers(1, 200))
    def network_up(self, count):
        was = self.broker.connected
        self.broker.read(self.up[:count])
        self.up = self.up[count:]
        if self.broker.connected and not was:
            self.down.append(b"\x20\x02\x01\0" if self.broker.session else b"\x20\x02\0\0")
            self.broker.session = True
        if self.session.connected:
            self.down += self.broker.answers
            self.broker.answers = []

    @precondition(lambda self: self.session.connected and self.down)
    @rule(data=st.data())
    def broker_loses_an_answer(self, data):
        self.down.pop(data.draw(st.integers(0, len(self.down) - 1)))

    @precondition(lambda self: self.session.connected and self.down)
    @rule(data=st.data())
    def broker_doubles_an_answer(self, data):
        self.down.append(data.draw(st.sampled_from(self.down)))

    @precondition(lambda self: self.session.connected)
    @rule(packet_id=st.just(0) | st.integers(40_000, 65_535))
    def broker_acknowledges_what_was_never_sent(self, packet_id):
        self.down.append(b"\x40\x02" + struct.pack(">H", packet_id))

    @precondition(lambda self: self.session.connected and len(self.down) > 1)
    @rule(data=st.data())
    def broker_reorders_answers(self, data):
        self.down = data.draw(st.permutations(self.down))

    @precondition(lambda self: self.session.connected)
    @rule(size=st.sampled_from([1, 30, 500]), packet_id=st.integers(1, 65_535))
    def broker_publishes(self, size, packet_id):
        body = b"\0\x01t" + struct.pack(">H", packet_id) + b"m" * size
        length = bytes((len(body),)) if len(body) < 128 else bytes((len(body) & 127 | 128,
                                                                    len(body) >> 7))  # fmt: skip
        self.down.append(b"\x32" + length + body)

    @rule(pieces=st.integers(1, 5), step=st.integers(1, 64))
    def network_down(self, pieces, step):
        raw = b"".join(self.down[:pieces])
        self.down = self.down[pieces:]
        while raw and self.open:
            space = self.session.space()
            count = min(step, len(space), len(raw))
            space[:count] = raw[:count]
            raw = raw[count:]
            self.session.received(count, self.now)
            self.guarded(self.receive_all)

    def receive_all(self):
        while self.session.receive(self.now) or self.session.tx_len:
            self.socket_takes(64)

    @rule(ms=st.sampled_from([1, 100, 3000, 9999, 20_000]))
    def time_passes(self, ms):
        self.now += ms
        left = self.guarded(self.session.tick, self.now)
        assert left is None or 0 < left <= self.session.response_ms

    @precondition(lambda self: self.open)
    @rule()
    def link_breaks(self):
        self.lost()

    @precondition(lambda self: not self.open)
    @rule()
    def broker_forgets_the_session(self):
        self.broker.session = False
        self.broker.forgotten = set(self.broker.received)

    @invariant()
    def the_window_is_right(self):
        publishes = [entry for entry in self.session.flight if entry[1] >> 4 == 3]
        assert len({entry[0] for entry in self.session.flight}) == len(self.session.flight)
        assert [entry[4] for entry in publishes] == self.waiting
        assert self.session._next <= WINDOW + 1

    def teardown(self):
        """The network becomes good: everything is acknowledged, in one connection."""
        if self.open:
            self.lost()
        self.connect()
        order = list(self.waiting)
        for _ in range(400):
            self.socket_takes(64)
            self.network_up(200)
            self.network_down(5, 64)
        assert not self.waiting
        assert self.acknowledged[len(self.acknowledged) - len(order) :] == order


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSession = Machine.TestCase
