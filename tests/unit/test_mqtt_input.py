"""The engine: requests and what is received. Numbers in names: defects of other clients."""

from mqtt_line import ACCEPTED, PRESENT, Line, packet, puback

from mqtt.packet import ProtocolError
from mqtt.session import Overdue
from raises import raises

# Subscribing


def test_7_the_outcome_of_each_filter_is_data():
    line = Line()
    assert line.session.ask(0x82, [(b"a", 1), (b"b/#", 0), (b"c", 1)], 0, "sub")
    assert line.output() == b"\x82\x10\0\x01\0\x01a\x01\0\x03b/#\0\0\x01c\x01"
    line.input(b"\x90\x05\0\x01\x01\x80\0")
    assert line.done == [("sub", b"\x01\x80\0")] and line.session.connected


def test_requests_are_answered_in_any_order():
    line = Line(answer=None)
    assert not line.session.ask(0x82, [(b"a", 0)], 0)
    line.input(ACCEPTED)
    line.done.clear()
    assert line.session.ask(0x82, [(b"a", 0)], 0, "sub") == 1
    assert line.session.ask(0xA2, [(b"a", 0)], 0, "un") == 2
    assert line.output() == b"\x82\x06\0\x01\0\x01a\0" + b"\xa2\x05\0\x02\0\x01a"
    line.input(b"\xb0\x02\0\x02" + b"\x90\x03\0\x01\0")
    assert line.done == [("un", None), ("sub", b"\0")]


def test_a_request_is_repeated_once_and_ends_with_the_link():
    line = Line()
    line.session.ask(0x82, [(b"a", 0)], 0, "sub")
    first = line.output()
    assert line.wait(10_001) == first
    raises(Overdue, line.wait, 10_001)
    assert line.session.close() == ["sub"]
    line.connect()
    assert line.output() == b"" and line.session.close() == []


def test_a_request_waits_for_room_in_its_order():
    line = Line(buffer=64)
    line.publish(b"0123456789" * 4)
    assert line.session.ask(0x82, [(b"a" * 30, 0)], 0, "sub")
    line.publish(b"later")
    out = line.output()
    assert out.startswith(packet(b"0123456789" * 4, 1) + b"\x82")
    assert out.endswith(packet(b"later", 3))
    line.input(b"\x90\x03\0\x02\0" + puback(1) + puback(3))
    assert line.done[0] == ("sub", b"\0") and not line.session.flight


def test_a_request_answered_before_it_went_out_again():
    line = Line(buffer=64)
    line.publish(b"0123456789" * 4)
    line.session.ask(0x82, [(b"a" * 30, 0)], 0, "sub")
    space = line.session.space()
    space[:5] = b"\x90\x03\0\x02\0"
    line.session.received(5, 0)
    line.session.receive(0)
    assert line.output() == packet(b"0123456789" * 4, 1)
    assert line.done == [("sub", b"\0")]


def test_answers_to_nothing_do_no_harm():
    line = Line()
    line.input(b"\x90\x03\0\x01\0" + b"\xb0\x02\0\x01" + b"\xd0\0" + b"\xb0\x02\0\0")
    line.session.ask(0x82, [(b"a", 0)], 0)
    line.output()
    line.input(b"\xb0\x02\0\x01")  # an UNSUBACK does not answer a SUBSCRIBE
    assert not line.done
    line.input(b"\x90\x03\0\x01\0")
    line.session.ask(0xA2, [(b"a", 0)], 0, "un")
    line.input(b"\xb0\x02\0\x02")
    line.input(b"\xb0\x02\0\0" + b"\xb0\x02\0\x02")
    assert line.done[1:] == [("un", None)]


def test_publishes_skip_the_identifier_of_a_request():
    line = Line(window=2)
    line.session.ask(0x82, [(b"a", 0)], 0)
    line.session._last_id = 0
    assert line.publish() == 2


def test_more_filters_than_the_buffer_holds_go_out_in_pieces():
    line = Line(buffer=64)
    line.session.ask(0x82, [(b"filter%d" % i, 0) for i in range(9)], 0)
    filters = b"".join(b"\0\x07filter%d\0" % i for i in range(9))
    assert line.output() == b"\x82\x5c\0\x01" + filters


# Receiving


def test_messages_with_their_flags():
    line = Line()
    out = line.input(b"\x31\x04\0\x01tx" + b"\x3a\x05\0\x01t\x12\x34" + b"\x30\x03\0\x01t")
    assert line.messages == [(b"t", b"x", 0x31), (b"t", b"", 0x3A), (b"t", b"", 0x30)]
    assert out == puback(0x1234)


def test_one_byte_at_a_time():
    line = Line()
    line.publish(ticket="a")
    out = line.input(packet(b"hello", 9) + puback(1) + b"\x31\x04\0\x01tx", 1)
    assert out == packet(b"x", 1) + puback(9)
    assert [m[1] for m in line.messages] == [b"hello", b"x"] and line.done == [("a", None)]


def test_a_message_that_just_fits_and_one_that_does_not():
    for step in (None, 1, 63):
        line = Line(buffer=64)
        line.input(b"\x30\x3e\0\x01t" + b"y" * 59, step)
        assert len(line.messages) == 1
        line.input(b"\x30\x3f\0\x01t" + b"y" * 60, step)
        line.input(b"\x30\x04\0\x01tx", step)
        assert len(line.messages) == 2 and line.messages[1][1] == b"x"


BIG = b"\x32\xd5\x0f\0\x05topic\x12\x34" + b"z" * 1996


