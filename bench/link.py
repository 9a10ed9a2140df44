"""What is measured on a packet-level link with a round trip of 50 ms (relay.py).

A proxy that reads and writes would hide what TCP does: waiting, gathering, acknowledging.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from machine import LIMIT_S, Failed, found, topic_of

RELAY = Path(__file__).with_name("relay.py")
ADDRESS = ("10.77.0.2", 1883)


class Missing(Exception):
    """This can't be measured here; the text says why in a word or two."""


class Link:
    def __init__(self, machine):
        self.machine = machine
        self._count = 0

    def __enter__(self):
        for program in ("unshare", "ip"):
            if not shutil.which(program):
                raise Missing(f"needs {program}")
        # Who isn't root may be it in a namespace of users.
        alone = ["-n"] if os.geteuid() == 0 else ["-rn"]
        self._process = subprocess.Popen(
            ["unshare", *alone, sys.executable, str(RELAY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            self.__exit__()
            raise Missing("needs root")
        return self

    def __exit__(self, *exc):
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def ask(self, jobs, cut_at=0, limit=LIMIT_S):
        """Runs {name: command} on the link, side by side. Returns what relay.py answers."""
        assert self._process.stdin and self._process.stdout
        request = {
            "jobs": jobs,
            "folder": str(self.machine.folder),
            "env": self.machine.env,
            "limit": limit,
            "cut_at": dict.fromkeys(jobs, cut_at) if cut_at else {},
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Failed("the link broke")
        return json.loads(answer)

    def command(self, task, peer, **options):
        """Returns (name, command) of a measurement on the link."""
        self._count += 1
        name = f"l{self._count}"
        return name, self.machine.command(name, task, peer, ADDRESS, **options)

    def _run(self, task, peer, **options):
        name, command = self.command(task, peer, **options)
        answer = self.ask({name: command})
        return name, found(answer["outputs"][name]), answer

    def rate(self, peer):
        """QoS 1 publishes a second."""
        return {"link-rate": self._run("rate", peer)[1]["rate"]}

    def first(self, peer):
        """ms of connecting and the first QoS 1 publish acknowledged."""
        return {"link-first": self._run("first", peer)[1]["ms"]}

    def alone(self, peer):
        """Segments and ms of single QoS 0 messages."""
        name, _, answer = self._run("alone", peer)
        topic = topic_of(name)
        took = [when - int(text) for when, to, text in answer["seen"] if to == topic]
        flows = [flow for flow in answer["flows"] if flow["name"] == name]
        if not took or len(flows) != 1 or len(took) != flows[0]["publishes"]:
            raise Failed(f"{len(took)} messages arrived")
        return {
            "link-segments": flows[0]["segments"] / len(took),
            "link-arrival": statistics.median(took) / 1e6,
        }

    def measures(self):
        """Returns what there is to measure: (rows, function of a peer)."""
        return [
            (("link-rate",), self.rate),
            (("link-segments", "link-arrival"), self.alone),
            (("link-first",), self.first),
        ]
