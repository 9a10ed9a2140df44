"""MQTT 3.1.1, chapters 1 and 3.1 to 3.2: strings, CONNECT, CONNACK and what a session is."""

from mqtt.packet import ProtocolError
from mqtt.session import Overdue, Refused, Session
from mqtt.topic import TopicError, check_filter, check_name
from mqtt_wire import PRESENT, Wire, fields, message, packets, puback
from raises import raises

# A surrogate, an overlong form, a byte that can't begin one, and half a character.
ILL_FORMED = (b"a\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\xe2\x82", b"\xf4\x90\x80\x80")
WILLS = (None, ("w", b"", 0, False), ("w", b"off", 1, True), ("w", b"x", 2, False))


def connect(client_id="id", **options):
    """Returns (flags, keep alive, fields) of the CONNECT that these options make."""
    session = Session(client_id, **options)
    session.open(0)
    ((first, body),) = packets(bytes(session.tx[: session.tx_len]))
    assert first == 0x10 and body[:7] == b"\0\x04MQTT\x04"
    return body[7], body[8] << 8 | body[9], fields(body[10:])


def combinations():
    """Yields the options of each CONNECT there can be, and what its flags and fields are."""
    for user, password in ((None, None), ("u", None), ("u", "p"), ("", b"")):
        for clean in (True, False):
            for will in WILLS:
                options = {"user": user, "password": password, "clean": clean, "will": will}
                yield options, connect(**options)


# 1.5.3: strings


def test_ill_formed_strings_are_not_sent():
    for bad in ILL_FORMED:
        raises(ValueError, Session, bad)
        raises(ValueError, Session, "id", user=bad)
        raises(ValueError, Session, "id", will=(bad, b"", 0, False))
        raises(TopicError, check_name, bad)
        raises(TopicError, check_filter, bad)
    assert check_name("grün/𝄞") == b"gr\xc3\xbcn/\xf0\x9d\x84\x9e"


def test_nul_is_not_sent():
    for bad in ("\0", "a\0b", b"a\0"):
        raises(ValueError, Session, bad)
        raises(ValueError, Session, "id", user=bad)
        raises(ValueError, Session, "id", will=(bad, b"", 0, False))
        raises(TopicError, check_name, bad)
        raises(TopicError, check_filter, bad)


def test_a_byte_order_mark_is_neither_skipped_nor_stripped():
    mark = b"\xef\xbb\xbf"
    assert check_name("\ufefft") == check_filter(mark + b"t") == mark + b"t"
    line = Wire()
    line.input(message(mark + b"t/" + mark))
    assert line.messages[0][0] == mark + b"t/" + mark
    assert connect("\ufeffid")[2] == [mark + b"id"]


# 3.1: CONNECT


def test_connect_is_the_first_packet():
    line = Wire(answer=None)
    assert not line.publish(qos=0) and not line.session.ask(0x82, [(b"t", 0)], 0)
    line.publish()
    assert [first for first, _ in line.reconnect()] == [0x10, 0x32]


def test_connect_goes_out_once_a_connection():
    line = Wire()
    for _ in range(20):
        packet_id = line.publish()
        out = line.wait(4_000) + line.input(message(first=0x32, packet_id=9))
        out += line.input(puback(packet_id) + b"\xd0\0")
        sent = [first for first, _ in packets(out)]
        assert sent and 0x10 not in sent


def test_the_flags_say_what_the_payload_holds():
    for options, (flags, _, payload) in combinations():
        will = options["will"]
        expected = [b"id"]
        if will:
            expected += [b"w", will[1]]
        for name in ("user", "password"):
            value = options[name]
            if value is not None:
                expected.append(value.encode() if isinstance(value, str) else value)
        assert payload == expected
        assert (flags & 0x80 != 0) == (options["user"] is not None)
        assert (flags & 0x40 != 0) == (options["password"] is not None)
        assert (flags & 2 != 0) == options["clean"]


def test_will_flags():
    for options, (flags, _, _) in combinations():
        will = options["will"]
        assert (flags & 4 != 0) == (will is not None)
        assert flags >> 3 & 3 == (will[2] if will else 0)
        assert (flags & 32 != 0) == bool(will and will[3])


def test_the_reserved_flag_is_zero():
    for _, (flags, _, _) in combinations():
        assert not flags & 1


def test_a_will_of_qos_3_is_refused():
    raises(ValueError, Session, "id", will=("w", b"", 3, False))


def test_a_password_needs_a_user_name():
    raises(ValueError, Session, "id", password="p")


def test_the_client_identifier_is_the_first_field_and_always_there():
    for _, (_, _, payload) in combinations():
        assert payload[0] == b"id"
    assert connect("")[2] == [b""]


