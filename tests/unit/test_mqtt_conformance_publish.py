"""MQTT 3.1.1, chapters 2.3, 3.3, 3.4 and 4.3 to 4.6: identifiers, PUBLISH, PUBACK, order."""

from mqtt.packet import ProtocolError
from mqtt.topic import TopicError, check_name
from mqtt_wire import PRESENT, Wire, message, number, packets, puback
from raises import raises


def identifier(body):
    """Returns that of a PUBLISH to "t"."""
    assert body[:3] == b"\0\x01t"
    return body[3] << 8 | body[4]


# 2.3.1: packet identifiers


def go_round(session, until):
    """Publishes and acknowledges up to that identifier, or once round; yields the identifiers."""
    session.on_done = lambda ticket, outcome: None
    for _ in range(66_000):
        packet_id = session.publish(b"t", b"", 1, False, 0)
        yield packet_id
        session.sent(session.tx_len, 0)
        session.space()[:4] = puback(packet_id)
        session.received(4, 0)
        session.receive(0)
        if packet_id >= until:
            break


def test_identifiers_are_never_zero_and_never_in_use():
    line = Wire(window=4)
    used = [line.publish(), line.publish()]
    line.output()
    for packet_id in go_round(line.session, 65_533):
        assert 1 <= packet_id <= 65_535 and packet_id not in used
    # The next ones would be those in use.
    asked = packets(line.ask(0x82, (b"t", 0)))[0][1]
    assert asked[:2] not in (b"\0\0", number(used[0]), number(used[1]))
    used.append(asked[0] << 8 | asked[1])
    for packet_id in go_round(line.session, 65_536):
        assert 1 <= packet_id <= 65_535 and packet_id not in used
    assert line.in_flight() == 3


def test_requests_have_identifiers_that_are_not_in_use():
    line = Wire(window=4)
    used = [line.publish() for _ in range(3)]
    line.output()
    for first in (0x82, 0xA2):
        body = packets(line.ask(first, (b"t", 0)))[0][1]
        assert body[:2] != b"\0\0" and body[0] << 8 | body[1] not in used
        another = line.publish()
        assert another and number(another) != body[:2]
        answer = b"\x90\x03" if first == 0x82 else b"\xb0\x02"
        line.input(answer + body[:2] + (b"\0" if first == 0x82 else b"") + puback(another))
    assert line.in_flight() == 3


def test_an_identifier_is_free_again_after_its_acknowledgement():
    line = Wire(window=1)
    first = line.publish()
    line.output()
    line.input(puback(first))
    assert first in go_round(line.session, 65_536)


def test_what_is_sent_again_has_the_same_identifier():
    line = Wire(clean=False)
    packet_id = line.publish(b"x")
    first = packets(line.output())
    again = packets(line.wait(10_000))  # overdue, on the same connection
    resumed = line.reconnect(PRESENT)[1:]
    assert identifier(first[0][1]) == packet_id
    assert again == resumed == [(0x3A, first[0][1])]


def test_a_request_sent_again_has_the_same_identifier():
    for first in (0x82, 0xA2):
        line = Wire()
        assert line.ask(first, (b"t", 0)) == line.wait(10_000)


def test_qos_0_has_no_identifier():
    line = Wire()
    line.publish(b"", qos=0)
    assert line.output() == b"\x30\x03\0\x01t"


def test_puback_has_the_identifier_of_its_publish():
    line = Wire()
    for packet_id in (1, 0x30, 0x1234, 65_535):
        assert line.input(message(first=0x32, packet_id=packet_id)) == puback(packet_id)


# 3.3.1: DUP, QoS, RETAIN


def test_dup_is_set_when_a_message_is_sent_again():
    line = Wire(clean=False)
    line.publish(b"x")
    assert line.output()[0] == 0x32
    assert line.wait(10_000)[0] == 0x3A
    for _ in range(2):
        assert line.reconnect(PRESENT)[1][0] == 0x3A


def test_dup_is_not_set_the_first_time():
    line = Wire(clean=False, window=1)
    for _ in range(3):
        packet_id = line.publish(b"x")
        assert line.output()[0] == 0x32
        line.input(puback(packet_id))
    line.session.close()
    line.publish(b"taken without a connection")
    assert line.reconnect(PRESENT)[1][0] == 0x32


def test_qos_0_has_no_dup_and_is_not_sent_again():
    line = Wire(clean=False)
    for retain in (False, True):
        line.publish(b"x", qos=0, retain=retain)
        assert line.output() == bytes((0x30 | retain, 4)) + b"\0\x01tx"
    assert line.wait(40_000) == b"" and len(line.reconnect(PRESENT)) == 1


def test_dup_at_qos_0_from_a_server_is_a_violation():
    raises(ProtocolError, Wire().input, message(first=0x38))


def test_qos_3_is_neither_sent_nor_taken():
    line = Wire()
    for qos in (0, 1):
        for retain in (False, True):
            line.publish(qos=qos, retain=retain)
            assert line.output()[0] & 6 == qos << 1
    for first in (0x36, 0x37, 0x3E):
        line = Wire()
        raises(ProtocolError, line.input, message(first=first, packet_id=1))
        assert not line.messages


def test_retain_is_sent_and_handed_on():
    line = Wire()
    line.publish(b"", retain=True)
    assert line.output()[0] == 0x33
    line.input(message(first=0x31) + message(first=0x30) + message(first=0x33, packet_id=1))
    assert [first & 1 for _, _, first in line.messages] == [1, 0, 1]


# 3.3.2: the topic name


