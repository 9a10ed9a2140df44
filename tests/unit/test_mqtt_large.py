"""Messages larger than the buffer, both ways, by bytes and clock."""

from mqtt_line import ACCEPTED, PRESENT, Line, packet, puback

from mqtt.large import Source
from mqtt.packet import Overdue, ProtocolError
from raises import raises


class File:
    """An open file that says when it was closed, and gives at most `most` bytes a read."""

    def __init__(self, raw, most=1000):
        self.raw = raw
        self.most = most
        self.closed = False

    def read(self, size):
        size = min(size, self.most)
        part, self.raw = self.raw[:size], self.raw[size:]
        return part

    def close(self):
        self.closed = True


def letters(size):
    return bytes(97 + i % 26 for i in range(size))


def in_parts(raw, width):
    for i in range(0, len(raw), width):
        yield raw[i : i + width]


def sent(line, payload, qos, **options):
    assert line.publish(payload, qos, **options)
    return line.output()


# Sending


def test_a_source_goes_out_as_its_bytes_would():
    # Around where the length takes another byte, and where the buffer is full.
    for size in list(range(70)) + [119, 120, 121, 122, 123, 124, 125, 1000]:
        raw = letters(size)
        for qos in (0, 1):
            for width in (1, 7, 1000):
                source = Source(size, lambda: in_parts(raw, width))
                expected = sent(Line(buffer=64), raw, qos)
                line = Line(buffer=64)
                assert sent(line, source, qos) == expected, (size, qos, width)
                assert sent(line, b"next", 0) == b"\x30\x07\0\x01tnext"


def test_a_file_is_read_to_its_size_and_closed():
    for size, most in ((10, 1000), (500, 1000), (500, 33)):
        file = File(letters(size) + b"and more", most)
        line = Line(buffer=64)
        assert sent(line, Source(size, lambda: file), 1).endswith(letters(size))
        assert file.closed and not file.raw.startswith(b"a" * 9)


def test_a_source_is_begun_anew_each_time_it_is_sent():
    begun = []

    def begin():
        begun.append(1)
        return in_parts(letters(300), 50)

    line = Line(PRESENT, buffer=64, clean=False)
    whole = sent(line, Source(300, begin), 1)
    line.publish(b"behind")
    line.output()
    assert len(begun) == 1
    session = line.session
    for _ in range(3):
        session.close()
        session.open(line.now)
        line.output()
        session.space()[:4] = PRESENT
        session.received(4, line.now)
        assert session.receive(line.now)
        # Cut in the middle.
        session.sent(session.tx_len, line.now)
        assert session.tx_len == 64
    assert len(begun) == 4
    session.close()
    session.open(line.now)
    line.output()
    out = line.input(PRESENT)
    assert out == b"\x3a" + whole[1:] + packet(b"behind", 2, True)
    assert len(begun) == 5 and line.input(puback(1) + puback(2)) == b""
    assert not session.flight


def test_a_source_is_repeated_once_whole_when_its_answer_is_overdue():
    line = Line(buffer=64)
    source = Source(300, lambda: in_parts(letters(300), 50))
    whole = sent(line, source, 1)
    assert line.wait(10_001) == b"\x3a" + whole[1:]
    raises(Overdue, line.wait, 10_001)


def test_what_has_a_time_limit_has_it_from_the_end_of_a_long_upload():
    line = Line(buffer=64, keep_alive=10)
    line.publish(b"first")
    line.publish(Source(2000, lambda: in_parts(letters(2000), 50)))
    session = line.session
    whole = b""
    # A slow reader: far longer than an answer has, and than the keep alive.
    while session.tx_len:
        whole += bytes(session.tx[: min(10, session.tx_len)])
        session.sent(min(10, session.tx_len), line.now)
        line.now += 200
        session.tick(line.now)
    assert line.now > 40_000
    expected = Line(buffer=64)
    expected.publish(b"first")
    expected.publish(letters(2000))
    # A ping is due, for nothing was heard since.
    assert whole == expected.output() + b"\xc0\0"
    # Neither a repeat nor the end: the first had no time to be answered before it.
    assert session.tick(line.now) > 0 and not session.tx_len
    assert line.input(puback(1) + puback(2)) == b"" and not session.flight


