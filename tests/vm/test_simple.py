"""The blocking client on a real MicroPython, against a real Mosquitto and scripted servers.

The VM's side of each test is the function of that name in a simple_*.py. The defects are those
that clients for MicroPython are known for.
"""

import contextlib
import datetime
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from fieldpost import broker as brokers
from vm import MICROPYTHON, ROOT, needs_vm

# In 32-bit words, as an ESP32 counts.
HEAP = "64wK"

pytestmark = needs_vm

# The file of each case.
SCRIPTS = {
    name: file
    for file in ROOT.glob("tests/vm/simple_*.py")
    for name in re.findall(r"^def (\w+)\(port", file.read_text(encoding="utf-8"), re.M)
}

CONNACK = b"\x20\x02\0\0"
PRESENT = b"\x20\x02\1\0"
PINGRESP = b"\xd0\0"


def run(case, *args):
    """Runs a case on the VM and returns what it printed."""
    command = [MICROPYTHON, "-X", f"heapsize={HEAP}", SCRIPTS[case], case]
    done = subprocess.run(
        [*command, *map(str, args)],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": ".frozen:lib"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"done {case}\n"), done.stdout
    return done.stdout


class Peer:
    """The server's end of a connection."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(10)

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def packet(self):
        """Returns (first byte, body)."""
        first = self.read(1)[0]
        size = shift = 0
        while True:
            byte = self.read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self.read(size)

    def publish(self):
        """Returns (first byte, payload, identifier) of a PUBLISH."""
        first, body = self.packet()
        assert first >> 4 == 3, first
        end = 2 + int.from_bytes(body[:2], "big")
        packet_id = body[end : end + 2] if first & 6 else b""
        return first, body[end + len(packet_id) :], packet_id

    def say(self, *packets):
        self.connection.sendall(b"".join(packets))

    def accept(self, answer=CONNACK):
        """Takes CONNECT and answers it. Returns its body."""
        first, body = self.packet()
        assert first == 0x10, first
        self.say(answer)
        return body

    def acknowledge(self, packet_id):
        self.say(b"\x40\2" + packet_id)

    def grant(self, code=b"\0"):
        """Answers a SUBSCRIBE or UNSUBSCRIBE. Returns its body behind the identifier."""
        first, body = self.packet()
        if first == 0x82:
            self.say(b"\x90\3" + body[:2] + code)
        else:
            assert first == 0xA2, first
            self.say(b"\xb0\2" + body[:2])
        return body[2:]

    def ended(self):
        """Waits until the client closes; returns the first bytes of the packets before."""
        firsts = []
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                firsts.append(self.packet()[0])
        return firsts


def message(topic, payload=b"", packet_id=b"", first=0x30):
    body = len(topic).to_bytes(2, "big") + topic + packet_id + payload
    return bytes((first, len(body))) + body


class Server:
    """Does with connection n what script n says, then closes it. Its errors are the test's."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.failure = None
        # Scripts that came to their end.
        self.ended = 0
        self.scripts = scripts
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        try:
            for script in self.scripts:
                connection, _ = self.listener.accept()
                with connection:
                    script(Peer(connection))
                self.ended += 1
        except Exception as error:  # noqa: BLE001 - told in __exit__
            self.failure = error

    def __enter__(self):
        self.listener.settimeout(20)
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(0 if kind else 20)
        self.listener.close()
        if not kind:
            if self.failure:
                raise self.failure
            assert self.ended == len(self.scripts)


def against(case, *scripts, args=()):
    with Server(*scripts) as server:
        return run(case, server.port, *args)


def normal(peer):
    """A broker for a client that only publishes, at QoS 1."""
    peer.accept()
    with contextlib.suppress(EOFError, AssertionError):
        while True:
            peer.acknowledge(peer.publish()[2])


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    if brokers.find() is None:
        pytest.skip("Mosquitto is not installed")
    settings = "max_inflight_messages 0\nmax_queued_messages 0\n"
    with brokers.mosquitto(tmp_path_factory.mktemp("broker"), settings) as broker:
        yield broker


# ---- What umqtt.simple and umqtt.robust promise, against Mosquitto ---------------------------

BEHAVIOURS = """session_present messages_of_all_kinds return_values last_will views many
callback_publishes_and_subscribes callback_raises callback_disconnects
larger_than_the_buffer wrong_arguments robust_before_connect""".split()


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_behaviour(mosquitto, case):
    run(case, mosquitto.port)


def test_connect_says_all():
    said = []

    def script(peer):
        said.append(peer.accept())
        first, payload, packet_id = peer.publish()
        assert (first, payload) == (0x33, b"m")
        peer.acknowledge(packet_id)
        assert peer.ended() == [0xE0]

    against("connects_and_publishes", script)
    # Will at QoS 1 with retain, user, password; session kept; keep alive 300 s.
    assert said == [b"\0\4MQTT\4\xec\1\x2c\0\4full\0\1w\0\1t\0\2me\0\6secret"]


def test_refusal_says_what_to_do():
    against("refused", lambda peer: peer.accept(b"\x20\2\0\5"))


# ---- Defects that clients for MicroPython are known for --------------------------------------


def test_identifiers_wrap(mosquitto):
    before = len(mosquitto.log)
    run("identifiers_wrap", mosquitto.port)
    brokers_log = ended_log(mosquitto, before, "Received DISCONNECT from wrap")
    ids = [int(found) for found in re.findall(r"from wrap \(d0, q1, r0, m(\d+),", brokers_log)]
    assert len(ids) == 66_001 and min(ids) == 1 and max(ids) == 65_535
    assert all(len(set(ids[i : i + 16])) == 16 for i in range(65_000, 65_980))


def ended_log(broker, start, line):
    """Returns the broker's log from `start` on, once it holds the line."""
    end = time.monotonic() + 10
    while line not in (log := broker.log[start:]):
        assert time.monotonic() < end, line
        time.sleep(0.01)
    return log


def dumb(peer):
    """A broker that answers CONNECT and nothing more."""
    peer.accept()
    peer.ended()


@pytest.mark.parametrize("call", ["publish", "subscribe", "unsubscribe", "wait_msg"])
def test_no_call_outlasts_a_dumb_broker(call):
    # wait_msg pings first.
    against("no_answer", dumb, args=(call, 150, 1500))


def test_connect_does_not_outlast_a_dumb_broker():
    against("no_answer", lambda peer: peer.ended(), args=("connect", 350, 1500))


def test_output_that_nobody_reads():
    release = threading.Event()

    def script(peer):
        peer.accept()
        release.wait(20)

    with Server(script) as server:
        run("stalled_output", server.port)
        release.set()


def test_messages_without_end_do_not_hide_a_missing_acknowledgement():
    def script(peer):
        peer.accept()
        with contextlib.suppress(ConnectionError):
            while True:
                peer.say(message(b"t", b"more") * 50)

    against("no_end_of_messages", script)


def test_the_repeat_within_a_connection_has_dup_and_the_same_identifier():
    seen = []

    def script(peer):
        peer.accept()
        seen.append(peer.publish())
        seen.append(peer.publish())
        peer.ended()

    against("no_answer", script, args=("publish", 350, 1500))
    first, again = seen
    assert first[0] == 0x32 and again[0] == 0x3A and first[1:] == again[1:]


def test_disconnect_awaits_what_the_callback_published():
    def script(peer):
        peer.accept()
        peer.say(message(b"t", b"q"))
        _, _, packet_id = peer.publish()
        peer.acknowledge(packet_id)
        assert peer.ended() == [0xE0]

    against("disconnect_waits", script)


@pytest.mark.parametrize("call", ["publish", "wait_msg", "check_msg"])
def test_end_of_stream_is_noticed_at_once(call):
    def script(peer):
        peer.accept()
        peer.publish()

    against("closed_by_the_broker", script, lambda peer: peer.accept(), args=(call,))


def test_late_doubled_and_unknown_acknowledgements_do_no_harm():
    def script(peer):
        peer.accept()
        for _ in range(3):
            _, _, packet_id = peer.publish()
            peer.say(b"\x40\2" + packet_id, b"\x40\2" + packet_id, b"\x40\2\0\x30")
        peer.publish()
        # An answer to nothing, then 0x0030 as the length that it would be, then a message.
        peer.say(b"\x40\2\0\x30", b"\x40\2\0\0", b"\x90\3\0\x30\0", b"\xb0\2\0\x30", PINGRESP)
        peer.say(message(b"t"))
        _, payload, packet_id = peer.publish()
        assert payload == b"last"
        peer.acknowledge(packet_id)
        peer.ended()

    against("stray_acknowledgements", script)


def test_a_publish_is_sent_again_after_connect():
    seen = []

    def losing(peer):
        peer.accept()
        seen.append(peer.publish())

    def second(peer):
        body = peer.accept(PRESENT)
        assert not body[7] & 2, "the session was to be kept"
        for _ in range(2):
            seen.append(peer.publish())
            peer.acknowledge(seen[-1][2])
        peer.ended()

    against("sent_again", losing, second)
    assert seen[0] == (0x32, b"first", seen[0][2])
    assert seen[1] == (0x3A, b"first", seen[0][2])
    assert seen[2][:2] == (0x32, b"second")


@pytest.mark.parametrize("present", [CONNACK, PRESENT])
def test_robust_loses_nothing(present):
    seen = []

    def lose(after, answers):
        def script(peer):
            peer.accept(present if seen else CONNACK)
            for i in range(after):
                first, payload, packet_id = peer.publish()
                seen.append((first, int(payload), packet_id))
                if i < answers:
                    peer.acknowledge(packet_id)

        return script

    def silent(peer):
        lose(2, 0)(peer)
        peer.ended()

    def last(peer):
        peer.accept(present)
        while len({number for _, number, _ in seen}) < 20:
            lost_first, payload, packet_id = peer.publish()
            seen.append((lost_first, int(payload), packet_id))
            peer.acknowledge(packet_id)
        peer.ended()

    # The PUBLISH lost, its acknowledgement lost, nobody answers, all of the window lost.
    output = against("robust_publishes", lose(3, 2), lose(2, 1), silent, lose(8, 4), last)
    assert "mqtt: OSError" in output
    # All of them and in order; each repeat with the identifier it had, and with DUP if it is one
    # to the broker, too: to a new session all is new.
    numbers = [number for _, number, _ in seen]
    assert list(dict.fromkeys(numbers)) == list(range(20))
    assert len(numbers) > 20
    ids = {}
    for first, number, packet_id in seen:
        assert first & 8 or number not in ids or present == CONNACK
        assert ids.setdefault(number, packet_id) == packet_id


def test_refused_subscription_is_an_error_and_not_the_end():
    def script(peer):
        peer.accept()
        peer.grant(b"\x80")
        peer.grant(b"\1")
        _, _, packet_id = peer.publish()
        peer.acknowledge(packet_id)
        peer.ended()

    def again(peer):
        peer.accept()
        # Only what was granted is asked for again.
        assert peer.grant() == b"\0\4open\1"
        peer.ended()

    against("refused_subscription", script, again)


def test_a_resumed_session_is_no_error():
    def losing(peer):
        peer.accept()
        peer.grant()
        peer.say(message(b"t") * 2)
        peer.say(message(b"t"))

    def resumed(peer):
        peer.accept(PRESENT)
        peer.say(message(b"t"))

    def more(peer):
        peer.accept(PRESENT)
        peer.say(message(b"t") * 4)
        peer.ended()

    against("robust_sub", losing, resumed, more, args=(4,))


@pytest.mark.parametrize("present", [False, True])
def test_subscriptions_are_made_anew_if_the_session_is_gone(present):
    asked = []

    def first(peer):
        peer.accept()
        for _ in range(4):
            peer.grant()

    def second(peer):
        peer.accept(PRESENT if present else CONNACK)
        if not present:
            asked.extend((peer.grant(), peer.grant()))
        peer.say(message(b"a"))
        peer.ended()

    against("subscribes_anew", first, second)
    assert sorted(asked) == ([] if present else [b"\0\1a\1", b"\0\1b\0"])


def test_check_msg_keeps_alive_and_notices_silence():
    def script(peer):
        peer.accept()
        for _ in range(2):
            assert peer.packet()[0] == 0xC0
            peer.say(PINGRESP)
        assert set(peer.ended()) == {0xC0}

    against("keeps_alive", script)


def test_an_answer_that_came_while_the_program_was_busy_is_in_time():
    def script(peer):
        peer.accept()
        assert peer.packet()[0] == 0xC0
        peer.publish()
        peer.say(PINGRESP, message(b"t"))
        assert not peer.ended()

    against("late_reader", script)


def test_wait_msg_asks_a_silent_link_for_a_sign_of_life():
    def script(peer):
        peer.accept()
        assert peer.packet()[0] == 0xC0
        peer.say(PINGRESP)
        assert peer.ended() == [0xC0]

    against("silent_link", script)


LIES = {
    "a message of 256 MB": b"\x30\xff\xff\xff\x7f\0\1t" + b"x" * 3000,
    "a length without end": b"\x30\xff\xff\xff\xff\xff",
    "a topic longer than its packet": b"\x30\5\xff\xfftop",
    "an acknowledgement of 2 MB": b"\x40\xff\xff\x7f",
    "a message without room for its identifier": b"\x32\5\0\3top",
    "identifier 0": b"\x32\7\0\3top\0\0",
}


@pytest.mark.parametrize("lie", LIES)
def test_lying_lengths_are_not_believed(lie):
    def script(peer):
        peer.accept()
        peer.publish()
        peer.say(LIES[lie])

    against("lying_lengths", script)


VIOLATIONS = {
    "a second CONNACK": CONNACK,
    "a client's packet": b"\xc0\0",
    "QoS 3": b"\x36\5\0\1t\0\1",
    "QoS 2": b"\x34\5\0\1t\0\1",
    "a topic that is not UTF-8": message(b"\xff\xfe"),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_violations_end_the_connection(violation):
    def script(peer):
        peer.accept()
        peer.publish()
        peer.say(VIOLATIONS[violation])
        peer.ended()

    against("protocol_error", script)


def test_the_name_is_resolved_anew_and_every_address_tried():
    against("name_resolved_anew", normal, normal)


# ---- TLS -------------------------------------------------------------------------------------


def certify(folder):
    """Writes cert.pem, cert.der and key.pem of a localhost that signed itself."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "cert.der").write_bytes(made.public_bytes(serialization.Encoding.DER))
    old = serialization.PrivateFormat.TraditionalOpenSSL
    open_key = key.private_bytes(pem, old, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(open_key)
    return folder


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certify(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure_mosquitto(certificate, tmp_path_factory):
    if brokers.find() is None:
        pytest.skip("Mosquitto is not installed")
    settings = f"certfile {certificate}/cert.pem\nkeyfile {certificate}/key.pem\n"
    with brokers.mosquitto(tmp_path_factory.mktemp("broker"), settings) as broker:
        yield broker


@pytest.mark.parametrize("way", ["context", "verified", "legacy"])
def test_over_tls(secure_mosquitto, certificate, way):
    run("over_tls", secure_mosquitto.port, way, certificate / "cert.der")


def test_tls_of_a_stranger_is_refused(secure_mosquitto, tmp_path):
    run("tls_of_a_stranger", secure_mosquitto.port, certify(tmp_path) / "cert.der")


def test_a_tls_handshake_without_end():
    against("tls_stalls", lambda peer: peer.connection.recv(1) and stay(peer), args=("early",))


def stay(peer):
    """Reads and says nothing until the client goes."""
    with contextlib.suppress(ConnectionError):
        while peer.connection.recv(4096):
            pass


def test_a_tls_peer_that_falls_silent(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def script(peer):
        with context.wrap_socket(peer.connection, server_side=True) as secured:
            within = Peer(secured)
            within.accept()
            with contextlib.suppress(ssl.SSLError):
                assert within.ended() == [0xC0]

    against("tls_stalls", script, args=("later",))
