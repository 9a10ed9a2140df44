"""Judges a driver by what it reads: sets the world, harms the wire, and compares.

The driver runs on a board, under the node's Sampler, in a program (mill.py) that asks before each
reading what to do. The judge is the other side of it: a generator that yields orders and is sent
what came of them.
"""

import contextlib
import math
import random
import time
from dataclasses import dataclass, field

from vboard import faults

# Pause before a reading, ms of the board: events come in it, and sensors that measure by
# themselves have a new value.
PAUSE_MS = 2000
# Readings until a sensor must have told all of its quantities: some take 11 s to get ready.
PATIENCE = 40
# Values of a quantity beside its lowest and highest.
BETWEEN = 3
# Readings until a change must have been told, and the host's s between two.
LATE, LATE_S = 20, 0.05
# Readings of which the quickest counts, at most.
READINGS = 20
# Faulty readings in a row that a node bears before it calls reset().
FAULTY = 3
# Readings after which the heap is looked at: a leak shows in both parts.
MARKS = (4, 12, 24)
# Bytes that may come and go without being a leak.
SLACK = 32

# What is said of a driver that doesn't get over a fault.
AFTER = (
    f": begin anew after an error, at the latest after reset(), which comes after {FAULTY} faults"
)

# The checks, in the order of the table.
READS, RANGE, FAULTS, BLOCKS, MEMORY = "reads", "range", "faults", "blocks", "memory"
CHECKS = (READS, RANGE, FAULTS, BLOCKS, MEMORY)


class Ended(Exception):
    """The node's own tasks have ended: there is nothing more to come."""


