"""MQTT 3.1.1, chapters 2.2, 3.8 to 3.14, 4.7 and 4.8: flags, subscriptions, topics, errors."""

from mqtt.packet import ProtocolError
from mqtt.session import Overdue
from mqtt.topic import TopicError, check_filter, check_name
from mqtt_wire import Wire, fields, message, number, packets, puback
from raises import raises

# 2.2.2: flags of the fixed header


def test_reserved_flags_are_as_the_table_says():
    line = Wire(keep_alive=10)
    line.session.close()
    sent = line.connect()
    for first, answer in ((0x82, b"\x90\x03"), (0xA2, b"\xb0\x02")):
        out = line.ask(first, (b"t", 1))
        line.input(answer + out[2:4] + (b"\x01" if first == 0x82 else b""))
        sent += out
    sent += line.input(message(first=0x32, packet_id=7))
    while b"\xc0" not in sent:
        assert line.now < 10_000
        sent += line.wait(500)
    line.session.disconnect()
    sent += line.output()
    assert {first for first, _ in packets(sent)} == {0x10, 0x82, 0xA2, 0x40, 0xC0, 0xE0}


def test_invalid_flags_are_a_violation():
    bodies = {0x20: b"\0\0", 0x40: b"\0\x01", 0x90: b"\0\x01\0", 0xB0: b"\0\x01", 0xD0: b""}
    for kind, body in bodies.items():
        for flags in range(1, 16):
            line = Wire(answer=None if kind == 0x20 else b"\x20\x02\0\0")
            raw = bytes((kind | flags, len(body))) + body
            raises(ProtocolError, line.input, raw)


# 3.8 to 3.11: subscriptions


def test_subscribe_byte_by_byte():
    line = Wire()
    out = line.ask(0x82, (b"a/#", 1), (b"+", 0))
    assert out[0] == 0x82 and out[1] == len(out) - 2
    assert out[4:] == b"\0\x03a/#\x01\0\x01+\0"


def test_unsubscribe_byte_by_byte():
    line = Wire()
    out = line.ask(0xA2, (b"a/#", 1), (b"+", 0))
    assert out[0] == 0xA2 and out[1] == len(out) - 2
    assert fields(out[4:]) == [b"a/#", b"+"]


def test_filters_are_well_formed_strings():
    for bad in (b"\xff", b"a\0", b"\xed\xa0\x80/#", "\0"):
        raises(TopicError, check_filter, bad)
    name = check_filter("ü/#")
    assert name == b"\xc3\xbc/#"
    for first in (0x82, 0xA2):
        assert b"\0\x04\xc3\xbc/#" in Wire().ask(first, (name, 0))


def test_the_outcome_of_each_filter_is_handed_on_in_order():
    line = Wire()
    asked = line.ask(0x82, (b"a", 1), (b"b", 1), (b"+/c", 0))
    line.input(b"\x90\x05" + asked[2:4] + b"\x80\x01\0")
    assert line.done == [("asked", b"\x80\x01\0")] and line.session.connected


def test_another_count_of_outcomes_is_a_violation():
    for codes in (b"", b"\0", b"\0\0\0"):
        line = Wire()
        asked = line.ask(0x82, (b"a", 0), (b"b", 0))
        raises(ProtocolError, line.input, bytes((0x90, 2 + len(codes))) + asked[2:4] + codes)


def test_a_reserved_outcome_is_a_violation():
    for code in (3, 0x7F, 0x81, 0xFF):
        line = Wire()
        asked = line.ask(0x82, (b"a", 0))
        raises(ProtocolError, line.input, b"\x90\x03" + asked[2:4] + bytes((code,)))


def test_only_the_same_identifier_and_kind_is_an_answer():
    for first in (0x82, 0xA2):
        line = Wire()
        asked = line.ask(first, (b"t", 0))
        packet_id = asked[2] << 8 | asked[3]
        answers = [b"\x90\x03" + asked[2:4] + b"\0", b"\xb0\x02" + asked[2:4]]
        if first == 0xA2:
            answers.reverse()
        right, wrong = answers
        line.input(wrong + puback(packet_id))
        line.input(right[:2] + number(packet_id + 1) + right[4:])
        assert not line.done
        line.input(right)
        assert [ticket for ticket, _ in line.done] == ["asked"]


