"""The flash chip: it is NOR flash, it counts, and a power cut leaves it partly done."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vboard.flash import MEGABYTE, PAGE, SECTOR, Flash, FlashError, PowerCut

# As much of the chip as the model looks at: some sectors at each end.
SIZE = MEGABYTE
SECTORS = st.sampled_from([0, 1, 2, SIZE // SECTOR - 2, SIZE // SECTOR - 1])
SEEN = [(0, 4 * SECTOR), (SIZE - 2 * SECTOR, 2 * SECTOR)]
# Around the borders of pages and sectors, or anywhere in a sector.
WITHIN = st.one_of(
    st.sampled_from([0, 1, PAGE - 1, PAGE, SECTOR - PAGE, SECTOR - 1]),
    st.integers(0, SECTOR - 1),
)
BYTES = st.one_of(
    st.binary(max_size=16),
    st.builds(
        lambda seed, length: random.Random(seed).randbytes(length),
        st.integers(0, 99),
        st.integers(0, SECTOR + PAGE),
    ),
)


@pytest.fixture
def flash(tmp_path):
    flash = Flash(tmp_path / "flash.bin", SIZE)
    yield flash
    flash.close()


# ---- The model of NOR ----------------------------------------------------------------------


class Nor(RuleBasedStateMachine):
    """Does the same to a Flash and to plain bytes."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.flash = Flash(Path(self.folder.name) / "flash.bin", SIZE)
        self.cells = bytearray(b"\xff" * SIZE)
        self.wear = [0] * (SIZE // SECTOR)
        self.programmed = 0

    def teardown(self):
        self.flash.close()
        self.folder.cleanup()

    @rule(sector=SECTORS, within=WITHIN, data=BYTES)
    def program(self, sector, within, data):
        offset = sector * SECTOR + within
        data = data[: SIZE - offset]
        self.flash.program(offset, data)
        for i, byte in enumerate(data, offset):
            self.cells[i] &= byte
        self.programmed += len(data)

    @rule(sector=SECTORS, count=st.integers(0, 2))
    def erase(self, sector, count):
        count = min(count, SIZE // SECTOR - sector)
        self.flash.erase(sector * SECTOR, count * SECTOR)
        for i in range(sector, sector + count):
            self.cells[i * SECTOR : (i + 1) * SECTOR] = b"\xff" * SECTOR
            self.wear[i] += 1

    @rule(sector=SECTORS, within=WITHIN, data=BYTES.filter(len), steps=st.integers(0, 20))
    def program_and_lose_power(self, sector, within, data, steps):
        offset = sector * SECTOR + within
        data = data[: SIZE - offset]
        pages = (offset + len(data) - 1) // PAGE - offset // PAGE + 1
        steps %= pages
        # The page in whose middle the power fails.
        torn = max(offset, (offset // PAGE + steps) * PAGE)
        behind = min(offset + len(data), (offset // PAGE + steps + 1) * PAGE)
        self.lose_power(steps, self.flash.program, offset, data)
        for i, byte in enumerate(data, offset):
            old, new = self.cells[i], self.flash.read(i, 1)[0]
            if i < torn:
                assert new == old & byte
            elif i < behind:
                # Nothing was set, and nothing cleared that shouldn't be.
                assert new & ~old == 0 and old & byte & ~new == 0
            else:
                assert new == old
            self.cells[i] = new
        self.programmed = self.flash.programmed

    @rule(sector=SECTORS, steps=st.integers(0, 1))
    def erase_and_lose_power(self, sector, steps):
        count = min(2, SIZE // SECTOR - sector)
        steps %= count
        self.lose_power(steps, self.flash.erase, sector * SECTOR, count * SECTOR)
        for i in range(sector, sector + steps):
            self.cells[i * SECTOR : (i + 1) * SECTOR] = b"\xff" * SECTOR
        torn = (sector + steps) * SECTOR
        found = self.flash.read(torn, SECTOR)
        assert all(not old & ~new for old, new in zip(self.cells[torn:], found, strict=False))
        self.cells[torn : torn + SECTOR] = found
        for i in range(sector, sector + steps + 1):
            self.wear[i] += 1

    def lose_power(self, steps, do, *arguments):
        self.flash.cut_after(steps)
        with pytest.raises(PowerCut):
            do(*arguments)
        assert not self.flash.powered
        self.flash.power_on()

    @invariant()
    def same(self):
        for start, length in SEEN:
            assert self.flash.read(start, length) == self.cells[start : start + length]
        assert self.flash.wear == self.wear
        assert self.flash.programmed == self.programmed


Nor.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestNor = Nor.TestCase


@given(
    offset=st.integers(-2, SIZE + 2) | st.integers(SIZE - SECTOR, SIZE + SECTOR),
    length=st.integers(-2, 2 * SECTOR) | st.sampled_from([SECTOR, SIZE, SIZE + 1]),
)
def test_what_is_not_within_the_flash_is_refused_and_changes_nothing(offset, length):
    with tempfile.TemporaryDirectory() as folder:
        flash = Flash(Path(folder) / "flash.bin", SIZE)
        inside = min(offset, length) >= 0 and offset + length <= SIZE
        aligned = offset % SECTOR == 0 and length % SECTOR == 0
        if inside:
            assert flash.read(offset, length) == b"\xff" * length
        else:
            pytest.raises(FlashError, flash.read, offset, length)
            if length > 0:
                pytest.raises(FlashError, flash.program, offset, bytes(length))
        if not (inside and aligned):
            pytest.raises(FlashError, flash.erase, offset, length)
        assert flash.steps == 0 and sum(flash.wear) == 0
        flash.close()


# ---- One by one ----------------------------------------------------------------------------


def test_a_full_disk_leaves_no_half_a_flash(tmp_path, monkeypatch):
    path, write = tmp_path / "flash.bin", Path.write_bytes

    def half(self, data):
        write(self, data[:SECTOR])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Path, "write_bytes", half)
        Flash(path)
    # The next one is made as if nothing had been.
    Flash(path).close()
    assert path.stat().st_size == 4 * MEGABYTE


def test_a_new_flash_is_blank(flash):
    assert flash.read(0, SIZE) == b"\xff" * SIZE
    assert flash.path.stat().st_size == SIZE


def test_programming_only_clears_bits(flash):
    flash.program(10, b"\xf0")
    flash.program(10, b"\x3c")
    assert flash.read(9, 3) == b"\xff\x30\xff"


def test_erasing_takes_whole_sectors(flash):
    flash.program(0, bytes(3 * SECTOR))
    flash.erase(SECTOR, SECTOR)
    assert flash.read(0, 3 * SECTOR) == bytes(SECTOR) + b"\xff" * SECTOR + bytes(SECTOR)


def test_each_sector_counts_its_erases(flash):
    flash.erase(SECTOR, 2 * SECTOR)
    flash.erase(SECTOR, SECTOR)
    assert flash.wear[:4] == [0, 2, 1, 0]
    flash.erase_all()
    assert flash.wear[:4] == [1, 3, 2, 1]


def test_what_is_programmed_is_counted(flash):
    flash.program(0, bytes(PAGE + 1))
    assert (flash.programmed, flash.steps) == (PAGE + 1, 2)


def test_it_keeps_what_it_has(tmp_path):
    flash = Flash(tmp_path / "flash.bin", SIZE)
    flash.program(100, b"kept")
    flash.close()
    again = Flash(tmp_path / "flash.bin")
    assert (again.size, again.read(100, 4)) == (SIZE, b"kept")
    again.close()


def test_a_file_of_another_size_is_refused(tmp_path):
    Flash(tmp_path / "flash.bin", SIZE).close()
    with pytest.raises(FlashError, match=r"flash\.bin has 1048576 bytes, not 2097152"):
        Flash(tmp_path / "flash.bin", 2 * SIZE)


def test_a_size_that_no_chip_has_is_refused(tmp_path):
    with pytest.raises(FlashError, match="no flash has 3145728 bytes: 1, 2, 4, 8, 16 MB"):
        Flash(tmp_path / "flash.bin", 3 * MEGABYTE)
    assert not (tmp_path / "flash.bin").exists()


def test_a_flash_of_another_kind_has_its_own_sizes(tmp_path):
    flash = Flash(tmp_path / "flash.bin", 6 * SECTOR, sizes=(6 * SECTOR,))
    assert flash.read(0, flash.size) == b"\xff" * 6 * SECTOR
    flash.close()
    with pytest.raises(FlashError, match="no flash has 1048576 bytes: 0.5 MB are known"):
        Flash(tmp_path / "other.bin", SIZE, sizes=(SIZE // 2,))


def test_a_part_of_a_sector_is_not_erased(flash):
    with pytest.raises(FlashError, match="whole sectors of 0x1000 bytes only, not 0x10 bytes"):
        flash.erase(SECTOR, 0x10)


# ---- Power ---------------------------------------------------------------------------------


def test_a_cut_while_programming_leaves_the_page_partly_done(flash):
    flash.cut_after(1)
    with pytest.raises(PowerCut):
        flash.program(0, bytes(3 * PAGE))
    flash.power_on()
    done, torn, untouched = (flash.read(i * PAGE, PAGE) for i in range(3))
    assert done == bytes(PAGE)
    assert torn not in (bytes(PAGE), b"\xff" * PAGE)
    assert untouched == b"\xff" * PAGE


def test_a_cut_while_erasing_leaves_the_sector_partly_done(flash):
    flash.program(0, bytes(3 * SECTOR))
    flash.cut_after(1)
    with pytest.raises(PowerCut):
        flash.erase(0, 3 * SECTOR)
    flash.power_on()
    done, torn, untouched = (flash.read(i * SECTOR, SECTOR) for i in range(3))
    assert done == b"\xff" * SECTOR
    assert torn not in (bytes(SECTOR), b"\xff" * SECTOR)
    assert untouched == bytes(SECTOR)


def test_without_power_nothing_works(flash):
    flash.cut_after(0)
    with pytest.raises(PowerCut):
        flash.program(0, b"\0")
    for do, arguments in (
        (flash.read, (0, 1)),
        (flash.program, (0, b"\0")),
        (flash.erase, (0, SECTOR)),
        (flash.erase_all, ()),
    ):
        pytest.raises(PowerCut, do, *arguments)
    flash.power_on()
    flash.erase_all()
    assert flash.read(0, 1) == b"\xff"


def test_a_cut_sector_is_whole_again_once_erased(flash):
    flash.program(0, bytes(SECTOR))
    flash.cut_after(0)
    pytest.raises(PowerCut, flash.erase, 0, SECTOR)
    flash.power_on()
    flash.erase(0, SECTOR)
    assert flash.read(0, SECTOR) == b"\xff" * SECTOR


def test_the_same_cut_leaves_the_same_bits(tmp_path):
    found = []
    for name in ("one", "two"):
        flash = Flash(tmp_path / name, SIZE)
        flash.cut_after(0)
        pytest.raises(PowerCut, flash.program, 0, bytes(PAGE))
        flash.power_on()
        found.append(flash.read(0, PAGE))
        flash.close()
    assert found[0] == found[1]
