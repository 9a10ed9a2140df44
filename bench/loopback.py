"""What is measured on loopback, against one Mosquitto: rates, CPU, TLS and an idle connection."""

import ssl
import threading
from functools import partial

import trustme
from broker import mosquitto
from machine import topic_of
from wire import flood, publish

from fieldpost.broker import free_port

RECEIVED = 20_000
KEYS = {"rsa": trustme.KeyType.RSA, "ec": trustme.KeyType.ECDSA}
IDLE_S = 15
IDLE_KEEP_ALIVE = 10


class Loopback:
    """The broker with a listener each for TCP and for TLS with both kinds of keys."""

    def __init__(self, machine):
        self.machine = machine
        self._count = 0
        self.tls = {kind: free_port() for kind in KEYS}
        more = "".join(self._listener(kind, port) for kind, port in self.tls.items())
        self.broker = mosquitto(machine.folder / "broker", more=more)

    def _listener(self, kind, port):
        folder = self.machine.folder
        keys = KEYS[kind]
        authority = trustme.CA(key_type=keys)
        leaf = authority.issue_cert("127.0.0.1", key_type=keys)
        leaf.private_key_and_cert_chain_pem.write_to_path(folder / f"{kind}.pem")
        der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
        (folder / f"{kind}.der").write_bytes(der)
        return (
            f"listener {port} 127.0.0.1\ncertfile {folder}/{kind}.pem\n"
            f"keyfile {folder}/{kind}.pem\n"
        )

    def __enter__(self):
        self.broker.start()
        self.address = (self.broker.host, self.broker.port)
        return self

    def __exit__(self, *exc):
        self.broker.stop()

    def _name(self):
        self._count += 1
        return f"m{self._count}"

    def _run(self, task, peer, address=None, **options):
        return self.machine.run(self._name(), task, peer, address or self.address, **options)

    def rate(self, peer):
        """QoS 1 publishes a second."""
        return {"rate": self._run("rate", peer)["rate"]}

    def cost(self, peer):
        """us of CPU a publish at QoS 0."""
        return {"cost": self._run("cost", peer)["us"]}

    def receive(self, qos, peer):
        """us of CPU a message received."""
        name = self._name()
        topic = topic_of(name).encode()
        payload = b"m" * 20
        source = threading.Thread(
            target=flood, args=(self.address, topic, payload, qos, RECEIVED), daemon=True
        )
        size = len(publish(topic, payload, qos))
        got = self.machine.run(
            *(name, "receive", peer, self.address),
            ready=source.start,
            count=RECEIVED,
            qos=qos,
            size=size,
        )
        source.join()
        return {f"receive{qos}": got["us"]}

    def secure(self, kind, peer):
        """ms to connect by TLS."""
        address = ("127.0.0.1", self.tls[kind])
        return {f"tls-{kind}": self._run("connect", peer, address, ca=f"{kind}.der")["ms"]}

    def idle(self, peer):
        """Bytes allocated a second by a connection without messages, on 64 bits."""
        options = {"seconds": IDLE_S, "keep_alive": IDLE_KEEP_ALIVE}
        return {"idle": self._run("idle", peer, heap="8M", **options)["rate"]}

    def measures(self):
        """Returns what there is to measure: (rows, function of a peer)."""
        return [
            (("rate",), self.rate),
            (("cost",), self.cost),
            (("receive0",), partial(self.receive, 0)),
            (("receive1",), partial(self.receive, 1)),
            (("tls-rsa",), partial(self.secure, "rsa")),
            (("tls-ec",), partial(self.secure, "ec")),
        ]