def test_each_connect_has_the_same_client_identifier():
    line = Wire(clean=False)
    seen = [line.reconnect(PRESENT)[0] for _ in range(3)]
    assert seen[0][1].endswith(b"\0\x02id") and seen == seen[:1] * 3


def test_an_empty_client_identifier_needs_a_clean_session():
    raises(ValueError, Session, "", clean=False)
    assert connect("", clean=True)[0] & 2


# 3.1.2.10: keep alive


def test_pingreq_when_nothing_else_is_sent():
    line = Wire(keep_alive=60)
    sent = [0]
    for _ in range(400):
        out = line.wait(1_000)
        if out:
            assert out == b"\xc0\0"
            sent.append(line.now)
            line.input(b"\xd0\0")
    gaps = [sent[i + 1] - sent[i] for i in range(len(sent) - 1)]
    assert len(gaps) > 5 and max(gaps) <= 60_000


def test_pingreq_also_while_messages_come_in():
    line = Wire(keep_alive=10)
    last = 0
    for _ in range(100):
        line.input(message())
        if line.wait(500):
            assert line.now - last <= 10_000
            last = line.now
            line.input(b"\xd0\0")
    assert last > 30_000 and connect(keep_alive=10)[1] == 10


def test_no_pingresp_ends_the_connection():
    line = Wire(keep_alive=60)
    assert "PINGRESP" in str(raises(Overdue, line.wait, 200_000))
    assert line.now <= 90_000


# 3.2: CONNACK


def test_the_first_packet_has_to_be_connack():
    for raw in (message(), puback(1), b"\xd0\0", b"\x90\x03\0\x01\0", b"\xb0\x02\0\x01"):
        line = Wire(answer=None)
        raises(ProtocolError, line.input, raw)
        assert not line.messages and not line.session.connected


def test_a_refusal_ends_the_connection_and_is_named():
    for code in (1, 2, 3, 4, 5):
        line = Wire(answer=None)
        error = raises(Refused, line.input, bytes((0x20, 2, 0, code)))
        assert error.args[0] == code and str(code) in str(error)
        assert not line.session.connected


def test_a_refusal_loses_no_message():
    line = Wire(clean=False)
    line.publish(b"kept", ticket="kept")
    line.output()
    line.session.close()
    line.connect(None)
    raises(Refused, line.input, b"\x20\x02\0\x03")
    line.session.close()
    assert line.in_flight() == 1 and not line.done
    assert line.reconnect(PRESENT)[1][1].endswith(b"kept")


def test_no_connack_ends_the_attempt():
    line = Wire(answer=None)
    assert "CONNACK" in str(raises(Overdue, line.wait, 60_000))


def test_a_wrong_connack_is_a_violation():
    for raw in (b"\x20\x02\x02\0", b"\x20\x02\0\x06", b"\x20\x01\0", b"\x20\x03\0\0\0"):
        raises(ProtocolError, Wire(answer=None, clean=False).input, raw)


def test_session_present_after_a_clean_start_is_a_violation():
    raises(ProtocolError, Wire(answer=None, clean=True).input, PRESENT)


def test_session_present_is_handed_on():
    for present in (True, False):
        line = Wire(answer=None, clean=False)
        line.input(PRESENT if present else b"\x20\x02\0\0")
        assert line.done == [("connect", present)] and line.session.present == present


def test_session_present_in_a_refusal_is_a_violation():
    raises(ProtocolError, Wire(answer=None, clean=False).input, b"\x20\x02\x01\x05")


# 3.1.2.4 and 4.1: the session


def test_a_kept_session_outlives_the_connection():
    line = Wire(clean=False)
    for i in range(3):
        line.publish(b"%d" % i, ticket=i)
    line.output()
    line.input(puback(2))
    for _ in range(2):
        sent = line.reconnect(PRESENT)
        assert [body[5:] for first, body in sent if first == 0x3A] == [b"0", b"2"]
    line.input(puback(1) + puback(3))
    assert line.done == [(0, None), (2, None)] and line.in_flight() == 0


def test_a_session_lasts_as_long_as_its_connection():
    line = Wire(window=2)
    first = line.publish(b"early", ticket="early")
    for _ in range(3):
        packet_id = line.publish(b"more")
        line.output()
        line.input(puback(packet_id))
    assert line.in_flight() == 1
    line.input(puback(first))
    assert line.done[-1] == ("early", None) and line.in_flight() == 0


def test_a_clean_session_takes_nothing_of_the_one_before():
    # What nobody has acknowledged goes out again, but as a new message: without DUP.
    line = Wire(clean=True)
    line.publish(b"x", ticket="x")
    line.ask(0x82, (b"t", 0))
    line.reconnect()
    (first, connecting), (second, body) = line.reconnect()
    assert (first, second) == (0x10, 0x32)
    assert connecting[7] & 2 and body.endswith(b"x")
    line.input(b"\x40\x02" + body[3:5])
    assert line.done == [("x", None)]
