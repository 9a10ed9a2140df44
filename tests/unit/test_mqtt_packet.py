"""The packets of MQTT 3.1.1, byte by byte."""

from mqtt import packet
from mqtt.advice import refusal
from mqtt.session import Session
from mqtt.topic import text
from raises import raises


def connect(client_id, user=None, password=None, keep_alive=60, clean=True, will=None):
    return bytes(packet.connect((client_id, user, password, keep_alive, clean, will)))


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
    raises(ValueError, connect, "", clean=False)
    raises(ValueError, connect, "a", None, "password without user")
    raises(ValueError, connect, "a", keep_alive=65536)
    raises(ValueError, connect, "a", keep_alive=-1)
    raises(ValueError, connect, "a", will=("w", b"", 3, False))
    raises(ValueError, connect, "a", will=("w/#", b"", 0, False))
    raises(ValueError, connect, "nul\0")
    raises(ValueError, connect, b"\xff")


def test_a_connect_larger_than_the_buffer_goes_out_in_pieces():
    session = Session("i" * 100, will=("w", b"x" * 300, 1, False), buffer=64)
    session.open(0)
    out = b""
    while session.tx_len:
        out += bytes(session.tx[: session.tx_len])
        session.sent(session.tx_len, 0)
    assert out == connect("i" * 100, will=("w", b"x" * 300, 1, False))


def test_lengths_in_one_to_four_bytes():
    for size, raw in (
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16383, b"\xff\x7f"),
        (16384, b"\x80\x80\x01"),
        (2097151, b"\xff\xff\x7f"),
        (2097152, b"\x80\x80\x80\x01"),
        (268435455, b"\xff\xff\xff\x7f"),
    ):
        buf = bytearray(b"\xaa" * 8)
        end = packet.put_length(buf, 1, size)
        assert buf[1:end] == raw and buf[0] == 0xAA and not buf[end:].strip(b"\xaa")


def test_subscribe_and_unsubscribe_of_several_filters():
    filters = [(b"a/#", 1), (b"+", 0)]
    assert packet.request(0x82, 10, filters) == b"\x82\x0c\0\x0a\0\x03a/#\x01\0\x01+\0"
    assert packet.request(0xA2, 10, filters) == b"\xa2\x0a\0\x0a\0\x03a/#\0\x01+"


def test_every_refusal_has_a_text_with_advice():
    for code in (1, 2, 3, 4, 5):
        assert ":" in refusal(code) and "CONNACK %d" % code in refusal(code)


def test_text_fields():
    assert text("grün") == b"gr\xc3\xbcn"
    assert text("𝄞") == b"\xf0\x9d\x84\x9e"
    for bad in ("a\0b", "ü\0", b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\xaf"):
        raises(ValueError, text, bad)
    for bad in (b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"a\xed\xbf\xbfb"):
        raises(ValueError, text, bad)
