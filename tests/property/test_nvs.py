"""Whatever is done to an NVS partition, and whenever the power fails: what was committed is there.

The partition is read by a reader of its own (tests/house/nvs_reader.py), which finds fault with
every byte that ESP-IDF wouldn't have written.
"""

import random
import tempfile
from pathlib import Path

import nvs_reader
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vboard.flash import SECTOR, Flash, PowerCut, Region
from vboard.nvs import Nvs

TYPES = {"i32": 0x14, "u8": 0x01, "str": 0x21, "blob": 0x48}
NOT_FOUND, NOT_ENOUGH_SPACE = -0x1102, -0x1105
NAMES = st.tuples(st.sampled_from("AB"), st.sampled_from("abcdef"))
LENGTHS = st.one_of(
    st.integers(0, 100), st.sampled_from([32, 400, 3968, 4000, 4001]), st.integers(0, 6000)
)
VALUES = st.one_of(
    st.tuples(st.just("i32"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("u8"), st.integers(0, 255)),
    st.tuples(st.just("str"), st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
    st.tuples(
        st.just("blob"),
        st.builds(lambda n, seed: random.Random(seed).randbytes(n), LENGTHS, st.integers(0, 9)),
    ),
)


class Partition(RuleBasedStateMachine):
    """Does the same to an Nvs and to dictionaries."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "nvs.bin"
        self.stored = {}
        # In the order it will be written; None: erased.
        self.pending = {}

    @initialize(pages=st.integers(3, 4))
    def begin(self, pages):
        self.pages = pages
        self.flash = Flash(self.path, pages * SECTOR, sizes=(pages * SECTOR,))
        self.nvs = Nvs(Region(self.flash, 0, self.flash.size))
        self.nvs.load()

    def teardown(self):
        self.flash.close()
        self.folder.cleanup()

    @rule(name=NAMES, value=VALUES)
    def put(self, name, value):
        self.nvs.set(*name, *value)
        self.note(name, value)

    @rule(name=NAMES)
    def erase(self, name):
        if self.seen(name) is None:
            with pytest.raises(OSError) as caught:
                self.nvs.erase(*name)
            assert caught.value.args[0] == NOT_FOUND
        else:
            self.nvs.erase(*name)
            self.note(name, None)

    @rule(values=st.dictionaries(NAMES, VALUES, max_size=3), count=st.integers(1, 130))
    def commit(self, values, count):
        for name, value in values.items():
            self.put(name, value)
        while self.pending:
            self.commit_once()
        # Fills page after page.
        for n in range(count):
            self.put(("A", "count"), ("i32", n))
            self.commit_once()

    def commit_once(self):
        live = self.live()
        try:
            self.nvs.commit()
        except OSError as error:
            assert error.args[0] == NOT_ENOUGH_SPACE
            self.refuse(live)
        else:
            self.stored = self.after(len(self.pending))
            self.pending.clear()

    def refuse(self, live):
        """Finds the value that wasn't taken: what was before it is written."""
        found = self.read()
        for taken, name in enumerate(self.pending):
            rest = list(self.pending)[taken + 1 :]
            if found == self.after(taken) and self.nvs_sees(name, found, rest):
                break
        else:
            raise AssertionError("a part of what was set is neither written nor refused")
        if not taken:
            kind, value = self.pending[name]
            self.check_room(live, kind, value)
        self.stored = found
        self.pending = {name: self.pending[name] for name in rest}

    def nvs_sees(self, name, found, rest):
        expected = {**found, **{other: self.pending[other] for other in rest}}
        return all(self.get(other) == expected.get(other) for other in [name, *rest])

    def check_room(self, live, kind, value):
        """A value is refused only where there is no room, but for what is lost by page."""
        length = len(value.encode()) + 1 if kind == "str" else len(value) if kind == "blob" else 0
        needed = 1 + (length + 31) // 32 + (kind == "blob")
        lost = {"blob": 3 * self.pages, "str": self.whole_pages(needed)}.get(kind, 1)
        assert live + needed + lost >= (self.pages - 1) * 126

    def whole_pages(self, needed):
        # A string is in one page: each may have nearly its length to spare.
        return (self.pages - 1) * needed

    @rule(values=st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), steps=st.integers(0, 30))
    def commit_and_lose_power(self, values, steps):
        for name, value in values.items():
            self.put(name, value)
        self.flash.cut_after(steps)
        try:
            self.commit_once()
            self.flash.power_on()
        except PowerCut:
            self.come_back()

    @rule(steps=st.integers(0, 20))
    def lose_power_at_boot(self, steps):
        self.flash.cut_after(steps)
        try:
            self.nvs.load()
            self.flash.power_on()
            self.pending.clear()
        except PowerCut:
            self.come_back()

    def come_back(self):
        self.flash.power_on()
        self.nvs.load()
        found = self.read()
        # All that was set up to some place in the order, and nothing behind it.
        assert any(found == self.after(count) for count in range(len(self.pending) + 1))
        self.stored = found
        self.pending.clear()

    @rule()
    def reload(self):
        self.nvs = Nvs(Region(self.flash, 0, self.flash.size))
        steps = self.flash.steps
        self.nvs.load()
        # Nothing is left to mend.
        assert self.flash.steps == steps
        self.pending.clear()

    @rule()
    def forget(self):
        self.nvs.forget_pending()
        self.pending.clear()

    @invariant()
    def same(self):
        assert self.read() == self.stored
        for name in {*self.stored, *self.pending}:
            assert self.get(name) == self.seen(name)

    def note(self, name, value):
        self.pending.pop(name, None)
        self.pending[name] = value

    def seen(self, name):
        return self.pending.get(name, self.stored.get(name))

    def after(self, count):
        """Returns what is stored once so many of the pending ones are written."""
        values = {**self.stored, **dict(list(self.pending.items())[:count])}
        return {name: value for name, value in values.items() if value is not None}

    def get(self, name):
        namespace, key = name
        for kind in TYPES:
            try:
                return kind, self.nvs.get(namespace, key, kind)
            except OSError as error:
                assert error.args[0] == NOT_FOUND
        return None

    def read(self):
        kinds = {number: kind for kind, number in TYPES.items()}
        found = {}
        for name, (number, value) in nvs_reader.read(self.flash.read(0, self.flash.size)).items():
            kind = kinds[number]
            found[name] = kind, value[:-1].decode() if kind == "str" else value
        return found

    def live(self):
        return nvs_reader.used(self.flash.read(0, self.flash.size))


Partition.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestPartition = Partition.TestCase


@given(
    pages=st.integers(3, 4),
    damage=st.lists(st.tuples(st.integers(0, 4 * SECTOR - 1), st.binary(max_size=40)), max_size=8),
)
@settings(max_examples=30)
def test_damage_of_any_kind_is_survived_and_never_read(pages, damage):
    with tempfile.TemporaryDirectory() as folder:
        flash = Flash(Path(folder) / "nvs.bin", pages * SECTOR, sizes=(pages * SECTOR,))
        nvs = Nvs(Region(flash, 0, flash.size))
        nvs.load()
        values = {f"k{n}": ("i32", n) for n in range(150)}
        values["b"] = "blob", random.Random(1).randbytes(1500)
        for key, (kind, value) in values.items():
            nvs.set("A", key, kind, value)
        nvs.commit()
        for offset, data in damage:
            flash.program(offset % flash.size, data[: flash.size - offset % flash.size])
        nvs.load()
        for n in range(300):
            nvs.set("B", "count", "i32", n)
            nvs.commit()
        nvs.load()
        assert nvs.get("B", "count", "i32") == 299
        for key, (kind, value) in values.items():
            assert found_or(value, nvs, key, kind) == value
        flash.close()


def found_or(other, nvs, key, kind):
    """Returns the value of a key of namespace "A", `other` if there is none."""
    try:
        return nvs.get("A", key, kind)
    except OSError as error:
        assert error.args[0] == NOT_FOUND
        return other
