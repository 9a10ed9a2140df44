"""Our MQTT library beside its peers, on the real MicroPython VM, against one Mosquitto.

make bench; or .venv/bin/python bench/compare.py --help
"""

import argparse
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faults
import size
from build import FETCHED, MICROPYTHON, ROOT, SUBJECTS, build, subjects
from heap import Heap
from link import Link, Missing
from loopback import Loopback
from machine import Failed, Machine
from rows import ASYNCIO, BLOCKING, BY_KEY, PEERS, ROWS
from table import Results, lines, spreads

from fieldpost.broker import BrokerError

# Rows that always come out the same.
COUNTED = ("alloc-publish0",)


class Run:
    """One run of the bench: what is wanted, and what was found so far."""

    def __init__(self, wanted, runs, who=None):
        self.wanted, self.runs = wanted, runs
        self.results = Results()
        self.who = [name for name in subjects() if not who or name in who]
        self._began = self._told = time.monotonic()

    def say(self, text):
        elapsed = time.monotonic() - self._began
        print(f"[{elapsed:4.0f} s] {text}", file=sys.stderr, flush=True)

    def wants(self, *rows):
        return any(row in self.wanted for row in rows)

    def of(self, row):
        """Returns who is measured for a row."""
        return [name for name in self.who if name in BY_KEY[row].who]

    def take(self, place, title):
        """Measures all that a place offers, in random order."""
        measures = [one for one in place.measures() if self.wants(*one[0])]
        jobs = [
            (rows, measure, peer)
            for rows, measure in measures
            for peer in self.of(rows[0])
            for _ in range(1 if rows[0] in COUNTED else self.runs)
        ]
        random.shuffle(jobs)
        for done, (rows, measure, peer) in enumerate(jobs):
            if time.monotonic() - self._told > 5 or not done:
                self._told = time.monotonic()
                self.say(f"{title}: {done} of {len(jobs)} done")
            try:
                for row, value in measure(peer).items():
                    self.results.add(row, peer, value)
            except Failed as error:
                for row in rows:
                    self.results.note(row, peer, "failed")
                self.say(f"{title}: {rows[0]} of {peer} failed: {error}")

    def lack(self, rows, why):
        for row in rows:
            for name in self.of(row):
                self.results.note(row, name, why)


def on_loopback(run, machine):
    if run.wants("rate", "cost", "receive0", "receive1", "tls-rsa", "tls-ec"):
        with Loopback(machine) as place:
            run.take(place, "loopback")


def on_link(run, machine):
    rows = [row.key for row in ROWS if row.key.startswith("link-")]
    if run.wants(*rows):
        try:
            with Link(machine) as place:
                run.take(place, "link of 50 ms")
        except Missing as error:
            run.lack(rows, error)


def waits(run, machine):
    """What is nearly all waiting, at once: the idle connection and the faults."""
    if not run.wants("idle", "hole", *faults.KINDS):
        return
    with ThreadPoolExecutor() as pool:
        with Loopback(machine) as place:
            several = [pool.submit(faults_on_loopback, run, machine, place.address)]
            several.append(pool.submit(holes, run, machine))
            several.append(pool.submit(idle, run, place))
            for one in several:
                one.result()


def faults_on_loopback(run, machine, address):
    kinds = [kind for kind in faults.KINDS if run.wants(kind)]
    for i in range(run.runs if kinds else 0):
        run.say(f"faults: {i} of {run.runs} done")
        wanted = [(kind, peer) for kind in kinds for peer in patient(run, kind)]
        keep(run, faults.on_loopback(machine, address, wanted))


def holes(run, machine):
    if not run.wants("hole"):
        return
    try:
        with Link(machine) as place:
            for i in range(run.runs):
                run.say(f"black holes: {i} of {run.runs} done")
                keep(run, faults.on_link(place, patient(run, "hole")))
    except Missing as error:
        run.lack(("hole",), error)


def on_heap(run, machine):
    rows = ("ram", *(row.key for row in ROWS if row.key.startswith("alloc")))
    try:
        with Heap(machine) as place:
            run.take(place, "32-bit heap")
    except Missing as error:
        run.lack(rows, error)


def patient(run, row):
    """Returns who is tried: a client that hung once needs no more tries."""
    return [name for name in run.of(row) if (row, name) not in run.results.notes]


def keep(run, found):
    for (row, peer), value in found.items():
        if isinstance(value, Failed):
            run.results.note(row, peer, value)
        else:
            run.results.add(row, peer, value)


def idle(run, place):
    # As many as there are runs, side by side.
    if not (run.wants("idle") and run.of("idle")):
        return
    with ThreadPoolExecutor(run.runs) as pool:
        for done in [pool.submit(place.idle, ASYNCIO) for _ in range(run.runs)]:
            try:
                run.results.add("idle", ASYNCIO, done.result()["idle"])
            except Failed as error:
                run.results.note("idle", ASYNCIO, error)


def sizes(run, machine):
    starts = {"mqtt, blocking": BLOCKING, "mqtt, asyncio": ASYNCIO}
    for name, ((base, files), _) in size.SETS.items():
        for start, front in starts.items():
            if name.startswith(start) and front in run.who:
                ours = [
                    size.compiled(ROOT / base / f"{file}.py", machine.folder) for file in files
                ]
                run.results.add("size", front, sum(ours))
    for peer in run.of("size"):
        if peer in PEERS:
            found = [file for part in SUBJECTS[peer] for file in machine.folder.glob(part)]
            run.results.add("size", peer, sum(file.stat().st_size for file in found))


def measure(run):
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as folder:
        machine = Machine(folder)
        run.say("compiling")
        build(machine.folder)
        if run.wants("size"):
            sizes(run, machine)
        if run.wants("ram", *(row.key for row in ROWS if row.key.startswith("alloc"))):
            on_heap(run, machine)
        on_loopback(run, machine)
        on_link(run, machine)
        waits(run, machine)


def parsed(arguments):
    keys = "\n".join(f"  {row.key:15} {row.title}" for row in ROWS)
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"rows:\n{keys}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", metavar="ROW", help="this row; may be repeated")
    parser.add_argument(
        "--who", action="append", choices=list(SUBJECTS), help="only this one; may be repeated"
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each (5)")
    parser.add_argument("--verbose", action="store_true", help="show the spread of each, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values to a file")
    given = parser.parse_args(arguments)
    for key in given.only or ():
        if key not in BY_KEY:
            parser.error(f"there is no row {key}: see --help")
    return given


def main(arguments=None):
    given = parsed(arguments)
    if not MICROPYTHON.exists():
        sys.exit("bench: there is no MicroPython package for this platform")
    if not FETCHED.exists():
        print("bench: no peers here: `sh tools/setup.sh bench` fetches them", file=sys.stderr)
    rows = [row for row in ROWS if not given.only or row.key in given.only]
    run = Run([row.key for row in rows], given.runs, given.who)
    try:
        measure(run)
    except BrokerError as error:
        sys.exit(f"bench: {error}")
    print("\n".join(lines(run.results, rows)))
    if given.verbose:
        print("\nsmallest .. median .. largest")
        print("\n".join(spreads(run.results, rows)))
    if given.json:
        given.json.write_text(json.dumps(run.results.data(rows), indent=1) + "\n")
    run.say("done")


if __name__ == "__main__":
    main()
