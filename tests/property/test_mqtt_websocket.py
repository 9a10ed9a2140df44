"""WebSocket under MQTT: any frames, split in any way, read and written in any pieces."""

from contextlib import suppress

from hypothesis import given, strategies as st

from mqtt.packet import ProtocolError
from mqtt.websocket import Stream, frame

PAYLOADS = st.binary(max_size=300)
NOTES = st.binary(max_size=125)
# Control frames that may stand anywhere: a ping, or a pong nobody asked for.
CONTROLS = st.lists(st.tuples(st.sampled_from((9, 10)), NOTES), max_size=3)


class Socket:
    """Gives `raw` in the pieces that `cuts` says (0: nothing yet), takes what `rooms` says."""

    def __init__(self, raw=b"", cuts=(), rooms=()):
        self.raw, self.cuts, self.rooms = raw, list(cuts), list(rooms)
        self.written = b""

    def readinto(self, buf, size=None):
        size = len(buf) if size is None else min(size, len(buf))
        if self.cuts:
            size = min(size, self.cuts.pop())
            if not size:
                return None
        piece, self.raw = self.raw[:size], self.raw[size:]
        buf[: len(piece)] = piece
        return len(piece)

    def write(self, buf, start, size):
        if self.rooms:
            size = min(size, self.rooms.pop())
        self.written += bytes(memoryview(buf)[start : start + size])
        return size or None

    def close(self):
        pass


def server(opcode, payload, final=True):
    size = len(payload)
    head = bytes((opcode | final << 7, size if size < 126 else 126))
    return head + (size.to_bytes(2, "big") if size > 125 else b"") + payload


def unframe(raw):
    """Returns what the frames of a client say, and whether the last one is whole."""
    frames = []
    while len(raw) >= 6:
        size, pos = raw[1] & 127, 2
        assert raw[0] & 0xF0 == 0x80 and raw[1] & 0x80
        if size == 126:
            size, pos = int.from_bytes(raw[2:4], "big"), 4
        key, body = raw[pos : pos + 4], raw[pos + 4 : pos + 4 + size]
        if len(body) < size:
            break
        frames.append((raw[0] & 15, bytes(byte ^ key[i % 4] for i, byte in enumerate(body))))
        raw = raw[pos + 4 + size :]
    return frames, not raw


@st.composite
def messages(draw):
    """Returns (bytes of a server, payloads in them, payloads of the pings)."""
    raw, data, pings = b"", b"", []
    for parts in draw(st.lists(st.lists(PAYLOADS, min_size=1, max_size=4), max_size=6)):
        for i, part in enumerate(parts):
            for opcode, note in draw(CONTROLS):
                raw += server(opcode, note)
                if opcode == 9:
                    pings.append(note)
            raw += server(0 if i else 2, part, i == len(parts) - 1)
            data += part
    return raw, data, pings


def read_all(stream, sizes):
    got = b""
    turn = 0
    while True:
        buf = bytearray(sizes[turn % len(sizes)])
        turn += 1
        count = stream.readinto(buf)
        if count == 0:
            return got
        got += bytes(buf[: count or 0])


CUTS = st.lists(st.integers(0, 40), max_size=200)
SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=5)


@given(messages(), CUTS, SIZES, st.lists(st.integers(0, 20), max_size=60))
def test_any_frames_in_any_pieces_give_their_payloads(given_, cuts, sizes, rooms):
    raw, data, pings = given_
    sock = Socket(raw, cuts, rooms)
    stream = Stream(sock, 125)
    assert read_all(stream, sizes) == data
    while not stream._settled():
        pass
    assert unframe(sock.written) == ([(10, note) for note in pings], True)
    stream.close()


@given(st.binary(max_size=2000), st.integers(125, 700), st.lists(st.integers(0, 90), max_size=80))
def test_what_is_written_arrives_once_and_in_order(payload, buffer, rooms):
    sock = Socket(rooms=rooms)
    stream = Stream(sock, buffer)
    done = 0
    while done < len(payload):
        done += stream.write(payload[done:]) or 0
    frames, whole = unframe(sock.written)
    assert whole and {opcode for opcode, _ in frames} <= {2}
    assert b"".join(body for _, body in frames) == payload
    stream.close()


@given(messages(), st.binary(min_size=1, max_size=1500), CUTS, st.data())
def test_reading_and_writing_in_any_order(given_, payload, cuts, data):
    raw, expected, pings = given_
    sock = Socket(raw, cuts, data.draw(st.lists(st.integers(0, 30), max_size=100)))
    stream = Stream(sock, 125)
    got, done, ended = b"", 0, False
    turns = data.draw(st.lists(st.booleans(), max_size=100))
    while not ended or done < len(payload):
        if (turns.pop() if turns else ended) and done < len(payload):
            done += stream.write(payload[done:]) or 0
        elif not ended:
            buf = bytearray(64)
            count = stream.readinto(buf)
            ended = count == 0
            got += bytes(buf[: count or 0])
        else:
            turns = []
    while not stream._settled():
        pass
    frames, whole = unframe(sock.written)
    assert whole and got == expected
    assert b"".join(body for opcode, body in frames if opcode == 2) == payload
    assert [body for opcode, body in frames if opcode == 10] == pings
    stream.close()


@given(st.binary(max_size=600), CUTS)
def test_any_bytes_are_data_an_end_or_a_fault(raw, cuts):
    stream = Stream(Socket(raw, cuts), 125)
    with suppress(ProtocolError):
        assert len(read_all(stream, [50])) <= len(raw)
    stream.close()


@given(messages(), st.integers(0, 5000), SIZES)
def test_an_end_anywhere_is_an_end(given_, cut, sizes):
    raw, data, _ = given_
    stream = Stream(Socket(raw[:cut]), 125)
    assert data.startswith(read_all(stream, sizes))
    stream.close()


@given(st.binary(max_size=400), st.binary(min_size=4, max_size=4), st.integers(0, 11))
def test_a_frame_unmasks_to_its_payload(payload, key, opcode):
    out = bytearray(len(payload) + 8)
    end = frame(out, opcode, payload, len(payload), key)
    assert unframe(bytes(out[:end])) == ([(opcode, payload)], True)
