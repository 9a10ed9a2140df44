"""The flash chip: a file of its size that behaves as NOR flash does.

Erasing sets whole sectors to 0xFF, programming only clears bits. The power can be cut in the
middle of either: what was being worked on is then partly done.
"""

import mmap
import random
from pathlib import Path

SECTOR = 4096
# What a chip programs at once, bytes.
PAGE = 256
MEGABYTE = 1 << 20
SIZES = tuple(megabytes * MEGABYTE for megabytes in (1, 2, 4, 8, 16))
BLANK = 0xFF


class FlashError(Exception):
    """What can't be done with this flash; the text says why."""


class PowerCut(Exception):
    """The flash has no power: power_on() gives it back."""


class Flash:
    """A flash chip whose cells are the file at `path`, which is made blank when it isn't there.

    `size` is one of `sizes`, in bytes: by default what the file has, or 4 MB.
    """

    def __init__(self, path, size=None, sizes=SIZES):
        self.path = Path(path)
        self.size = self._make(size, sizes)
        with open(self.path, "r+b") as file:
            self._cells = mmap.mmap(file.fileno(), self.size)
        # How often each sector was erased since this object was made.
        self.wear = [0] * (self.size // SECTOR)
        # Bytes programmed since then.
        self.programmed = 0
        # Steps done since then: a page programmed or a sector erased is one.
        self.steps = 0
        # The step in whose middle the power fails, None: it doesn't.
        self._cut_at = None
        self.powered = True

    def _make(self, size, sizes):
        """Returns the size of the file, which is there afterwards."""
        there = self.path.stat().st_size if self.path.exists() else None
        size = size or there or 4 * MEGABYTE
        if size not in sizes:
            known = ", ".join(f"{size / MEGABYTE:g}" for size in sizes)
            raise FlashError(f"no flash has {size} bytes: {known} MB are known")
        if there is None:
            self._write_blank(size)
        elif there != size:
            raise FlashError(f"{self.path} has {there} bytes, not {size}")
        return size

    def _write_blank(self, size):
        try:
            self.path.write_bytes(bytes([BLANK]) * size)
        except BaseException:
            # What is there of it would be taken for a flash of another size.
            self.path.unlink(missing_ok=True)
            raise

    def close(self):
        self._cells.close()

    # -- what the chip does

    def read(self, offset, length):
        self._check(offset, length)
        return self._cells[offset : offset + length]

    def program(self, offset, data):
        """Clears the bits that are 0 in `data`; the others stay as they are."""
        self._check(offset, len(data))
        begin, end = offset, offset + len(data)
        while offset < end:
            # A page at most, and none over a page's border.
            stop = min(end, offset - offset % PAGE + PAGE)
            part = data[offset - begin : stop - begin]
            torn = self._step()
            self._put(offset, _and(self._cells[offset:stop], _or(part, torn)))
            self._end(torn)
            self.programmed += len(part)
            offset = stop

    def erase(self, offset, length):
        """Sets whole sectors to 0xFF."""
        self._check(offset, length)
        if offset % SECTOR or length % SECTOR:
            raise FlashError(
                f"erases whole sectors of {SECTOR:#x} bytes only, "
                f"not {length:#x} bytes at {offset:#x}"
            )
        for start in range(offset, offset + length, SECTOR):
            self.wear[start // SECTOR] += 1
            torn = self._step()
            old = self._cells[start : start + SECTOR]
            self._put(start, _or(old, torn) if torn else bytes([BLANK]) * SECTOR)
            self._end(torn)

    def erase_all(self):
        self.erase(0, self.size)

    # -- power

    def cut_after(self, steps):
        """Lets the power fail in the middle of the step that comes after so many more."""
        self._cut_at = self.steps + steps

    def power_on(self):
        self._cut_at = None
        self.powered = True

    def _check(self, offset, length):
        if not self.powered:
            raise PowerCut("the flash has no power")
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(
                f"{length:#x} bytes at {offset:#x} are not within the flash's {self.size:#x}"
            )

    def _step(self):
        """Begins a step. Returns None, or which bits of a sector this step has not time for.

        Of an erased sector those that are 1 here became 1; of a programmed page those that are 1
        here were not cleared. Any half of them, the same in each run.
        """
        if self.steps != self._cut_at:
            return None
        return random.Random(self.steps).randbytes(SECTOR)

    def _end(self, torn):
        self.steps += 1
        if torn:
            self.powered = False
            raise PowerCut("the power failed while the flash was written")

    def _put(self, offset, data):
        self._cells[offset : offset + len(data)] = data


class Region:
    """A part of a flash, a partition for instance: offsets count from its start."""

    def __init__(self, flash, offset, size):
        self._flash = flash
        self._offset = offset
        self.size = size

    def read(self, offset, length):
        return self._flash.read(self._within(offset, length), length)

    def program(self, offset, data):
        """Clears the bits that are 0 in `data`; the others stay as they are."""
        self._flash.program(self._within(offset, len(data)), data)

    def erase(self, offset, length):
        """Sets whole sectors to 0xFF."""
        self._flash.erase(self._within(offset, length), length)

    def _within(self, offset, length):
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(
                f"{length:#x} bytes at {offset:#x} are not within the region's {self.size:#x}"
            )
        return self._offset + offset


def _and(a, b):
    return _bits(int.from_bytes(a, "little") & int.from_bytes(b, "little"), len(a))


def _or(data, more):
    """Returns `data` with the bits of `more` set, which may be longer, or None."""
    if more is None:
        return data
    more = more[: len(data)]
    return _bits(int.from_bytes(data, "little") | int.from_bytes(more, "little"), len(data))


def _bits(number, length):
    return number.to_bytes(length, "little")
