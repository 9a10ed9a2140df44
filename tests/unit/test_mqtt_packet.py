"""The packets of MQTT 3.1.1, byte by byte."""

from mqtt import packet
from mqtt.packet import ProtocolError
from raises import raises


def encoded(function, *args):
    """What function writes into a buffer from position 3 on."""
    buf = bytearray(400)
    end = function(buf, 3, *args)
    assert buf[:3] == b"\0\0\0"
    return bytes(buf[3:end])


def connect(*args, **options):
    buf = bytearray(400)
    return bytes(buf[: packet.connect(buf, *args, **options)])


def test_connect_with_nothing_but_an_identifier():
    assert connect("a") == b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a"


def test_connect_with_everything():
    packet_bytes = connect("ab", "us", "pw", 258, False, ("t/s", "off", 1, True))
    assert packet_bytes == (
        b"\x10\x20\0\x04MQTT\x04\xec\x01\x02\0\x02ab\0\x03t/s\0\x03off\0\x02us\0\x02pw"
    )


def test_connect_flags_of_every_combination():
    for user in (None, "u"):
        for password in (None, "p") if user else (None,):
            for clean in (True, False):
                for will in (None, ("w", b"", 0, False), ("w", b"x", 1, False), ("w", b"", 2, 1)):
                    flags = connect("c", user, password, 60, clean, will)[9]
                    assert not flags & 1
                    assert (flags & 2 != 0) == clean
                    assert (flags & 128 != 0) == (user is not None)
                    assert (flags & 64 != 0) == (password is not None)
                    assert (flags & 4 != 0) == (will is not None)
                    assert flags >> 3 & 3 == (will[2] if will else 0)
                    assert (flags & 32 != 0) == bool(will and will[3])


def test_connect_takes_an_empty_user_and_password():
    assert connect("a", "", b"")[9] == 0xC2
    assert connect("a", "", b"").endswith(b"\0\x01a\0\0\0\0")


def test_connect_refuses_what_the_standard_forbids():
    buf = bytearray(100)
    raises(ValueError, packet.connect, buf, "", clean=False)
    raises(ValueError, packet.connect, buf, "a", None, "password without user")
    raises(ValueError, packet.connect, buf, "a", keep_alive=65536)
    raises(ValueError, packet.connect, buf, "a", keep_alive=-1)
    raises(ValueError, packet.connect, buf, "a", will=("w", b"", 3, False))
    raises(ValueError, packet.connect, buf, "nul\0")
    raises(ValueError, packet.connect, buf, b"\xff")
    assert buf == bytearray(100)


def test_connect_says_how_large_the_buffer_must_be():
    buf = bytearray(20)
    error = raises(ValueError, packet.connect, buf, "identifier")
    assert "27" in str(error) and len(buf) == 20
    assert packet.connect(bytearray(27), "identifier") == 24
    for size in range(27):
        raises(ValueError, packet.connect, bytearray(size), "identifier")


def test_publish_up_to_its_payload():
    assert encoded(packet.publish, 0x31, b"a/b", 0, 2) == b"\x31\x07\0\x03a/b"
    assert encoded(packet.publish, 0x3A, b"a/b", 0x1234, 0) == b"\x3a\x07\0\x03a/b\x12\x34"


def test_publish_with_each_width_of_length():
    for size, head in (
        (122, b"\x30\x7f"),
        (123, b"\x30\x80\x01"),
        (16378, b"\x30\xff\x7f"),
        (16379, b"\x30\x80\x80\x01"),
        (2097146, b"\x30\xff\xff\x7f"),
        (2097147, b"\x30\x80\x80\x80\x01"),
        (268435450, b"\x30\xff\xff\xff\x7f"),
    ):
        assert encoded(packet.publish, 0x30, b"abc", 0, size) == head + b"\0\x03abc"
    raises(ValueError, packet.publish, bytearray(9), 0, 0x30, b"abc", 0, 268435451)


def test_the_small_packets():
    assert encoded(packet.puback, 0x0102) == b"\x40\x02\x01\x02"
    assert encoded(packet.empty, 0xC0) == b"\xc0\0"
    assert encoded(packet.empty, 0xE0) == b"\xe0\0"


