"""WebSocket under MQTT by bytes: frames in and out, pings, closes, and the handshake's lines."""

from mqtt.packet import ProtocolError
from mqtt.websocket import Stream, WebSocket, accept, check, frame, head_size, parse, request
from raises import raises

KEY = b"\x11\x22\x33\x44"


class Socket:
    """A non-blocking socket that gives the chunks it is made of, and records what is written.

    A chunk of None is a moment with nothing to read; b"" is the end.
    """

    def __init__(self, *chunks, room=100_000):
        self.chunks = list(chunks)
        self.written = b""
        self.room = room
        self.closed = False

    def readinto(self, buf, size=None):
        if not self.chunks:
            return None
        if self.chunks[0] is None:
            return self.chunks.pop(0)
        if not self.chunks[0]:
            return 0
        size = len(buf) if size is None else min(size, len(buf))
        piece = self.chunks[0][:size]
        self.chunks[0] = self.chunks[0][size:]
        if not self.chunks[0]:
            self.chunks.pop(0)
        buf[: len(piece)] = piece
        return len(piece)

    def write(self, buf, start, size):
        size = min(size, self.room)
        self.written += bytes(memoryview(buf)[start : start + size])
        self.room -= size
        return size or None

    def close(self):
        self.closed = True


def server(opcode, payload=b"", final=True):
    """A frame as a server sends it."""
    first = opcode | (0x80 if final else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    return bytes((first, 126, size >> 8, size & 255)) + payload


def unframe(raw):
    """Returns the (opcode, payload) of each whole frame a client sent."""
    frames = []
    while raw:
        assert raw[0] & 0x70 == 0 and raw[0] & 0x80 and raw[1] & 0x80
        size = raw[1] & 127
        pos = 2
        if size == 126:
            size = raw[2] << 8 | raw[3]
            assert size > 125
            pos = 4
        key = raw[pos : pos + 4]
        pos += 4
        body = raw[pos : pos + size]
        assert len(body) == size
        frames.append((raw[0] & 15, bytes(body[i] ^ key[i & 3] for i in range(size))))
        raw = raw[pos + size :]
    return frames


def read(stream, size=64):
    """Returns what one readinto() gives, as bytes; None where it would block."""
    buf = bytearray(size)
    count = stream.readinto(buf)
    return None if count is None else bytes(buf[:count])


def gather(stream, size=64, limit=10_000):
    """Returns all that comes until `limit` calls in a row gave nothing, or the end."""
    got = b""
    idle = 0
    while idle < limit:
        piece = read(stream, size)
        if piece == b"":
            break
        idle = 0 if piece else idle + 1
        got += piece or b""
        if piece is None and not stream._sock.chunks:
            break
    return got


# Frames out


def test_a_short_frame_has_the_bytes_of_the_standard():
    out = bytearray(20)
    # 5.7: a single-frame masked "Hello", as binary.
    size = frame(out, 2, b"Hello", 5, b"\x37\xfa\x21\x3d")
    assert bytes(out[:size]) == b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"


def test_frames_of_all_sizes_unmask_to_what_went_in():
    out = bytearray(400)
    payload = bytes(i * 7 & 255 for i in range(300))
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 124, 125, 126, 127, 128, 255, 256, 299, 300):
        end = frame(out, 2, payload, size, KEY)
        assert end == size + (6 if size < 126 else 8)
        assert unframe(bytes(out[:end])) == [(2, payload[:size])]


def test_write_sends_one_binary_frame():
    sock = Socket()
    stream = Stream(sock, 512)
    assert stream.write(bytearray(b"packet and more"), 6) == 6
    assert unframe(sock.written) == [(2, b"packet")]
    assert stream.write(b"next") == 4
    assert unframe(sock.written) == [(2, b"packet"), (2, b"next")]


