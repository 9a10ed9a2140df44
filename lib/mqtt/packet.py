"""MQTT 3.1.1 packets and their fields. No I/O, no state."""

from .topic import check_name, data, decoded, text


class MQTTError(OSError):
    """What ends a connection or a message, other than the network. The text says why."""


class ProtocolError(MQTTError):
    """The server sent what MQTT 3.1.1 forbids: close the connection."""


class Overdue(MQTTError):
    """The server did not answer in time: close the connection."""


class Refused(Exception):
    """The server refused the connection: CONNACK's code 1..5, and what to do about it.

    Only 3 heals by waiting.
    """


def violation(what, value=0):
    """Returns the ProtocolError of that number in advice.py."""
    from .advice import violation

    return ProtocolError(violation(what, value))


def since(now, mark) -> int:
    """Returns the ms from `mark` to `now`, 0 if `mark` is the later. Up to six days."""
    # 2**30 is where the ESP32's counter wraps; the unix one wraps at a multiple of it.
    elapsed = (now - mark) & 0x3FFFFFFF
    return elapsed if elapsed < 0x20000000 else 0


def received_name(topic):
    """Returns the topic name of a PUBLISH received. Raises ProtocolError if it is none."""
    name = decoded(topic)
    if name is None or "+" in name or "#" in name:
        raise violation(153)
    return name


def _field(value):
    # Two bytes of length, then the value (1.5.3).
    size = len(value)
    if size > 65535:
        raise ValueError("a field of over 65535 bytes")
    return bytes((size >> 8, size & 255)) + value


def put_length(buf, pos, size):
    """Encodes a remaining length at `pos`, at most 268435455; returns the position behind it."""
    # Seven bits a byte, lowest first, the eighth says that more follow (2.2.3).
    while size > 127:
        buf[pos] = size & 127 | 128
        size >>= 7
        pos += 1
    buf[pos] = size
    return pos + 1


def _packet(first, body):
    head = bytearray(5)
    head[0] = first
    return head[: put_length(head, 1, len(body))] + body


def connect(options):
    """Returns CONNECT (3.1) of a Session's options. Raises ValueError."""
    client_id, user, password, keep_alive, clean, will = options
    flags = 2 if clean else 0
    tail = _field(text(client_id))
    if will:
        topic, payload, qos, retain = will
        flags |= 4 | qos << 3 | (32 if retain else 0)
        tail += _field(check_name(topic)) + _field(data(payload))
    if user is not None:
        flags |= 128
        tail += _field(text(user))
    if password is not None:
        flags |= 64
        tail += _field(data(password))
    # 3.1.2.6, 3.1.2.9, 3.1.2.10, 3.1.3.1
    if flags & 0x18 == 0x18 or flags & 0xC0 == 64 or not 0 <= keep_alive <= 65535:
        raise ValueError("will QoS, password without user name, or keep_alive")
    if not client_id and not clean:
        raise ValueError("an empty client_id needs clean=True")
    head = bytes((4, flags, keep_alive >> 8, keep_alive & 255))
    return _packet(0x10, b"\0\4MQTT" + head + tail)


def request(first, packet_id, filters):
    """Returns SUBSCRIBE (`first` 0x82, 3.8) or UNSUBSCRIBE (0xA2, 3.10) of (filter, qos)."""
    body = bytes((packet_id >> 8, packet_id & 255))
    for name, qos in filters:
        body += _field(name)
        if first == 0x82:
            body += bytes((qos,))
    return _packet(first, body)
