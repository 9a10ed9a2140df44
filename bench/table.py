"""The results of a run, and how they are shown."""

import statistics

from rows import ASYNCIO, BLOCKING, FLOORS, LIMIT, PEERS, ROWS

COLUMNS = (*PEERS, LIMIT, "ours", "bar", "ours/limit", "")
FRONTS = {BLOCKING: "blocking", ASYNCIO: "asyncio"}
WIDTH = 50


class Results:
    """Values by row and subject, and why there are none."""

    def __init__(self):
        self.values = {}
        self.notes = {}

    def add(self, row, subject, value):
        self.values.setdefault((row, subject), []).append(value)

    def note(self, row, subject, text):
        self.notes[row, subject] = str(text)

    def median(self, row, subject):
        """Returns the median; None if there is none, or if it failed in any run."""
        if (row, subject) in self.notes:
            return None
        values = self.values.get((row, subject))
        return statistics.median(values) if values else None

    def limit(self, row):
        return FLOORS.get(row, self.median(row, LIMIT))

    def verdict(self, row, front):
        """Returns "met", "missed" or "" for what was not measured."""
        bar = row.bars.get(front)
        value = self.median(row.key, front)
        if (row.key, front) in self.notes and value is None:
            return "" if self.notes[row.key, front].startswith("needs") else "missed"
        if bar is None or value is None:
            return ""
        value = round(value, row.digits)
        return "met" if (value >= bar if row.high else value <= bar) else "missed"

    def data(self, rows):
        """Returns all of it for a JSON file."""
        return {
            row.key: {
                "title": row.title,
                "higher_is_better": row.high,
                "bars": {FRONTS[front]: bar for front, bar in row.bars.items()},
                "values": {who: self.values.get((row.key, who), []) for who in row.who},
                "medians": {who: self.median(row.key, who) for who in row.who},
                "notes": {who: text for (key, who), text in self.notes.items() if key == row.key},
                "verdicts": {FRONTS[front]: self.verdict(row, front) for front in row.bars},
            }
            for row in rows
        }


def number(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def cell(results, row, subject):
    if subject not in row.who:
        return ""
    value = results.median(row.key, subject)
    return (
        results.notes.get((row.key, subject), "-") if value is None else number(value, row.digits)
    )


def lines(results, rows=ROWS):
    """Returns the table as lines, one a row and front."""
    made = [_line("", COLUMNS)]
    for row in rows:
        for i, front in enumerate(row.bars):
            title = row.title if i == 0 else ""
            others = [cell(results, row, who) if i == 0 else "" for who in PEERS]
            limit = results.limit(row.key)
            ours = results.median(row.key, front)
            ratio = f"{ours / limit:.3g}" if limit and ours is not None else ""
            made.append(
                _line(
                    f"{title:41}{FRONTS[front]:>9}",
                    (
                        *others,
                        number(limit, row.digits) if i == 0 else "",
                        cell(results, row, front),
                        f"{row.bars[front]:,}",
                        ratio,
                        results.verdict(row, front),
                    ),
                )
            )
    return made


def _line(title, cells):
    widths = (12, 12, 12, 12, 9, 12, 8, 11, 8)
    pairs = zip(cells, widths, strict=True)
    shown = "".join(f"{text[: width - 1]:>{width}}" for text, width in pairs)
    return f"{title:{WIDTH}}{shown}".rstrip()


def spreads(results, rows=ROWS):
    """Returns lines of the smallest and largest value of each."""
    made = []
    for row in rows:
        for who in row.who:
            values = results.values.get((row.key, who))
            note = results.notes.get((row.key, who), "")
            if values:
                low, middle, high = min(values), statistics.median(values), max(values)
                text = " .. ".join(number(value, row.digits) for value in (low, middle, high))
                made.append(f"{row.key:15}{who:11}{text}  of {len(values)}  {note}".rstrip())
            elif note:
                made.append(f"{row.key:15}{who:11}{note}")
    return made