def test_each_frame_has_a_key_of_its_own():
    sock = Socket()
    stream = Stream(sock, 512)
    for _ in range(8):
        stream.write(b"same")
    assert len({sock.written[i : i + 10] for i in range(0, 80, 10)}) > 1


def test_a_long_write_goes_out_in_frames_of_the_buffer():
    sock = Socket()
    stream = Stream(sock, 125)
    payload = bytes(range(256)) * 2
    done = 0
    while done < len(payload):
        done += stream.write(payload[done:]) or 0
    frames = unframe(sock.written)
    assert [len(body) for _, body in frames] == [125, 125, 125, 125, 12]
    assert b"".join(body for _, body in frames) == payload


def test_a_full_socket_gets_the_frame_later_and_once():
    for room in range(14):
        sock = Socket(room=room)
        stream = Stream(sock, 512)
        assert stream.write(b"12345678") is None
        assert stream.write(b"12345678") is None
        sock.room = 1000
        # More bytes than before: only the frame begun is reported.
        assert stream.write(b"12345678 and more") == 8
        assert stream.write(b" and more") == 9
        assert unframe(sock.written) == [(2, b"12345678"), (2, b" and more")]


# Frames in


def test_frames_need_not_align_with_packets():
    stream = Stream(Socket(server(2, b"one tw") + server(2, b"o three")), 512)
    assert read(stream) == b"one two three"
    assert read(stream) is None


def test_a_small_buffer_takes_a_frame_in_pieces():
    stream = Stream(Socket(server(2, b"0123456789")), 512)
    assert [read(stream, 4) for _ in range(4)] == [b"0123", b"4567", b"89", None]


def test_one_byte_at_a_time():
    raw = server(2, b"abc") + server(9, b"hi") + server(2, bytes(200)) + server(2, b"z")
    pieces = []
    for i in range(len(raw)):
        pieces += [None, raw[i : i + 1]]
    sock = Socket(*pieces)
    stream = Stream(sock, 512)
    assert gather(stream) == b"abc" + bytes(200) + b"z"
    assert unframe(sock.written) == [(10, b"hi")]


def test_all_three_kinds_of_length():
    block = bytes(range(256)) * 4
    for head, blocks in (
        (b"\x82\x00", 0),
        (b"\x82\x7e\x04\x00", 1),
        (b"\x82\x7e\xfc\x00", 63),
        (b"\x82\x7f\0\0\0\0\0\x01\0\0", 64),
    ):
        stream = Stream(Socket(head, *[block] * blocks, server(2, b"next")), 512)
        for _ in range(blocks):
            assert read(stream, 1024) == block
        assert gather(stream) == b"next"


def test_a_length_is_not_believed():
    head = b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")
    stream = Stream(Socket(head + b"all there is", b""), 512)
    assert read(stream) == b"all there is"
    assert read(stream) == b""
    assert head_size(head, 10) == 10


def test_a_fragmented_message_with_control_frames_between():
    raw = server(2, b"a", False) + server(9, b"1") + server(0, b"b", False) + server(10, b"?")
    raw += server(0, b"", False) + server(0, b"c") + server(2, b"d")
    sock = Socket(raw)
    stream = Stream(sock, 512)
    assert gather(stream) == b"abcd"
    assert unframe(sock.written) == [(10, b"1")]


def test_an_end_in_mid_frame_is_an_end():
    for cut in range(1, 8):
        stream = Stream(Socket(server(2, b"packet")[:cut], b""), 512)
        assert gather(stream) == b"packet"[: max(0, cut - 2)]
        assert read(stream) == b""


def fault(raw):
    """Returns the error's text and the status the server is told."""
    sock = Socket(raw)
    stream = Stream(sock, 512)
    error = raises(ProtocolError, gather, stream)
    assert raises(ProtocolError, read, stream) is error
    stream.close()
    opcode, body = unframe(sock.written)[-1]
    assert opcode == 8 and sock.closed
    return str(error), body[0] << 8 | body[1]