def test_subscribe_and_unsubscribe_of_several_filters():
    filters = [(b"a/#", 1), (b"+", 0)]
    assert encoded(packet.request, 0x82, 10, filters) == b"\x82\x0c\0\x0a\0\x03a/#\x01\0\x01+\0"
    assert encoded(packet.request, 0xA2, 10, filters) == b"\xa2\x0a\0\x0a\0\x03a/#\0\x01+"
    assert packet.request_size(filters) >= 14


def test_a_buffer_keeps_its_size():
    buf = bytearray(40)
    packet.publish(memoryview(buf), 3, 0x32, b"topic", 1, 0)
    packet.request(buf, 3, 0x82, 1, [(b"filter", 0)])
    assert len(buf) == 40


def test_length_in_one_to_four_bytes():
    for raw, value in (
        (b"\0", 0),
        (b"\x7f", 127),
        (b"\x80\x01", 128),
        (b"\xff\x7f", 16383),
        (b"\x80\x80\x01", 16384),
        (b"\xff\xff\xff\x7f", 268435455),
    ):
        assert packet.length(raw, 0, len(raw)) == value << 2 | len(raw) - 1
        for end in range(len(raw)):
            assert packet.length(raw, 0, end) == -1


def test_length_of_five_bytes_is_an_error():
    raises(ProtocolError, packet.length, b"\xff\xff\xff\xff\x01", 0, 5)
    raises(ProtocolError, packet.length, b"\xff\xff\xff\xff", 0, 4)


def test_connack():
    assert packet.connack(b"\0\0", 0, 2) == 0
    assert packet.connack(b"\x01\0", 0, 2) == 256
    assert packet.connack(b"\0\x05", 0, 2) == 5
    for bad in (b"\0", b"\0\0\0", b"\x02\0", b"\0\x06", b"\x01\x05", b""):
        raises(ProtocolError, packet.connack, bad, 0, len(bad))


def test_every_refusal_has_a_text_with_advice():
    for code in (1, 2, 3, 4, 5):
        assert ":" in packet.refusal(code) and "CONNACK %d" % code in packet.refusal(code)


def test_topic_end_checks_before_it_takes():
    good = b"\0\x03a/bxyz"
    assert packet.topic_end(good, 0, 8, 0x30) == 5
    assert packet.topic_end(good, 0, 7, 0x32) == 5
    raises(ProtocolError, packet.topic_end, good, 0, 6, 0x32)  # no room for the identifier
    raises(ProtocolError, packet.topic_end, good, 0, 4, 0x30)  # topic longer than the packet
    raises(ProtocolError, packet.topic_end, good, 0, 1, 0x30)
    raises(ProtocolError, packet.topic_end, b"\0\0abc", 0, 5, 0x30)  # empty topic
    raises(ProtocolError, packet.topic_end, good, 0, 8, 0x36)  # QoS 3
    raises(ProtocolError, packet.topic_end, good, 0, 8, 0x38)  # DUP with QoS 0


def test_identifiers():
    assert packet.publish_id(b"\x12\x34", 0) == 0x1234
    raises(ProtocolError, packet.publish_id, b"\0\0", 0)
    assert packet.identifier(b"\x12\x34", 0, 2) == 0x1234
    raises(ProtocolError, packet.identifier, b"\x12\x34\0", 0, 3)
    raises(ProtocolError, packet.identifier, b"\x12", 0, 1)


def test_suback_outcomes_as_data():
    assert packet.suback(b"\0\x01\0\x01\x02\x80", 0, 6) == b"\0\x01\x02\x80"
    raises(ProtocolError, packet.suback, b"\0\x01\x03", 0, 3)
    raises(ProtocolError, packet.suback, b"\0\x01", 0, 2)
    raises(ProtocolError, packet.suback, b"\0", 0, 1)


def test_text_fields():
    assert packet.text("grün") == b"gr\xc3\xbcn"
    assert packet.text("𝄞") == b"\xf0\x9d\x84\x9e"
    for bad in ("a\0b", b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\xaf"):
        raises(ValueError, packet.text, bad)
    for bad in (b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"a\xed\xbf\xbfb"):
        raises(ValueError, packet.text, bad)
