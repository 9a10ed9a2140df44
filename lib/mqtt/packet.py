"""MQTT 3.1.1 packets, encoded into and decoded from the caller's buffers. No I/O, no state."""

# The largest remaining length that four bytes can tell (2.2.3).
_LONGEST = 268_435_455

# What a CONNACK's return code means and what to do about it (3.2.2.3).
_REFUSALS = (
    "no MQTT 3.1.1 here: use another broker or port",
    "client identifier refused: make it unique, 1 to 23 letters and digits, keep alive 30 to 1177",
    "broker not available: it is tried again",
    "wrong user name or password: check both",
    "not authorised: check user name, password, client identifier and access list",
)


class ProtocolError(Exception):
    """The server sent what MQTT 3.1.1 forbids: close the connection. The text says what."""


def refusal(code: int) -> str:
    """Says what CONNACK return code 1..5 means and what to do."""
    return "CONNACK %d: %s" % (code, _REFUSALS[code - 1])


def data(value) -> bytes:
    """Returns str as UTF-8, anything else as it is."""
    return value.encode() if isinstance(value, str) else value


def text(value) -> bytes:
    """Returns str or bytes as a UTF-8 string field. Raises ValueError if it may not be one.

    It has at most 65535 bytes, is well-formed, and holds no NUL (1.5.3).
    """
    value = data(value)
    if len(value) > 65535 or b"\0" in value or not well_formed(value):
        raise ValueError("not UTF-8 without NUL of at most 65535 bytes")
    return value


def well_formed(value) -> bool:
    """Tells if bytes are well-formed UTF-8 without surrogates (1.5.3)."""
    try:
        decoded = str(value, "utf-8")
    except UnicodeError:
        return False
    if len(decoded) == len(value):
        return True
    # MicroPython's decoder lets overlong forms and surrogates pass.
    size = 0
    for char in decoded:
        code = ord(char)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return False
        size += 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return size == len(value)


# Encoding: each function writes at `pos` and returns the position behind what it wrote.


def _put_length(buf, pos, length):
    # Seven bits a byte, lowest first, the eighth says that more follow (2.2.3).
    while length > 127:
        buf[pos] = length & 127 | 128
        length >>= 7
        pos += 1
    buf[pos] = length
    return pos + 1


def _put_field(buf, pos, value):
    size = len(value)
    buf[pos] = size >> 8
    buf[pos + 1] = size & 255
    pos += 2
    buf[pos : pos + size] = value
    return pos + size


def connect(buf, client_id, user=None, password=None, keep_alive=60, clean=True, will=None):
    """Encodes CONNECT (3.1) at the start of `buf`; will is (topic, payload, qos, retain).

    Raises ValueError when a value is not allowed or the buffer is too small.
    """
    flags = 2 if clean else 0
    fields = [b"MQTT", text(client_id)]
    if will:
        flags |= 4 | will[2] << 3 | (32 if will[3] else 0)
        fields += [text(will[0]), data(will[1])]
    if user is not None:
        flags |= 128
        fields.append(text(user))
    if password is not None:
        flags |= 64
        fields.append(data(password))
    # 3.1.2.6, 3.1.2.9, 3.1.2.10, 3.1.3.1
    if flags & 0x18 == 0x18 or flags & 0xC0 == 0x40 or not 0 <= keep_alive <= 65535:
        raise ValueError("will QoS, a password without user name, or keep_alive")
    if not client_id and not clean:
        raise ValueError("an empty client_id needs clean=True")
    size = 4
    for field in fields:
        size += 2 + len(field)
        if len(field) > 65535:
            raise ValueError("a field of over 65535 bytes")
    if size + 5 > len(buf):
        raise ValueError("CONNECT needs a buffer of %d bytes" % (size + 5))
    buf[0] = 0x10
    pos = _put_length(buf, 1, size)
    for field in fields:
        pos = _put_field(buf, pos, field)
        if field is fields[0]:
            buf[pos] = 4  # protocol level of 3.1.1
            buf[pos + 1] = flags
            buf[pos + 2] = keep_alive >> 8
            buf[pos + 3] = keep_alive & 255
            pos += 4
    return pos