def test_what_the_standard_forbids_is_refused():
    for raw, words in (
        (server(1, b"text"), "opcode 1"),
        (server(3), "opcode 3"),
        (server(11), "opcode 11"),
        (server(0, b"no start"), "opcode 0"),
        (server(2, b"a", False) + server(2, b"b"), "opcode 2"),
        (b"\xc2\x00", "reserved"),
        (b"\xa2\x00", "reserved"),
        (b"\x92\x00", "reserved"),
        (b"\x82\x81\0\0\0\0a", "masked"),
        (b"\x09\x00", "control"),
        (b"\x88\x7e\x00\x7e", "control"),
        (b"\x89\x7f" + bytes(8), "control"),
        (b"\x82\x7f\x80" + bytes(7), "63 bits"),
    ):
        text, status = fault(raw)
        assert words in text, text
        assert status == 1002


def test_what_came_before_a_fault_is_handed_on_first():
    stream = Stream(Socket(server(2, b"CONNACK") + server(1, b"text")), 512)
    assert read(stream) == b"CONNACK"
    assert stream.ioctl(3, 1) == 1  # asyncio is not to wait for what is there already
    raises(ProtocolError, read, stream)


def test_parse_takes_what_is_allowed():
    assert parse(b"\x82\x05", False) == (2, 5)
    assert parse(b"\x02\x05", False) == (2, 5)
    assert parse(b"\x80\x05", True) == (0, 5)
    assert parse(b"\x8a\x7d", True) == (10, 125)
    assert parse(b"\x82\x7e\x01\x00", False) == (2, 256)
    assert parse(b"\x82\x7f" + (2**40).to_bytes(8, "big"), False) == (2, 2**40)


# Ping and close


def test_a_ping_is_answered_with_its_payload():
    for payload in (b"", b"x", bytes(range(125))):
        sock = Socket(server(9, payload))
        stream = Stream(sock, 125)
        assert read(stream) is None
        assert unframe(sock.written) == [(10, payload)]


def test_a_pong_waits_behind_the_frame_begun():
    sock = Socket(server(9, b"p") + server(2, b"in"), room=3)
    stream = Stream(sock, 512)
    assert stream.write(b"out") is None
    assert read(stream) is None
    assert read(stream) is None  # nothing is received until the pong has gone
    sock.room = 100
    assert stream.write(b"out") == 3
    assert unframe(sock.written) == [(2, b"out"), (10, b"p")]
    assert read(stream) == b"in"


def test_a_pong_that_does_not_fit_is_sent_by_the_reader():
    sock = Socket(server(9, b"p") + server(2, b"in"), room=3)
    stream = Stream(sock, 512)
    assert read(stream) is None
    assert stream.write(b"out") is None
    sock.room = 100
    assert read(stream) == b"in"
    assert stream.write(b"out") == 3
    assert unframe(sock.written) == [(10, b"p"), (2, b"out")]


def test_the_servers_close_is_an_end_and_answered():
    for body in (b"", b"\x03\xe8", b"\x03\xe9going away"):
        sock = Socket(server(2, b"last") + server(8, body) + server(2, b"ignored"))
        stream = Stream(sock, 512)
        assert read(stream) == b"last"
        assert stream.ioctl(3, 1) == 1
        assert read(stream) == b""
        assert read(stream) == b""
        stream.close()
        assert unframe(sock.written) == [(8, body[:2] or b"\x03\xe8")]
        assert sock.closed


def test_a_close_with_a_fault_is_told():
    stream = Stream(Socket(server(8, b"\x03\xf0no\xff")), 512)
    text = str(raises(ProtocolError, read, stream))
    assert "1008" in text and "no" in text


def test_closing_says_goodbye_once():
    sock = Socket()
    stream = Stream(sock, 512)
    stream.close()
    stream.close()
    assert unframe(sock.written) == [(8, b"\x03\xe8")]
    assert sock.closed