def test_no_answer_to_a_request_ends_the_connection():
    for first in (0x82, 0xA2):
        line = Wire(keep_alive=0)
        line.ask(first, (b"t", 0))
        assert "acknowledgement" in str(raises(Overdue, line.wait, 60_000))


def test_messages_while_unsubscribing_are_taken():
    line = Wire()
    asked = line.ask(0xA2, (b"t", 0))
    assert line.input(message(first=0x32, packet_id=3)) == puback(3)
    line.input(b"\xb0\x02" + asked[2:4])
    assert len(line.messages) == 1 and line.done == [("asked", None)]


# 3.12 and 3.14


def test_disconnect_is_two_bytes():
    line = Wire()
    line.session.disconnect()
    assert line.output() == b"\xe0\0"


# 4.7: topics


def test_the_number_sign_is_the_last_level():
    for good in ("#", "a/#", "/#", "+/#", "$SYS/#"):
        assert check_filter(good) == good.encode()
    for bad in ("a#", "#/a", "a/#/b", "##", "#/", "a/b#"):
        raises(TopicError, check_filter, bad)


def test_the_plus_sign_fills_a_level():
    for good in ("+", "+/a", "a/+", "a/+/b", "+/+", "/+", "+/#"):
        assert check_filter(good) == good.encode()
    for bad in ("a+", "+a", "a/+b", "a+/b", "++", "+#"):
        raises(TopicError, check_filter, bad)


def test_names_and_filters_have_a_character():
    for check in (check_name, check_filter):
        for bad in ("", b""):
            raises(TopicError, check, bad)
        assert check("/") == b"/" and check(" ") == b" "


def test_an_empty_topic_from_a_server_is_a_violation():
    raises(ProtocolError, Wire().input, message(b""))


# 4.8: errors


def test_what_breaks_the_protocol_has_a_name():
    for raw in (
        b"\0\0",
        b"\xf0\0",
        b"\x10\0",
        b"\xc0\0",
        b"\xe0\0",
        b"\x82\x02\0\x01",
        b"\xa2\x02\0\x01",
        b"\x20\x02\0\0",
        b"\x40\x01\0",
        b"\x40\x03\0\x01\0",
        b"\xb0\x01\0",
        b"\xd0\x01\0",
        b"\x30\x01\0",
        b"\x30\x04\0\x05ab",
        b"\x32\x03\0\x01t",
        b"\x30\xff\xff\xff\xff\x01",
    ):
        assert len(str(raises(ProtocolError, Wire().input, raw))) > 10


def test_what_there_is_no_room_for_ends_the_connection():
    # An answer cannot be passed over, as a message can.
    line = Wire(buffer=64)
    asked = line.ask(0x82, (b"t", 0))
    large = b"\x90\x80\x01" + asked[2:4] + bytes(126)
    assert len(str(raises(ProtocolError, line.input, large))) > 10


def test_a_message_that_memory_does_not_suffice_for_ends_the_connection():
    line = Wire()

    def scarce(topic, payload, first):
        raise MemoryError("nothing left")

    line.session.on_message = scarce
    # Whatever comes out of receive() does: the front closes it.
    raises(MemoryError, line.input, message(first=0x32, packet_id=7))


# 6: WebSocket cuts the stream as it likes


def test_packets_in_any_pieces():
    raw = message(payload=b"hello", first=0x32, packet_id=9) + message() + b"\xd0\0" + message()
    for size in (1, 2, 3, 5, 100):
        line = Wire()
        for i in range(0, len(raw), size):
            line.input(raw[i : i + size])
        assert [payload for _, payload, _ in line.messages] == [b"hello", b"x", b"x"]
