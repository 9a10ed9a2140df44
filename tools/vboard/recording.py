"""A recording of the world, played back: a CSV file with a column of times and some quantities.

    time,temperature,humidity
    2026-06-01T06:00:00Z,14.2,88
    2026-06-01T06:10:00Z,14.9,

Times are seconds or ISO 8601, rising. What is between two lines lies on a straight line; an empty
cell says nothing.
"""

import bisect
import contextlib
import csv
import datetime
import math

from .script import ScriptError


class Recording:
    """How one quantity goes, from (s, value) to (s, value): the first one is the world's second 0.

    After the last it stays there, with `loop` it begins anew. `speed` seconds of it pass in one.
    """

    def __init__(self, points, loop: bool = False, speed: float = 1.0):
        first = points[0][0]
        self._times = [when - first for when, _ in points]
        self._values = [value for _, value in points]
        self._loop, self._speed = loop, speed

    def at(self, when: float) -> float:
        when *= self._speed
        if self._loop and self._times[-1]:
            when %= self._times[-1]
        index = bisect.bisect_right(self._times, when)
        if index in (0, len(self._times)):
            return self._values[min(index, len(self._times) - 1)]
        begin, end = self._times[index - 1], self._times[index]
        left, right = self._values[index - 1], self._values[index]
        return left + (right - left) * (when - begin) / (end - begin)


def read(path, quantities) -> dict[str, list]:
    """Returns {quantity: [(s, value), ...]} of a CSV file whose columns are among `quantities`.

    Raises ScriptError, whose text begins with file and line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file, strict=True), quantities)
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{path}: it is no text in UTF-8") from None


def _read(path, rows, quantities):
    try:
        names = [name.strip() for name in next(rows, [])]
        _check_names(names, quantities)
        found = {name: [] for name in names[1:]}
        last = None
        for row in rows:
            if row:
                last = _take(row, names, found, last)
        for name, points in found.items():
            if not points:
                raise ScriptError(f"{name} has no value: one line with a number is needed")
    except (ScriptError, csv.Error) as error:
        raise ScriptError(f"{path}:{max(1, rows.line_num)}: {error}") from None
    return found


def _check_names(names, quantities):
    if names[:1] != ["time"] or len(names) < 2:
        raise ScriptError("the first line names the columns: time, then quantities")
    for name in names[1:]:
        if name not in quantities or names.count(name) > 1:
            known = ", ".join(quantities)
            raise ScriptError(f"column {name!r}: needed is, once, one of {known}")


def _take(row, names, found, last):
    # Returns the row's time: (seconds, whether they were told by a date).
    if len(row) != len(names):
        raise ScriptError(f"{len(row)} cells: {len(names)} are needed, as in the first line")
    now = _time(row[0])
    if last and now[1] != last[1]:
        raise ScriptError(f"time is {row[0]!r}: either all are seconds or all are dates")
    if last and now <= last:
        raise ScriptError(f"time is {row[0]!r}: later than the line before is needed")
    for name, cell in zip(names[1:], row[1:], strict=True):
        if cell.strip():
            found[name].append((now[0], _number(name, cell)))
    return now


def _time(cell):
    with contextlib.suppress(ValueError):
        seconds = float(cell)
        if math.isfinite(seconds):
            return seconds, False
    text = cell.strip()
    # Python 3.10 doesn't know the Z.
    text = text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ScriptError(f"time is {cell!r}: seconds or 2026-06-01T06:00:00Z is needed") from None
    # Without a zone: as if it were UTC, only differences count.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp(), True


def _number(name, cell):
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScriptError(f"{name} is {cell!r}: a number is needed")
    return value