def test_closing_does_not_break_into_a_frame():
    sock = Socket(room=3)
    stream = Stream(sock, 512)
    stream.write(b"half")
    stream.close()
    assert sock.closed and len(sock.written) == 3


def test_a_socket_that_fails_fails_the_stream():
    class Broken(Socket):
        def readinto(self, buf, size=None):
            raise OSError(104)

        def write(self, buf, start, size):
            raise OSError(32)

    sock = Broken()
    stream = Stream(sock, 512)
    raises(OSError, stream.write, b"x")
    raises(OSError, read, stream)
    stream.close()
    assert sock.closed


# The handshake


def answer(status=b"HTTP/1.1 101 Switching Protocols", **changes):
    """The lines of a good answer; None takes a field out."""
    fields = {
        "upgrade": b"websocket",
        "connection": b"Upgrade",
        "sec_websocket_accept": accept(b"key"),
        "sec_websocket_protocol": b"mqtt",
    }
    fields.update(changes)
    lines = [status]
    for name, value in fields.items():
        if value is not None:
            lines.append(name.replace("_", "-").encode() + b": " + value)
    return lines


def test_the_key_of_the_standard():
    assert accept(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # 4.2.2


def test_the_request():
    raw = request("broker", 8080, "/mqtt", ("Authorization: Bearer x",), b"key").decode()
    assert raw[:20] == "GET /mqtt HTTP/1.1\r\n" and raw[-4:] == "\r\n\r\n"
    lines = raw.split("\r\n")
    for line in (
        "Host: broker:8080",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: key",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
        "Authorization: Bearer x",
    ):
        assert line in lines
    assert b"\r\nHost: [::1]:80\r\n" in request("::1", 80, "/", (), b"key")


def test_a_good_answer_is_taken():
    check(answer(), b"key")
    check(answer(upgrade=b"WebSocket", connection=b"keep-alive, upgrade", server=b"a:b"), b"key")
    check([line.replace(b"sec-websocket", b"SEC-WebSocket") for line in answer()], b"key")


def test_a_refusal_says_what_to_do():
    for status, words in (
        (b"HTTP/1.1 404 Not Found", "path"),
        (b"HTTP/1.1 400 Bad Request", "path"),
        (b"HTTP/1.0 401", "credentials"),
        (b"HTTP/1.1 403 Forbidden", "credentials"),
        (b"HTTP/1.1 301 Moved", "host"),
        (b"HTTP/1.1 200 OK", "host"),
    ):
        text = str(raises(ProtocolError, check, answer(status), b"key"))
        assert words in text and str(status.split()[1], "utf-8") in text


def test_what_is_no_websocket_is_refused():
    for status in (b"", b"HTTP/1.1", b"HTTP/1.1 abc", b"220 ESMTP", b"\x20\x02\x00\x01", b" "):
        text = str(raises(ProtocolError, check, answer(status), b"key"))
        assert "port" in text


def test_a_wrong_answer_is_refused():
    for changes in (
        {"upgrade": None},
        {"upgrade": b"h2c"},
        {"connection": None},
        {"connection": b"close"},
        {"sec_websocket_accept": None},
        {"sec_websocket_accept": accept(b"another")},
        {"sec_websocket_extensions": b"permessage-deflate"},
    ):
        raises(ProtocolError, check, answer(**changes), b"key")


def test_mqtt_is_demanded():
    for value in (None, b"mqttv3.1", b"chat"):
        changed = answer(sec_websocket_protocol=value)
        assert "sub-protocol" in str(raises(ProtocolError, check, changed, b"key"))


def test_options_are_checked():
    for options in (
        {"path": "mqtt"},
        {"path": "/a b"},
        {"path": "/a\r\nHost: x"},
        {"headers": ("a: b\nc: d",)},
        {"buffer": 124},
        {"buffer": 65_536},
    ):
        raises(ValueError, WebSocket, **options)
    WebSocket("/", headers=("a: b",), buffer=125)
