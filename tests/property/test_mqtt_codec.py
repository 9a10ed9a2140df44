"""The codec against an independent reading of the standard, and against any input at all."""

import struct

from hypothesis import given, strategies as st

from mqtt import packet
from mqtt.packet import ProtocolError
from mqtt.session import Refused, Session
from mqtt.topic import text

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
names = texts.filter(bool).map(str.encode)
ids = st.integers(1, 65_535)


def field(raw, pos):
    size = struct.unpack_from(">H", raw, pos)[0]
    return raw[pos + 2 : pos + 2 + size], pos + 2 + size


def split(raw):
    """First byte and body of one packet, which must be all of raw."""
    size = shift = pos = 0
    for pos in range(1, 5):
        size |= (raw[pos] & 127) << shift
        shift += 7
        if raw[pos] < 128:
            break
    assert len(raw) == pos + 1 + size
    return raw[0], raw[pos + 1 :]


wills = st.none() | st.tuples(
    names.filter(lambda n: b"+" not in n and b"#" not in n),
    st.binary(max_size=60),
    st.integers(0, 2),
    st.booleans(),
)


@given(texts.filter(bool), st.none() | texts, st.binary(max_size=60), st.integers(0, 65_535),
       st.booleans(), wills)  # fmt: skip
def test_connect(client_id, user, password, keep_alive, clean, will):
    password = None if user is None or not password else password
    first, body = split(packet.connect((client_id, user, password, keep_alive, clean, will)))
    assert first == 0x10 and body[:7] == b"\0\x04MQTT\x04"
    flags = body[7]
    assert struct.unpack_from(">H", body, 8)[0] == keep_alive
    value, pos = field(body, 10)
    assert value.decode() == client_id and bool(flags & 2) == clean and not flags & 1
    if will:
        assert flags & 4 and flags >> 3 & 3 == will[2] and bool(flags & 32) == will[3]
        for expected in will[:2]:
            value, pos = field(body, pos)
            assert value == expected
    else:
        assert not flags & 0x3C
    for bit, expected in ((128, None if user is None else user.encode()), (64, password)):
        assert bool(flags & bit) == (expected is not None)
        if expected is not None:
            value, pos = field(body, pos)
            assert value == expected
    assert pos == len(body)


def link(buffer=256, **options):
    """A connected session, with what it received and acknowledged in lists."""
    session = Session("id", clean=False, buffer=buffer, **options)
    got = []
    session.on_message = lambda topic, payload, first: got.append(
        (bytes(topic), bytes(payload), first)
    )
    session.on_done = lambda ticket, outcome: got.append((ticket, outcome))
    session.open(0)
    output(session)
    give(session, b"\x20\x02\0\0")
    got.clear()
    return session, got


def output(session):
    out = b""
    while session.tx_len:
        out += bytes(session.tx[: session.tx_len])
        session.sent(session.tx_len, 0)
    return out


def give(session, raw):
    """The server sends raw; returns what it is answered."""
    out = b""
    while raw:
        space = session.space()
        count = min(len(space), len(raw))
        space[:count] = raw[:count]
        raw = raw[count:]
        session.received(count, 0)
        while session.receive(0) or session.tx_len:
            out += output(session)
    return out


@given(names, st.integers(0, 1), st.booleans(), ids, st.binary(max_size=3000))
def test_publish_there_and_back(topic, qos, retain, last, payload):
    session, got = link()
    session._last_id = last
    packet_id = session.publish(topic, payload, qos, retain, 0, "ticket")
    raw = output(session)
    first, body = split(raw)
    assert first == 0x30 | qos << 1 | retain
    value, pos = field(body, 0)
    assert value == topic
    if qos:
        assert struct.unpack_from(">H", body, pos)[0] == packet_id == last % 65_535 + 1
        pos += 2
    assert body[pos:] == payload
    # What it sends it can receive as well.
    other, received = link(buffer=4000)
    answer = give(other, raw)
    assert received == [(topic, payload, first)]
    assert answer == (b"\x40\x02" + struct.pack(">H", packet_id) if qos else b"")
    give(session, answer)
    assert got == ([("ticket", None)] if qos else [])


