"""TLS on the real MicroPython: against Mosquitto with certificates of our own, evil servers."""

import datetime
import subprocess

import pytest
import trustme
from tls_tools import (
    Gate,
    Papers,
    Server,
    Talk,
    drain,
    flood,
    reason,
)

from fieldpost import broker
from vm import MICROPYTHON, ROOT, needs_mosquitto, needs_vm

pytestmark = [needs_vm, needs_mosquitto]

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def papers(tmp_path, authority):
    return Papers(tmp_path, authority)


@pytest.fixture
def mosquitto(tmp_path):
    """Starts a broker with those lines of settings; it goes with the test."""
    started = []

    def start(settings):
        started.append(broker.mosquitto(tmp_path, settings).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


# Talking


def test_a_client_talks_over_tls(papers, mosquitto):
    server = mosquitto(papers.server())
    with Talk(server.port, tls={"authorities": papers.ca}, sizes=[0, 10, 900]) as talk:
        lines = talk.end()
    assert lines[:5] == ["up", "echo 0", "echo 10", "echo 900", "round 1"]


def test_payloads_larger_than_a_record(papers, mosquitto):
    server = mosquitto(papers.server())
    options = {"tls": {"authorities": papers.ca}, "client": {"buffer": 5000}}
    with Talk(server.port, heap="256wK", sizes=[3000, 4900], **options) as talk:
        assert "echo 4900" in talk.end()


def test_it_comes_back_when_the_broker_does(papers, mosquitto):
    server = mosquitto(papers.server())
    with Talk(server.port, tls={"authorities": papers.ca}, rounds=3) as talk:
        talk.expect("round 1")
        server.kill()  # no goodbye of TLS
        talk.expect("down")
        server.start()
        talk.expect("round 2")
        server.stop()  # with it
        talk.expect("down")
        server.start()
        talk.expect("round 3")
        talk.end()


def test_a_full_socket_loses_nothing(papers, mosquitto):
    sent, came = flood(mosquitto(papers.server()), tls={"authorities": papers.ca})
    assert came == sent


def test_one_byte_at_a_time(papers, mosquitto):
    server = mosquitto(papers.server())
    with (
        Gate(server.port, grain=1) as gate,
        Talk(gate.port, tls={"authorities": papers.ca}) as talk,
    ):
        assert talk.end()[:3] == ["up", "echo 10", "round 1"]


def test_a_broker_that_hangs_is_left_and_found_again(papers, mosquitto):
    server = mosquitto(papers.server())
    options = {"connect_ms": 500, "client": {"keep_alive": 1}, "rounds": 2}
    with Talk(server.port, tls={"authorities": papers.ca}, **options) as talk:
        talk.expect("round 1")
        server.freeze()
        assert "PINGRESP" in talk.expect("down")
        assert "ETIMEDOUT" in talk.expect("down")
        server.thaw()
        talk.expect("round 2")
        talk.end()


def test_rsa_certificates(tmp_path, mosquitto):
    papers = Papers(tmp_path, trustme.CA(key_type=trustme.KeyType.RSA))
    server = mosquitto(papers.server(key_type=trustme.KeyType.RSA))
    with Talk(server.port, tls={"authorities": papers.ca}) as talk:
        assert "round 1" in talk.end()


def test_one_of_several_authorities(papers, mosquitto, tmp_path):
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other", trustme.CA())
    server = mosquitto(papers.server())
    with Talk(server.port, tls={"authorities": [other.ca, papers.ca]}) as talk:
        assert "round 1" in talk.end()


def test_the_name_may_be_given(papers, mosquitto):
    server = mosquitto(papers.server("broker.example"))
    tls = {"authorities": papers.ca, "server_hostname": "broker.example"}
    with Talk(server.port, "127.0.0.1", tls=tls) as talk:
        assert "round 1" in talk.end()


def test_no_verification_has_to_be_spelled_out(papers, mosquitto):
    server = mosquitto(papers.server("another"))
    with Talk(server.port, tls={"verify": False}) as talk:
        assert "round 1" in talk.end()


# Certificates that are not good


def test_an_unknown_authority(papers, mosquitto, tmp_path):
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other", trustme.CA())
    text = reason(mosquitto(papers.server()).port, tls={"authorities": other.ca})
    assert "unknown authority" in text and "authorities" in text


def test_a_wrong_name(papers, mosquitto):
    text = reason(mosquitto(papers.server("another")).port, tls={"authorities": papers.ca})
    assert "another host" in text and "server_hostname" in text


def test_an_expired_certificate(papers, mosquitto):
    settings = papers.server(not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    text = reason(mosquitto(settings).port, tls={"authorities": papers.ca})
    assert "expired" in text and "renew" in text


def test_a_clock_that_is_not_set(papers, mosquitto):
    settings = papers.server(not_before=NOW + 9 * DAY, not_after=NOW + 99 * DAY)
    text = reason(mosquitto(settings).port, tls={"authorities": papers.ca})
    assert "set the clock" in text


# Who the client is


def test_mutual_tls(papers, mosquitto):
    server = mosquitto(papers.server() + "require_certificate true\nuse_identity_as_username true")
    with Talk(server.port, tls={"authorities": papers.ca, **papers.client()}) as talk:
        assert "round 1" in talk.end()
    assert "u'talk'" in server.log


def test_a_missing_client_certificate(papers, mosquitto):
    server = mosquitto(papers.server() + "require_certificate true")
    text = reason(server.port, tls={"authorities": papers.ca})
    assert "client certificate (none given)" in text


def test_a_refused_client_certificate(papers, mosquitto, tmp_path):
    (tmp_path / "other").mkdir()
    stranger = Papers(tmp_path / "other", trustme.CA()).client()
    server = mosquitto(papers.server() + "require_certificate true")
    text = reason(server.port, tls={"authorities": papers.ca, **stranger})
    assert "refused" in text and "client certificate" in text and "none given" not in text


def test_a_password(papers, mosquitto, tmp_path):
    program = broker.find("mosquitto_passwd")
    assert program
    subprocess.run([program, "-c", "-b", tmp_path / "users", "node", "right"], check=True)
    settings = f"{papers.server()}allow_anonymous false\npassword_file {tmp_path}/users"
    server = mosquitto(settings)
    tls = {"authorities": papers.ca}
    with Talk(server.port, tls=tls, client={"user": "node", "password": "right"}) as talk:
        assert "round 1" in talk.end()
    text = reason(server.port, tls=tls, client={"user": "node", "password": "wrong"})
    assert "CONNACK" in text and "password" in text


def test_a_shared_key(mosquitto, tmp_path):
    (tmp_path / "keys").write_text("node:" + b"sixteen bytes xx".hex() + "\n")
    server = mosquitto(f"psk_file {tmp_path}/keys\npsk_hint fieldpost\nciphers PSK")
    with Talk(server.port, tls={"psk": ["node", "sixteen bytes xx"]}, rounds=1) as talk:
        assert "round 1" in talk.end()
    for psk in (["node", "another key"], ["nobody", "sixteen bytes xx"]):
        text = reason(server.port, tls={"psk": psk})
        assert "identity and key" in text


CONNECT = """
import asyncio
from mqtt import tls, transport
raws = []
async def tcp(*to):
    raws.append(await transport.tcp(*to))
    return raws[0]
tls.tcp = tcp
async def main():
    try:
        await TLS({options!r}, "localhost")("127.0.0.1", {port}, 5000)
        print("it stands", raws[0].fileno() != -1)
    except Exception as error:
        print(type(error).__name__, error, raws[0].fileno())
asyncio.run(main())
"""


def test_a_refusal_is_told_by_the_transport_itself(papers, mosquitto):
    server = mosquitto(papers.server() + "require_certificate true")
    told = run(CONNECT.format(options=papers.ca, port=server.port))
    assert told.startswith(f"ProtocolError 127.0.0.1:{server.port}: the broker refused"), told
    assert told.endswith(" -1\n"), "the socket was left open"


def test_it_stands_when_the_transport_returns(papers, mosquitto):
    told = run(CONNECT.format(options=papers.ca, port=mosquitto(papers.server()).port))
    assert told == "it stands True\n"


# Servers that are none


def test_a_port_without_tls(papers, mosquitto):
    text = reason(mosquitto("").port, tls={"authorities": papers.ca})
    assert "port" in text


def test_a_server_that_speaks_something_else(papers):
    def script(connection):
        connection.sendall(b"220 mail.example ESMTP\r\n" * 3)
        drain(connection)

    with Server(script) as server:
        text = reason(server.port, tls={"authorities": papers.ca})
    assert "TLS failed" in text


def test_a_handshake_that_stalls_ends_in_time_and_stops_nobody(papers):
    for first in (b"", b"\x16\x03\x03", b"\x16\x03\x03\x40\x00\x02"):

        def script(connection):
            connection.sendall(first)
            drain(connection)

        with Server(script) as server:
            options = {"connect_ms": 300, "tls": {"authorities": papers.ca}}
            with Talk(server.port, rounds=0, **options) as talk:
                assert "ETIMEDOUT" in talk.expect("down")
                assert int(talk.expect("loop")) < 200


def test_a_server_that_hangs_up_in_the_handshake(papers):
    def script(connection):
        connection.recv(100)

    with Server(script) as server:
        text = reason(server.port, tls={"authorities": papers.ca})
    assert str(server.port) in text and ("closed" in text or "ECONNRESET" in text)


# Options


def run(code):
    """Runs code on MicroPython with `TLS` imported, and returns what it prints."""
    code = "import sys; sys.path.append('lib'); from mqtt.tls import TLS\n" + code
    done = subprocess.run([MICROPYTHON, "-c", code], cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "verify=False"),
        ("verify=0", "verify=False"),
        ("b'none'", "DER"),
        ("verify=False, certificate=b'none', key=b'none'", "DER"),
    ],
)
def test_wrong_options_are_told(options, words):
    last = run(f"TLS({options})").splitlines()[-1]
    assert last.startswith("ValueError") and words in last


def test_a_missing_file_is_told():
    assert "ENOENT" in run("TLS('/no/such.der')")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OSError(-0x7780)", "client certificate (none given)"),
        ("OSError(-0x7280)", "closed"),
        ("OSError(12)", "memory"),
        ("OSError(-0x7200, 'bad record')", "bad record"),
        ("OSError(104)", "None"),
        ("OSError('words')", "None"),
        ("OSError()", "None"),
        ("ValueError('The CRL is not right')", "CRL"),
    ],
)
def test_errors_are_explained(error, words):
    assert words in run(f"print(TLS(verify=False).explain({error}))")