def test_the_topic_name_is_the_first_field():
    line = Wire()
    for topic in ("a/b", "grün", "/"):
        name = check_name(topic)
        for qos in (0, 1):
            line.session.publish(name, b"payload", qos, False, 0)
            ((_, body),) = packets(line.output())
            assert body[: 2 + len(name)] == number(len(name)) + name
            assert body.endswith(b"payload") and len(body) == 9 + len(name) + 2 * qos


def test_a_topic_name_has_no_wildcards():
    for bad in ("+", "#", "a/+", "a/#", "a+b", b"a#"):
        raises(TopicError, check_name, bad)


# 3.3.4 and 4.3: the answer to a PUBLISH


def test_each_qos_gets_its_answer():
    line = Wire()
    assert line.input(message(first=0x30)) == b""
    assert line.input(message(first=0x32, packet_id=7)) == puback(7)
    assert len(line.messages) == 2


def test_qos_1_is_unacknowledged_until_its_puback():
    line = Wire()
    packet_id = line.publish(ticket="x")
    ((first, body),) = packets(line.output())
    assert first == 0x32 and identifier(body) == packet_id
    line.input(puback(packet_id % 65_535 + 1) + message(first=0x32, packet_id=packet_id))
    assert line.in_flight() == 1 and not line.done
    line.input(puback(packet_id))
    assert line.in_flight() == 0 and line.done == [("x", None)]


def test_the_same_identifier_after_puback_is_a_new_message():
    line = Wire()
    for payload, first in ((b"1", 0x32), (b"2", 0x32), (b"3", 0x3A)):
        assert line.input(message(payload=payload, first=first, packet_id=5)) == puback(5)
    assert [payload for _, payload, _ in line.messages] == [b"1", b"2", b"3"]


def test_a_message_that_nobody_wants_is_acknowledged_too():
    line = Wire(buffer=64)
    unknown = message(b"never/subscribed", first=0x32, packet_id=5)
    too_large = b"\x32\x85\x02\0\x01t\0\x06" + bytes(256)
    line.ask(0xA2, (b"t", 0))
    assert line.input(unknown + too_large) == puback(5) + puback(6)


def test_a_message_with_identifier_0_is_a_violation():
    raises(ProtocolError, Wire().input, message(first=0x32, packet_id=0))


def test_acknowledgements_of_nothing_do_no_harm():
    line = Wire()
    line.input(puback(1) + b"\x90\x03\0\x01\0" + b"\xb0\x02\0\x01" + b"\xd0\0")
    assert line.session.connected and not line.done


# 4.4 and 4.6: sent again, in order


def test_what_is_unacknowledged_is_sent_again_in_order():
    line = Wire(clean=False, window=6)
    ids = [line.publish(b"%d" % i) for i in range(6)]
    line.output()
    line.input(puback(ids[4]) + puback(ids[1]))
    left = [0, 2, 3, 5]
    for _ in range(2):
        again = line.reconnect(PRESENT)[1:]
        assert [identifier(body) for _, body in again] == [ids[i] for i in left]
        assert [body[5:] for _, body in again] == [b"%d" % i for i in left]
        assert all(first == 0x3A for first, _ in again)


def test_the_order_holds_over_reused_places():
    line = Wire(clean=False, window=4)
    expected = []
    for i in range(30):
        packet_id = line.publish(b"%d" % i)
        line.output()
        if i % 3:
            line.input(puback(packet_id))
        elif len(expected) == 3:
            line.input(puback(expected.pop(0)[0]))
            expected.append((packet_id, b"%d" % i))
        else:
            expected.append((packet_id, b"%d" % i))
        again = line.reconnect(PRESENT)[1:]
        assert [(identifier(body), body[5:]) for _, body in again] == expected


def test_the_order_holds_when_identifiers_begin_anew():
    line = Wire(clean=False, window=4)
    for _ in go_round(line.session, 65_533):
        pass
    ids = [line.publish(b"%d" % i) for i in range(4)]
    line.output()
    again = line.reconnect(PRESENT)[1:]
    assert [(identifier(body), body[5:]) for _, body in again] == [
        (ids[i], b"%d" % i) for i in range(4)
    ]
    assert min(ids) < ids[0]


def test_new_messages_come_behind_those_sent_again():
    line = Wire(clean=False)
    line.publish(b"old")
    line.output()
    line.session.close()
    line.publish(b"new")
    again = line.reconnect(PRESENT)[1:]
    assert [(first, body[5:]) for first, body in again] == [(0x3A, b"old"), (0x32, b"new")]


def test_pubacks_go_out_in_the_order_of_their_messages():
    for buffer in (64, 1024):
        line = Wire(buffer=buffer)
        ids = [(i * 7919) % 65_535 + 1 for i in range(40)]
        raw = b"".join([message(first=0x32, packet_id=packet_id) for packet_id in ids])
        assert line.input(raw) == b"".join([puback(packet_id) for packet_id in ids])


# QoS 2 is not offered: what belongs to it closes the connection


def test_qos_2_from_a_server_is_a_violation_with_a_name():
    for first in (0x34, 0x35, 0x3C):
        line = Wire()
        error = raises(ProtocolError, line.input, message(first=first, packet_id=1))
        assert "QoS 2" in str(error) and not line.messages


def test_the_packets_of_qos_2_are_a_violation():
    for first in (0x50, 0x62, 0x70):
        line = Wire()
        packet_id = line.publish()
        line.output()
        raises(ProtocolError, line.input, bytes((first, 2)) + number(packet_id))
        assert line.in_flight() == 1 and line.output() == b""