@dataclass
class Verdict:
    """What was found: lines of what is wrong by check, and a figure by check."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    # Checks that were begun.
    done: list[str] = field(default_factory=list)

    # What was told once is enough: (check, kind of thing).
    _kinds: set[tuple[str, str]] = field(default_factory=set)

    def add(self, check, text, kind=None):
        """Adds a line; of a kind only the first."""
        if (check, kind or text) not in self._kinds:
            self._kinds.add((check, kind or text))
            self.wrong.setdefault(check, []).append(text)


class Reading:
    """What came of one order."""

    def __init__(self, report):
        # Quantity -> value: of the reading itself, and the last of events.
        self.values = {name: value for name, value, event in report["readings"] if not event}
        self.events = {name: value for name, value, event in report["readings"] if event}
        self.faults, self.died, self.alive = report["faults"], report["died"], report["alive"]
        # Values that read() returned; None: it raised.
        self.count = report["count"]
        self.us, self.bytes, self.heap = report["us"], report["bytes"], report.get("heap")

    @property
    def said(self):
        return f"it said {'; '.join(self.faults)!r}" if self.faults else "nothing was told"


class Judge:
    """Judges one driver on one board; `attached` is its sensor, None: there is none to set.

    `blocks_ms` is what the driver declares, `blind` are names of faults that no reading shows.
    With `weighs` the board has a heap to look at.
    """

    def __init__(self, attached, blocks_ms, blind=(), weighs=False, seed=0):
        self.attached = attached
        self.verdict = Verdict()
        self._blocks_ms, self._blind, self._weighs = blocks_ms, blind, weighs
        self._random = random.Random(f"judge/{seed}")
        # As the driver has them, from the first report on.
        self._quantities = {}
        # True if it tells what happens as it happens.
        self._tells = False
        # Quantity that is a state -> {what the world has: the word for it}.
        self._words = {}
        # The check that goes on.
        self._check = READS

    def run(self):
        """Yields orders, is sent reports: the first was not asked for."""
        report = yield None
        if self._begin(report):
            # Why is noted by then.
            with contextlib.suppress(Ended):
                yield from self._checks(Reading(report))

    def _checks(self, first):
        yield from self._first(first)
        if self.attached:
            yield from self._sweep()
            yield from self._beyond()
            # What is wrong at the best of times can't be told from what a fault makes of it.
            if RANGE not in self.verdict.wrong:
                yield from self._harm()
        yield from self._blocking()
        if self._weighs:
            yield from self._memory()

    def broken(self, text):
        """Notes that the board doesn't go on, by the check that it was at."""
        self._wrong(text)

    # -- readings

    def _begin(self, report):
        self._start(READS)
        if "crash" in report:
            self._wrong(f"it can't be made: {report['crash']}")
            return False
        self._quantities = {quantity[0]: quantity for quantity in report["quantities"]}
        self._tells = report["tells"]
        return True

    def _start(self, check):
        self._check = check
        if check not in self.verdict.done:
            self.verdict.done.append(check)

    def _wrong(self, text, check=None, kind=None):
        self.verdict.add(check or self._check, text, kind)

    def _read(self, **order):
        """Has it read once; returns the Reading, judged by what holds for each."""
        report = yield {"pause": PAUSE_MS, **order}
        found = Reading(report)
        self._judge_always(found)
        return found

    def _complete(self, **order):
        """Has it read until it has told everything, or a fault."""
        found = yield from self._read(**order)
        for _ in range(PATIENCE):
            if found.faults or found.died or not self._missing(found):
                break
            found = yield from self._read()
        return found

    def _missing(self, found):
        return [name for name in self._quantities if name not in found.values]

    def _judge_always(self, found):
        for error in found.died:
            self._wrong(f"a task of it ended: {error}: catch what it awaits, and go on")
        count = len(self._quantities)
        if found.count not in (None, count):
            told = f"read() returns {found.count} values, QUANTITIES has {count}"
            self._wrong(f"{told}: one for each", READS)
        for name, value in (*found.values.items(), *found.events.items()):
            self._judge_form(name, value)
        if not found.alive:
            raise Ended

    def _judge_form(self, name, value):
        _, unit, decimals, *_ = self._quantities[name]
        if decimals is None:
            if not isinstance(value, str):
                self._wrong(f"{name} is {value!r}: a state is a word", READS, name)
        elif isinstance(value, (str, bool)):
            told = f"a number of {unit}" if unit else "a number"
            self._wrong(f"{name} is {value!r}: {told} is needed", READS, name)
        elif round(value, decimals) != value:
            told = f"{name} is {value!r}, {decimals} decimals are declared"
            self._wrong(f"{told}: round it, or declare more", READS, name)

    def _first(self, found):
        self._judge_always(found)
        if found.faults or self._missing(found):
            found = yield from self._complete()
        for name in self._missing(found):
            self._wrong(f"{name} never comes: {found.said}")

    # -- the whole range

    def _sweep(self):
        self._start(RANGE)
        spans = self.attached.spans
        for name in spans:
            yield from self._change(name, self._between(name))
        for name in spans:
            for value in self._values(name):
                yield from self._change(name, value)
                found = yield from self._complete()
                self._compare(found, f"at {name} {_shown(value)}")
        told = [name for name, value in self.attached.truth().items() if value is not None]
        self.verdict.figures[RANGE] = f"{len(told)} of {len(self._quantities)}"

    def _change(self, name, value):
        # Sets a quantity and, if changes are told, waits until this one is.
        before = self.attached.truth()[name]
        self.attached.set(name, value)
        if not self._tells or before == value:
            return
        found = yield from self._until(lambda found: name in found.events or found.died)
        if name not in found.events:
            self._wrong(f"no event tells that {name} has changed: wait() has to return")

    def _until(self, condition):
        # Reads until the condition holds for what came, or for long enough. An interrupt is on its
        # way for real, and the board's time runs ahead.
        found = yield from self._read()
        for _ in range(LATE):
            if condition(found):
                break
            time.sleep(LATE_S)
            found = yield from self._read()
        return found

    def _values(self, name):
        lowest, highest = self.attached.spans[name]
        if isinstance(highest, bool):
            return [False, True, False, True]
        return [lowest, highest, *(self._between(name) for _ in range(BETWEEN))]

    def _between(self, name):
        lowest, highest = self.attached.spans[name]
        if isinstance(highest, bool):
            return self._random.random() < 0.5
        return round(self._random.uniform(lowest, highest), 3)

    def _compare(self, found, when, hint="", need=True):
        """Has what differs from the world noted; returns whether all is right and there."""
        differences = self._differences(found, need)
        for text in differences:
            self._wrong(f"{when}: {text}{hint}")
        return not differences

    def _differences(self, found, need=True):
        # With `need` all has to be there, without it it may be a fault that is told.
        truth, lines = self.attached.truth(), []
        for name in self._quantities:
            true = truth.get(name)
            for kind, values in (("", found.values), ("the event ", found.events)):
                wrong = (
                    name in values and true is not None and self._differs(name, values[name], true)
                )
                if wrong:
                    lines.append(f"{kind}{name} {wrong}")
            if need and true is not None and name not in found.values:
                lines.append(f"{name} doesn't come: {found.said}")
        return lines

    def _differs(self, name, value, true):
        # Returns what is wrong with a value, '' if it is the truth.
        if isinstance(true, bool):
            return self._word_differs(name, value, true)
        _, _, decimals, *_ = self._quantities[name]
        if isinstance(value, str) or decimals is None:
            return ""
        allowed = self.attached.tolerance(name) + 0.5 * 10**-decimals + 1e-9
        off = value - true
        if abs(off) <= allowed:
            return ""
        told = f"is {value:g} where {true:.{decimals + 1}f} is true"
        return f"{told}, {abs(off):.3g} off and {allowed:.3g} allowed: check what it computes"

    def _word_differs(self, name, word, true):
        words = self._words.setdefault(name, {})
        if words.setdefault(true, word) != word:
            return (
                f"is {word!r} where it was {words[true]!r} before: check what it makes of a level"
            )
        if words.get(not true) == word:
            return f"is {word!r} whatever the world has: check what it makes of a level"
        return ""

    def _beyond(self):
        for name, span in self.attached.spans.items():
            _, _, decimals, lowest, highest, _ = self._quantities[name]
            if lowest is not None and decimals is not None:
                fifth = (highest - lowest) / 5
                yield from self._at(name, lowest - fifth, (lowest, span[0]))
                yield from self._at(name, highest + fifth, (highest, span[1]))
                self.attached.set(name, self._between(name))

    def _at(self, name, value, ends):
        # What is beyond may read as the end of the range, or of what the device can show.
        decimals = self._quantities[name][2]
        self.attached.set(name, ends[1])
        allowed = self.attached.tolerance(name) + 10**-decimals
        self.attached.set(name, value)
        found = yield from self._complete()
        told = found.values.get(name)
        if told is not None and min(abs(told - end) for end in ends) > allowed:
            self._wrong(
                f"{name} is {told:g} where the world has {value:g}, beyond its range: nothing may "
                "be told, or the range's end"
            )

    # -- faults

    def _harm(self):
        self._start(FAULTS)
        place = faults.place_of(self.attached)
        names = faults.names(place.kind)
        for name in names:
            yield from self._harm_by(place, name)
        seen = [name for name in names if name not in self._blind]
        self.verdict.figures[FAULTS] = f"{len(seen)} of {len(names)}"

    def _harm_by(self, place, name):
        before = yield from self._well()
        if self._differences(before):
            # Of another fault; this one is for a driver that is well.
            before = yield from self._complete(anew=True)
            if not self._compare(before, f"before {name}"):
                return
        for quantity in self.attached.spans:
            # Others than before: what is kept from then would show.
            self.attached.set(quantity, self._another(quantity))
        try:
            fault = faults.apply(place, name)
        except faults.FaultError:
            # A device that can't have it.
            return
        noticed = False
        try:
            for _ in range(FAULTY):
                found = yield from self._read()
                noticed = noticed or bool(found.faults)
                if name not in self._blind:
                    self._compare(found, f"during {name}", need=False)
        finally:
            fault.end()
        found = yield from self._well()
        if found.faults and not noticed:
            # A sensor that measures by itself is missed only after a while.
            found = yield from self._complete()
        self._compare(found, f"after {name}", AFTER)

    def _well(self):
        # A reading that ought to be right.
        if self._tells:
            return (yield from self._until(lambda found: not self._differences(found)))
        return (yield from self._complete())

    def _another(self, quantity):
        value = self._between(quantity)
        if isinstance(value, bool):
            return not self.attached.truth()[quantity]
        return value

    # -- what it takes

    def _blocking(self):
        self._start(BLOCKS)
        found = [(yield from self._best_ms(anew=True))]
        # By what is measured: an echo from far away takes longer.
        for end in (0, 1):
            for name, span in self.attached.spans.items() if self.attached else ():
                self.attached.set(name, span[end])
            found.append((yield from self._best_ms()))
        longest = max(found)
        self.verdict.figures[BLOCKS] = f"{longest:.{int(longest < 100)}f} of {self._blocks_ms} ms"
        if longest > self._blocks_ms:
            self._wrong(
                f"nothing else runs for {longest:.1f} ms, {self._blocks_ms} are declared: await "
                "asyncio.sleep_ms() in between, or declare BLOCKS_MS"
            )

    def _best_ms(self, **order):
        # The longest step of a reading, in the best of several: the host does other things, too.
        best = math.inf
        for _ in range(READINGS):
            best = min(best, (yield from self._read(**order)).us / 1000)
            if best <= self._blocks_ms:
                break
        return best

    def _memory(self):
        self._start(MEMORY)
        weighed, heaps = [], []
        for number in range(1, MARKS[-1] + 1):
            # A new driver: what grows does so by doubling, which is seldom once it is long.
            found = yield from self._read(weigh=True, anew=number == 1)
            if found.count is not None and number > 2:
                weighed.append(found.bytes)
            heaps.append(found.heap)
        weighed.sort()
        garbage = max(0, weighed[len(weighed) // 2]) if weighed else 0
        self.verdict.figures[MEMORY] = f"{garbage:,} B"
        # The least of some neighbours: what a collection leaves by chance isn't in all of them.
        first, middle, last = (min(heaps[mark - 3 : mark]) for mark in MARKS)
        if last - middle >= SLACK and middle - first >= SLACK:
            each = (last - first) / (MARKS[-1] - MARKS[0])
            self._wrong(
                f"{each:.0f} bytes a reading are never given back: let nothing grow from reading "
                "to reading"
            )


def _shown(value):
    return f"{value:g}" if not isinstance(value, bool) else str(value)
