"""The watcher of a simulation lives on whatever others publish."""

import contextlib
import json

from paho.mqtt import publish

from fieldpost import broker as brokers
from fieldpost.watcher import Watcher

NODE = "acme/lab/node-01"
READING = {"value": 22.5, "unit": "\u00b0C", "time": None, "seq": 0}


def reading(**changed):
    return json.dumps({**READING, **changed}).encode()


STRAY = (
    ("acme", b"x"),
    ("acme/temperature", reading()),
    (f"{NODE}/comand", b"read"),
    (f"{NODE}/temperature", b"22.5"),
    (f"{NODE}/temperature", b"[]"),
    (f"{NODE}/temperature", b"\xff"),
    (f"{NODE}/temperature", b"[" * 100_000),
    (f"{NODE}/temperature", b'{"value": 1}'),
    (f"{NODE}/temperature", reading(unit=7)),
    (f"{NODE}/temperature", reading(time="now")),
    (f"{NODE}/temperature", reading(time=10**400)),
    (f"{NODE}/temperature", reading(seq=-1)),
    (f"{NODE}/temperature", reading(seq="1")),
    (f"{NODE}/status", b"\xff"),
    (f"{NODE}/status", b"on fire"),
)


def test_stray_messages_are_ignored(tmp_path):
    with brokers.mosquitto(tmp_path) as broker:
        address = broker.host, broker.port
        with contextlib.closing(Watcher(address, "acme", 2)) as watcher:
            messages = [(topic, payload, 1, False) for topic, payload in STRAY]
            last = (f"{NODE}/temperature", reading(value="[/red]"), 1, False)
            publish.multiple([*messages, last], *address)
            assert watcher.wait(lambda: watcher.readings, 5)
    assert list(watcher.nodes) == ["node-01"]
    node = watcher.nodes["node-01"]
    assert node.values == {"temperature": ("[/red]", READING["unit"])}
    assert (node.status, watcher.readings, watcher.lost) == ("-", 1, 0)
