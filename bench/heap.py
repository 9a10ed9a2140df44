"""Exact heap figures of 32 bits, as an ESP32 has: MicroPython's wasm build under node."""

import re
import subprocess
from collections import Counter

from build import ROOT
from fetch import RAM32, node
from link import Missing
from machine import LIMIT_S, found

# Names that are there before an import (see run.mjs): more with each run.
NAMES = 60
RUN = ROOT / "bench/ram32/run.mjs"
PROGRAM = RAM32 / "node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"


def imports_of(peer):
    """Returns what an application with that client imports."""
    text = (ROOT / f"bench/peers/{peer}.py").read_text()
    found = re.search(r'^IMPORTS = "(.*)"$', text, re.M)
    return found[1] if found else ""


class Heap:
    def __init__(self, machine):
        self.machine = machine
        # How often each was imported so far.
        self._imports = Counter()

    def __enter__(self):
        if not PROGRAM.exists():
            raise Missing("needs npm")
        return self

    def __exit__(self, *exc):
        pass

    def _run(self, subject, task, names=0):
        command = [*node()[0], RUN, PROGRAM, self.machine.folder, subject, task, str(names)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S
        )
        return found(done.stdout)

    def ram(self, peer):
        """Bytes of heap after the import."""
        names = NAMES * self._imports[peer]
        self._imports[peer] += 1
        return self._run(imports_of(peer), "ram", names)

    def allocations(self, peer):
        """Bytes a publish and a message received allocate."""
        return self._run(peer, "alloc")

    def readings(self):
        """Bytes that a reading takes, by driver: (read()'s coroutine, the values, the rest)."""
        return self._run("reading", "main")

    def measures(self):
        """Returns what there is to measure: (rows, function of a peer)."""
        rows = [f"alloc-{what}{qos}" for what in ("publish", "receive") for qos in (0, 1)]
        return [(("ram",), self.ram), (tuple(rows), self.allocations)]
