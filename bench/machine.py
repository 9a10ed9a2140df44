"""Runs measurements (bench/vm/task.py) on the real MicroPython."""

import json
import os
import subprocess
from pathlib import Path

from build import MICROPYTHON, ROOT

TASK = ROOT / "bench/vm/task.py"
# Enough for the largest peer. A collection now and then is a part of what is measured.
HEAP = "256K"
# As long as one measurement may take.
LIMIT_S = 45


class Failed(Exception):
    """A measurement came to no end; the text says what it printed last."""


def topic_of(name):
    """Returns the topic of a measurement: always 60 bytes."""
    return f"bench/{name}/".ljust(60, "t")


class Machine:
    """Where the compiled code is, and how it is run."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.env = {**os.environ, "MICROPYPATH": f"{self.folder}:.frozen"}

    def command(self, name, task, peer, address, heap=HEAP, **options):
        """Returns the command of a measurement. `name` is its client identifier."""
        host, port = address
        given = {"task": task, "peer": peer, "host": host, "port": port, "name": name}
        given |= {"topic": topic_of(name), "options": options}
        # MicroPython takes no argument of more than 255 bytes.
        text = json.dumps(given, separators=(",", ":"))
        return [str(MICROPYTHON), "-X", f"heapsize={heap}", str(TASK), text]

    def start(self, command):
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments, ready=None, limit=LIMIT_S, **options):
        """Returns what a measurement found. Calls ready() when it says that it is."""
        process = self.start(self.command(*arguments, **options))
        try:
            assert process.stdout
            if ready:
                while (line := process.stdout.readline()).strip() != "ready":
                    if not line:
                        break
                else:
                    ready()
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end within {limit} s") from None
        finally:
            process.kill()
            process.communicate()
        return found(output)


def found(output):
    """Returns what a measurement said. Raises Failed."""
    for line in output.splitlines():
        if line.startswith("@"):
            return json.loads(line[1:])
    raise Failed(output.strip().split("\n")[-1][-200:] or "it said nothing")