@given(ids, st.lists(st.tuples(names, st.integers(0, 2)), min_size=1, max_size=8), st.booleans())
def test_requests(packet_id, filters, subscribe):
    raw = packet.request(0x82 if subscribe else 0xA2, packet_id, filters)
    first, body = split(raw)
    assert first == (0x82 if subscribe else 0xA2)
    assert struct.unpack_from(">H", body)[0] == packet_id
    pos = 2
    for name, qos in filters:
        value, pos = field(body, pos)
        assert value == name
        if subscribe:
            assert body[pos] == qos
            pos += 1
    assert pos == len(body)


@given(st.binary(max_size=6))
def test_length_of_any_bytes(raw):
    session, got = link(buffer=64)
    space = session.space()
    space[: len(raw) + 1] = b"\x31" + raw
    session.received(len(raw) + 1, 0)
    size = sum((byte & 127) << 7 * i for i, byte in enumerate(raw[:4]))
    ends = any(byte < 128 for byte in raw[:4])
    try:
        taken = session.receive(0)
    except ProtocolError:
        assert not ends and len(raw) >= 4 or ends
    else:
        assert not taken or ends and (size <= len(raw) or size > 60)


@given(st.binary(max_size=300))
def test_text_takes_exactly_what_python_can_decode(raw):
    try:
        raw.decode()
        good = b"\0" not in raw
    except UnicodeDecodeError:
        good = False
    try:
        assert text(raw) == raw
    except ValueError:
        assert not good
    else:
        assert good


def broken(pieces):
    """Packets as a server might send them, some of them cut, changed or made up."""
    return b"".join(pieces)


server_packets = st.one_of(
    st.binary(max_size=20),
    st.builds(lambda i: b"\x40\x02" + struct.pack(">H", i), st.integers(0, 10)),
    st.builds(
        lambda i, c: b"\x90" + bytes((2 + len(c),)) + struct.pack(">H", i) + c,
        st.integers(0, 10),
        st.binary(max_size=3),
    ),  # fmt: skip
    st.builds(lambda i: b"\xb0\x02" + struct.pack(">H", i), st.integers(0, 10)),
    st.just(b"\xd0\0"),
    st.just(b"\x20\x02\0\0"),
    st.builds(
        lambda f, t, p: (
            bytes((0x30 | f,)) + length_of(2 + len(t) + len(p)) + struct.pack(">H", len(t)) + t + p
        ),
        st.integers(0, 15),
        st.binary(max_size=150),
        st.binary(max_size=150),
    ),  # fmt: skip
)


def length_of(value):
    out = b""
    while value > 127:
        out += bytes((value & 127 | 128,))
        value >>= 7
    return out + bytes((value,))


@given(st.lists(server_packets, max_size=12).map(broken), st.lists(st.integers(1, 40), min_size=1),
       st.booleans())  # fmt: skip
def test_no_input_makes_the_session_raise_anything_else_or_grow(raw, steps, accepted):
    session = Session("id", clean=False, buffer=64, window=2)
    session.on_message = lambda topic, payload, first: bytes(topic) + bytes(payload)
    session.on_done = lambda ticket, outcome: None
    session.open(0)
    session.sent(session.tx_len, 0)
    session.publish(b"t", b"x", 1, False, 0)
    if accepted:
        raw = b"\x20\x02\x01\0" + raw
    try:
        position = turn = 0
        while position < len(raw):
            space = session.space()
            assert 0 < len(space) <= 64
            count = min(len(space), steps[turn % len(steps)], len(raw) - position)
            space[:count] = raw[position : position + count]
            position += count
            turn += 1
            session.received(count, 0)
            if session.connected and len(session.flight) < 4:
                session.ask(0x82, [(b"a", 1)], 0)
            while session.receive(0) or session.tx_len:
                session.sent(session.tx_len, 0)
            session.sent(session.tx_len, 0)
    except (ProtocolError, Refused) as error:
        assert len(str(error)) > 10
    assert len(session._rx) == len(session.tx) == 64