def publish(buf, pos, first, topic, packet_id, size):
    """Encodes a PUBLISH (3.3) up to its payload of `size` bytes, which the caller puts behind.

    `first` is the first byte (0x30, DUP 8, QoS 1 is 2, retain 1), `packet_id` 0 with QoS 0.
    """
    width = len(topic)
    size += 2 + width
    if packet_id:
        size += 2
    if size > _LONGEST:
        raise ValueError("a packet has at most 268435455 bytes")
    buf[pos] = first
    if size < 128:  # spares a call in the common case
        buf[pos + 1] = size
        pos += 2
    else:
        pos = _put_length(buf, pos + 1, size)
    buf[pos] = width >> 8
    buf[pos + 1] = width & 255
    pos += 2
    end = pos + width
    buf[pos:end] = topic
    if packet_id:
        buf[end] = packet_id >> 8
        buf[end + 1] = packet_id & 255
        end += 2
    return end


def puback(buf, pos, packet_id):
    """Encodes PUBACK (3.4)."""
    buf[pos] = 0x40
    buf[pos + 1] = 2
    buf[pos + 2] = packet_id >> 8
    buf[pos + 3] = packet_id & 255
    return pos + 4


def request_size(filters) -> int:
    """Returns how many bytes `request` takes at most."""
    size = 7
    for name, _ in filters:
        size += 3 + len(name)
    return size


def request(buf, pos, first, packet_id, filters):
    """Encodes SUBSCRIBE (`first` 0x82, 3.8) or UNSUBSCRIBE (0xA2, 3.10) of (filter, qos)."""
    size = request_size(filters) - 5
    if first == 0xA2:
        size -= len(filters)  # no QoS there
    buf[pos] = first
    pos = _put_length(buf, pos + 1, size)
    buf[pos] = packet_id >> 8
    buf[pos + 1] = packet_id & 255
    pos += 2
    for name, qos in filters:
        pos = _put_field(buf, pos, name)
        if first == 0x82:
            buf[pos] = qos
            pos += 1
    return pos


def empty(buf, pos, first):
    """Encodes PINGREQ (`first` 0xC0, 3.12) or DISCONNECT (0xE0, 3.14)."""
    buf[pos] = first
    buf[pos + 1] = 0
    return pos + 2


# Decoding: `start` and `stop` are where the body of a packet begins and ends in `buf`.


def length(buf, pos, end) -> int:
    """Decodes the remaining length at `pos`; -1 if it is not whole before `end`.

    Returns length * 4 + its own size in bytes - 1: one small int, so nothing is allocated.
    """
    value = 0
    for i in range(4):
        if pos + i >= end:
            return -1
        byte = buf[pos + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value << 2 | i
    raise ProtocolError("length of over four bytes (2.2.3)")


def topic_end(buf, start, stop, first) -> int:
    """Checks the head of a PUBLISH (3.3) and returns where its topic, from start + 2, ends."""
    qos = first >> 1 & 3
    if qos == 3 or first & 8 and not qos:
        raise ProtocolError("PUBLISH with wrong flags (3.3.1)")
    end = start + 2
    if end < stop:
        end += buf[start] << 8 | buf[start + 1]
    if end == start + 2 or end + (2 if qos else 0) > stop:
        raise ProtocolError("PUBLISH without room for its topic (3.3.2)")
    return end


def publish_id(buf, pos) -> int:
    """Decodes the identifier of a PUBLISH."""
    packet_id = buf[pos] << 8 | buf[pos + 1]
    if not packet_id:
        raise ProtocolError("PUBLISH with identifier 0 (2.3.1)")
    return packet_id


def connack(buf, start, stop) -> int:
    """Decodes CONNACK (3.2). Returns session present * 256 + return code 0..5."""
    if stop - start != 2 or buf[start] > 1 or buf[start + 1] > 5:
        raise ProtocolError("malformed CONNACK (3.2)")
    present = buf[start]
    code = buf[start + 1]
    if present and code:
        raise ProtocolError("CONNACK refuses a session present (3.2.2.2)")
    return present << 8 | code


def identifier(buf, start, stop) -> int:
    """Decodes PUBACK or UNSUBACK (3.4, 3.11)."""
    if stop - start != 2:
        raise ProtocolError("malformed PUBACK or UNSUBACK (3.4, 3.11)")
    return buf[start] << 8 | buf[start + 1]


def suback(buf, start, stop) -> bytes:
    """Decodes SUBACK's outcomes, a byte a filter: QoS 0..2 granted, or 0x80 refused (3.9)."""
    codes = bytes(buf[start + 2 : stop])
    if not codes:
        raise ProtocolError("SUBACK without outcome (3.9)")
    for code in codes:
        if code > 2 and code != 128:
            raise ProtocolError("SUBACK with outcome %d (3.9.3)" % code)
    return codes
