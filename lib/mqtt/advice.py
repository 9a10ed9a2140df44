"""What an error means and what to do. Loaded once something has failed, and not before."""

from errno import ENOMEM

from .packet import MQTTError, ProtocolError, Refused

# What a CONNACK's return code means and what to do about it (3.2.2.3).
_REFUSALS = (
    "no MQTT 3.1.1 here: use another broker or port",
    "client identifier refused: make it unique, 1 to 23 letters and digits, keep alive 30 to 1177",
    "broker not available: it is tried again",
    "wrong user name or password: check both",
    "not authorised: check user name, password, client identifier and access list",
)

# What mbedTLS calls a fatal alert of the other side, and an end without its goodbye.
_ALERT = -0x7780
_EOF = -0x7280

# What mbedTLS finds wrong with a certificate, the first to heal first, and what to do.
_FAULTS = (
    ("future", "is not valid yet by the clock of this board: set the clock first (NTP)"),
    ("expired", "has expired: renew it, or set the clock"),
    ("expected CN", "is for another host: check host and server_hostname"),
    ("trusted CA", "is of an unknown authority: check authorities"),
)

# What of a client a broker may refuse, as TLS numbers it.
_MINE = ("client certificate (none given)", "client certificate", "identity and key")

# What a server of WebSocket did wrong, and where RFC 6455 says so; by the names of websocket.py.
_WEBSOCKET = {
    "reserved": "WebSocket: reserved bits are set (5.2)",
    "masked": "WebSocket: a masked frame from the server (5.1)",
    "control": "WebSocket: a long or fragmented control frame (5.5)",
    "opcode": "WebSocket: a frame of opcode %d instead of binary (5.4)",
    "length": "WebSocket: a length beyond 63 bits (5.2)",
    "closed": "WebSocket: closed by the broker: %d %r",
    "ended": "no WebSocket: closed in the handshake: check port and path",
    "endless": "no WebSocket: an answer without end",
}


# What a server may not do, by the paragraph of MQTT 3.1.1.
_VIOLATIONS = {
    153: "PUBLISH to a topic name with a wildcard, or that is not UTF-8 (1.5.3, 3.3.2.1)",
    220: "packet 0x%02x is malformed or none of a server's (2.2)",
    223: "a length of over four bytes (2.2.3)",
    231: "PUBLISH with identifier 0 (2.3.1)",
    310: "packet 0x%02x out of turn, or longer than the buffer (3.1, 3.2)",
    322: "CONNACK 0x%04x: no such answer, or a session after a clean start (3.2.2)",
    331: "PUBLISH 0x%02x with wrong flags, or QoS 2, which nobody asked for (3.3.1, 3.8.4)",
    332: "PUBLISH without room for its topic (3.3.2)",
    384: "SUBACK with another count than its SUBSCRIBE (3.8.4)",
    393: "SUBACK with outcome %d (3.9.3)",
}


def violation(what: int, value: int) -> str:
    """Says what a server did; `value` goes into the text if it has a place for one."""
    text = _VIOLATIONS[what]
    return text % value if "%" in text else text


def refusal(code: int) -> str:
    """Says what CONNACK return code 1..5 means and what to do."""
    return "CONNACK %d: %s" % (code, _REFUSALS[code - 1])


def tls_options(error) -> str:
    """Says what is wrong with the options of TLS."""
    if isinstance(error, AttributeError):
        return "too old a MicroPython (PSK needs 1.29): %s" % error
    if not error.args:
        return "authorities are missing (or spell out verify=False)"
    return "%s: give certificates and key as DER, psk as (identity, key)" % error


def tls_error(error, host, port, mine, seen):
    """Returns what to raise for an error in the handshake: it or a ProtocolError with advice.

    `seen`: whether the broker's certificate had come, or the broker's first answer.
    """
    # A refusal may overtake what is still to be written: EPIPE, ECONNRESET, end of input.
    code = None if isinstance(error, ValueError) else error.errno
    text = tls_fault(error, mine, code == 32 or seen and code in (104, _EOF))
    return ProtocolError("%s:%s: %s" % (host, port, text)) if text else error


def tls_fault(error, mine, refused=False):
    """Returns what an error of a TLS socket means and what to do; None if TLS has no part.

    `mine`: what the broker may have refused, as TLS numbers it; `refused`: whether it did so.
    """
    text = str(error)
    if isinstance(error, ValueError):
        for word, advice in _FAULTS:
            if word in text:
                return "the broker's certificate " + advice
        return "the broker's certificate: " + text
    code = error.errno
    if code == ENOMEM:
        return "no memory for TLS, 35 KB of the system's: connect before the heap grows"
    if code == _ALERT or refused:
        return "the broker refused this client: check TLS version, name and " + _MINE[mine]
    if code == _EOF:
        return "the broker closed the connection (at once: it may be no port of TLS)"
    if isinstance(code, int) and code < -255:
        return "TLS failed: " + text
    return None


def websocket_options() -> str:
    """Says what the options of WebSocket have to be."""
    return "path begins with / and has no space, nor line ends as headers; buffer 125 to 65535"


def websocket_fault(what, detail):
    """Returns the ProtocolError for a fault by its name."""
    if what == "answer":
        return ProtocolError(_answer(*detail))
    text = _WEBSOCKET[what]
    return ProtocolError(text % detail if "%" in text else text)


def _answer(line, found):
    # Says what is wrong with an answer to the handshake, of that first line and these headers.
    status = line.split()
    if len(status) < 2 or status[0][:7] != b"HTTP/1." or not status[1].isdigit():
        return "no WebSocket: %r: check host and port" % line[:40]
    if status[1] != b"101":
        check = "the credentials" if status[1] in (b"401", b"403") else "host, port and path"
        return "no WebSocket: %r: check %s" % (line[:60], check)
    if found.get(b"sec-websocket-protocol") != b"mqtt":
        return "no MQTT on this WebSocket (sub-protocol): check port and path"
    return "no WebSocket: a wrong answer to the handshake (4.1)"


def link_fault(error, client):
    """Returns why a link or an attempt of a Client ended; None for an error nobody expected."""
    if isinstance(error, (MQTTError, Refused)):
        text = error.args[-1]
    elif isinstance(error, OSError):
        explain = getattr(client.transport, "explain", None)
        text = explain and explain(error)
        if not text:
            text = str(error)
            if client._stood is None:
                text += ": no connection, check host, port and network"
    else:
        return None
    where = "%s:%s: " % (client.host, client.port)
    # A transport's error names it already.
    return text if text.startswith(where) else where + text