def test_input_during_an_upload():
    line = Line(buffer=64)
    line.publish(b"first", ticket="first")
    line.publish(Source(1000, lambda: in_parts(letters(1000), 50)))
    session = line.session
    session.sent(12, line.now)
    raw = puback(1) + b"\x30\x04\0\x01tx" + packet(b"y", 7)
    space = session.space()
    space[: len(raw)] = raw
    session.received(len(raw), line.now)
    while session.receive(line.now):
        pass
    # An acknowledgement and QoS 0 need no room; its own acknowledgement waits for it.
    assert line.done == [("first", None)] and len(line.messages) == 1
    whole = line.output()
    assert whole.endswith(letters(1000)[-60:])
    assert session.receive(line.now) and line.output() == puback(7) and len(line.messages) == 2


def test_a_size_that_no_packet_has():
    for size in (-1, 268_369_917, 1 << 40):
        raises(ValueError, Source, size, None)
    line = Line(buffer=64)
    line.publish(Source(268_369_916, lambda: (b"x" * 50 for _ in range(9_999_999))), 0)
    assert bytes(line.session.tx[:5]) == b"\x30\xff\xff\xfb\x7f"


def test_a_source_that_ends_early_is_said():
    for size, given in ((300, 200), (300, 0), (20, 10), (20, 0)):
        for begin in (lambda: in_parts(letters(given), 50), lambda: File(letters(given))):
            line = Line(buffer=64)

            def send():
                line.publish(Source(size, begin), 0)
                line.output()

            error = raises(OSError, send)
            assert "before its size" in str(error)


def test_nothing_follows_within_a_packet_that_was_broken_off():
    for source in (
        Source(20, lambda: in_parts(letters(5), 5)),
        Source(300, lambda: in_parts(letters(5), 5)),
    ):
        line = Line(buffer=64)
        try:
            line.publish(source, 0)
        except OSError:
            pass
        out = b""
        session = line.session
        try:
            line.publish(b"follows", 0)
            while session.tx_len:
                out += bytes(session.tx[: session.tx_len])
                session.sent(session.tx_len, line.now)
        except (OSError, ValueError):
            pass
        assert b"follows" not in out, out


# Receiving


def large(topic, payload, packet_id=b""):
    size = 2 + len(topic) + len(packet_id) + len(payload)
    first = 0x32 if packet_id else 0x30
    head = bytes((first, size & 127 | 128, size >> 7, 0, len(topic)))
    return head + topic + packet_id + payload


def test_a_piece_may_be_answered_at_once():
    line = Line(buffer=64)
    got = []

    def piece(topic, part, offset, size):
        got.append(bytes(part))
        if not offset:
            line.publish(b"begun")
        if offset + len(part) == size:
            line.publish(b"whole")

    line.session.on_piece = piece
    out = line.input(large(b"t", letters(300), b"\0\x09") + b"\x30\x04\0\x01tx", 30)
    assert b"".join(got) == letters(300) and line.messages == [(b"t", b"x", 0x30)]
    assert out == packet(b"begun", 1) + puback(9) + packet(b"whole", 2)


def test_large_ones_one_after_the_other():
    raw = b"".join(large(b"t%d" % i, letters(100 + i), b"\0%c" % (i + 1)) for i in range(5))
    for step in (1, 5, 64):
        got = []
        line = Line(buffer=64)
        line.session.on_piece = lambda *args: got.append(
            (args[0], bytes(args[1]), args[2], args[3])
        )
        assert line.input(raw, step) == b"".join(puback(i + 1) for i in range(5))
        for i in range(5):
            mine = [one for one in got if one[0] == "t%d" % i]
            assert b"".join(one[1] for one in mine) == letters(100 + i)
            assert all(one[3] == 100 + i for one in mine) and mine[0][2] == 0


def test_what_takes_pieces_may_come_and_go():
    line = Line(ACCEPTED, buffer=64)
    got = []

    def piece(topic, part, offset, size):
        got.append(bytes(part))

    raw = large(b"t", letters(300))
    line.input(raw)
    line.session.on_piece = piece
    line.input(raw)
    assert b"".join(got) == letters(300)
    line.session.on_piece = None
    line.input(raw)
    assert b"".join(got) == letters(300)


def test_a_piece_that_raises_goes_to_the_front_unacknowledged():
    line = Line(buffer=64)

    def piece(topic, part, offset, size):
        raise ValueError("no room on the flash")

    line.session.on_piece = piece
    error = raises(ValueError, line.input, large(b"t", letters(300), b"\0\x09"))
    assert "flash" in str(error) and b"\x40\x02\0\x09" not in line.output()


def test_a_large_message_to_what_is_no_topic_name_is_a_violation():
    for topic in (b"a/#", b"+", b"a\0b", b"\xff\xfe"):
        line = Line(buffer=64)
        line.session.on_piece = lambda *args: None
        raises(ProtocolError, line.input, large(topic, letters(300)))