def test_10_a_message_larger_than_the_buffer_is_passed_over_and_acknowledged():
    for step in (None, 1, 3, 64):
        line = Line(buffer=64)
        out = line.input(BIG + b"\x30\x04\0\x01tx" + BIG, step)
        assert out == puback(0x1234) * 2
        assert line.messages == [(b"t", b"x", 0x30)]


def test_10_a_topic_larger_than_the_buffer_is_passed_over_too():
    for on_piece in (None, "never called"):
        line = Line(buffer=64)
        line.session.on_piece = on_piece
        raw = b"\x32\x84\x02\x01\0" + b"t" * 256 + b"\0\x09"
        out = line.input(raw + b"\x30\x04\0\x01tx", 7)
        assert out == puback(9) and line.messages == [(b"t", b"x", 0x30)]


def test_a_large_message_in_pieces():
    body = bytes(i & 255 for i in range(1996))
    for step in (None, 1, 3, 64):
        line = Line(buffer=64)
        got = bytearray()

        def piece(topic, part, offset, size, got=got):
            assert topic == "topic" and size == 1996 and 0 < len(part) <= 64
            assert offset == len(got)
            got.extend(part)

        line.session.on_piece = piece
        raw = b"\x32\xd5\x0f\0\x05topic\x12\x34" + body
        assert line.input(raw + b"\x30\x04\0\x01tx", step) == puback(0x1234)
        assert got == body and line.messages == [(b"t", b"x", 0x30)]
        got[:] = b""
        line.input(b"\x30\xd3\x0f\0\x05topic" + body, step)
        assert got == body


def test_a_large_message_cut_off_leaves_nothing_behind():
    line = Line(PRESENT, buffer=64)
    pieces = []
    line.session.on_piece = lambda topic, part, offset, size: pieces.append(offset)
    line.input(BIG[:500])
    line.session.close()
    line.connect(PRESENT)
    assert line.input(b"\x30\x04\0\x01tx") == b"" and line.messages
    assert line.input(BIG) == puback(0x1234) and pieces.count(0) == 2


def test_a_large_message_with_identifier_0_is_a_violation():
    raises(ProtocolError, Line(buffer=64).input, BIG.replace(b"\x12\x34", b"\0\0"))


def test_input_waits_while_an_acknowledgement_has_no_room():
    line = Line(buffer=64)
    while line.publish(b"", qos=0):
        pass
    line.session.tx_len = 62  # full
    space = line.session.space()
    raw = packet(b"a", 5) + packet(b"b", 6)
    space[: len(raw)] = raw
    line.session.received(len(raw), 0)
    assert not line.session.receive(0) and not line.messages
    line.output()
    assert line.session.receive(0) and line.session.receive(0)
    assert line.output() == puback(5) + puback(6) and len(line.messages) == 2


def test_a_handler_that_closes_the_connection():
    line = Line()
    line.session.on_message = lambda topic, payload, first: line.session.close()
    assert line.input(packet(b"a", 5) + packet(b"b", 6)) == b""


VIOLATIONS = (
    b"\x36\x05\0\x01t\0\x01",  # QoS 3
    b"\x38\x03\0\x01t",  # DUP with QoS 0
    b"\x34\x05\0\x01t\0\x01",  # QoS 2, never subscribed
    b"\x32\x05\0\x01t\0\0",  # identifier 0
    b"\x32\x03\0\x01t",  # no identifier
    b"\x30\x02\0\0",  # empty topic
    b"\x30\x04\0\x05ab",  # topic longer than the packet
    b"\x30\x01\0",
    b"\x30\0",
    b"\x00\0",
    b"\x10\0",
    b"\x40\x03\0\x01\0",
    b"\x40\x01\0",
    b"\x41\x02\0\x01",  # reserved flags
    b"\x50\x02\0\x01",
    b"\x62\x02\0\x01",
    b"\x70\x02\0\x01",
    b"\x82\x02\0\x01",
    b"\x90\x02\0\x01",
    b"\x90\0",
    b"\xa2\x02\0\x01",
    b"\xb0\x03\0\x01\0",
    b"\xc0\0",
    b"\xd0\x01\0",
    b"\xd1\0",
    b"\xe0\0",
    b"\xf0\0",
    b"\x20\x02\0\0",  # a second CONNACK
    b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
    b"\x40\xff\xff\xff\x7f",  # 10: an acknowledgement of 256 MB
    b"\x90\xff\x7f",
)


def test_each_violation_closes_with_its_name():
    for raw in VIOLATIONS:
        error = raises(ProtocolError, Line().input, raw)
        assert len(str(error)) > 10


def test_violations_in_the_answer_to_a_request():
    for answer in (b"\x90\x04\0\x01\0\0", b"\x90\x03\0\x01\x03", b"\x90\x02\0\x01"):
        line = Line()
        line.session.ask(0x82, [(b"a", 0)], 0)
        line.output()
        raises(ProtocolError, line.input, answer)


def test_nothing_comes_before_connack():
    for raw in (
        b"\x30\x04\0\x01tx",
        b"\x30\xff\x7f\0\x01tx",
        puback(1),
        b"\xd0\0",
        b"\x20\x03\0\0\0",
        b"\x20\x02\0\x06",
    ):
        raises(ProtocolError, Line(answer=None).input, raw)
    raises(ProtocolError, Line(answer=None).input, b"\x20\x02\x02\0")
    raises(ProtocolError, Line(answer=None).input, b"\x20\x02\x01\x05")


def test_disconnect():
    line = Line()
    line.session.disconnect()
    assert line.output() == b"\xe0\0"
