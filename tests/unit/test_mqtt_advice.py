"""What errors are said to mean, by the errors alone."""

from mqtt.advice import (
    link_fault,
    refusal,
    tls_error,
    tls_fault,
    tls_options,
    websocket_fault,
    websocket_options,
)
from mqtt.packet import ProtocolError

ALERT = OSError(-0x7780, "")
EOF = OSError(-0x7280, "")


def test_each_refusal_says_what_to_do():
    for code, words in (
        (1, "another broker or port"),
        (2, "make it unique"),
        (3, "tried again"),
        (4, "check both"),
        (5, "access list"),
    ):
        assert refusal(code).startswith("CONNACK %d: " % code) and words in refusal(code)


def test_certificates():
    for text, words in (
        ("The certificate validity starts in the future\n", "set the clock first"),
        ("The certificate validity has expired\n", "renew"),
        ("The certificate Common Name (CN) does not match with the expected CN\n", "host"),
        ("The certificate is not correctly signed by the trusted CA\n", "check authorities"),
        ("The CRL is not right", "The CRL is not right"),
        # The first to heal is told first.
        ("... expired\n... starts in the future\n... by the trusted CA\n", "set the clock first"),
    ):
        said = str(tls_fault(ValueError(text), 0))
        assert said.startswith("the broker's certificate") and words in said


def test_errors_of_a_tls_socket():
    for error, words in (
        (OSError(12, ""), "memory"),
        (ALERT, "refused this client"),
        (EOF, "no port of TLS"),
        (OSError(-0x7200, ""), "TLS failed"),
    ):
        assert words in str(tls_fault(error, 0))
    for error in (OSError(104, ""), OSError(32, ""), OSError("words"), OSError()):
        assert tls_fault(error, 0) is None


def test_a_refused_client_is_told_what_of_it_to_check():
    for mine, words in (
        (0, "name and client certificate (none given)"),
        (1, "name and client certificate"),
        (2, "name and identity and key"),
    ):
        assert str(tls_fault(ALERT, mine)).endswith(words)


def test_a_refusal_may_be_overtaken():
    # Whether the broker's certificate had come tells a refusal from a port without TLS.
    for error, seen, words in (
        (ALERT, False, "refused this client"),
        (OSError(32, ""), False, "refused this client"),
        (OSError(104, ""), True, "refused this client"),
        (EOF, True, "refused this client"),
        (EOF, False, "no port of TLS"),
        (ValueError("... expired"), True, "renew"),
    ):
        raised = tls_error(error, "broker", 8883, 1, seen)
        assert isinstance(raised, ProtocolError)
        assert str(raised).startswith("broker:8883: ") and words in str(raised)
    for error in (OSError(104, ""), OSError(110, ""), OSError()):
        assert tls_error(error, "broker", 8883, 1, False) is error


def test_options_of_tls():
    assert "spell out verify=False" in tls_options(ValueError())
    assert "DER" in tls_options(ValueError("invalid cert"))
    said = tls_options(AttributeError("no attribute 'psk_key'"))
    assert "1.29" in said and "psk_key" in said


def test_options_of_websocket():
    assert "path" in websocket_options() and "125 to 65535" in websocket_options()


def test_faults_of_websocket():
    for what, detail, words in (
        ("reserved", 2, "(5.2)"),
        ("masked", 2, "masked"),
        ("control", 9, "(5.5)"),
        ("opcode", 3, "opcode 3"),
        ("length", 2, "63 bits"),
        ("closed", (1008, b"50% off"), "1008 b'50% off'"),
        ("ended", None, "closed in the handshake"),
        ("endless", None, "without end"),
        ("answer", (b"HTTP/1.1 404 100% gone", {}), "100% gone"),
    ):
        error = websocket_fault(what, detail)
        assert isinstance(error, ProtocolError) and words in str(error), str(error)


def test_a_reason_names_the_broker_once():
    class Tried:
        host, port, transport, _stood = "broker", 8883, None, None

    for error, text in (
        (ProtocolError("packet 0x10"), "packet 0x10"),
        (tls_error(ValueError("it has expired"), "broker", 8883, 0, True), "the broker's"),
        (OSError(5), "5"),
    ):
        said = str(link_fault(error, Tried))
        assert said.count("broker:8883: ") == 1 and said.startswith("broker:8883: "), said
        assert text in said
    assert link_fault(KeyError("x"), Tried) is None
