"""The page of the sensors, docs/sensors.md, out of what the drivers declare."""

import json

import sensors
from node import config

from . import catalogue

# The board of the page's examples.
BOARD = "esp32_generic"
INTRODUCTION = """\
# Sensors

Which sensors there are, what they report, how they are wired and configured. `make sensors` makes
this page out of what the drivers declare; `.venv/bin/fieldpost drivers NAME --board BOARD` prints
one of them for a board.

Bytes are those of the driver's compiled files, RAM what the code takes once it is loaded
(estimated; files that several drivers share are counted for each). A driver stops all else for
5 ms at most unless the table says more; whatever takes longer is awaited. A value beyond its
range is a fault: it is told, and not published.
"""
WIRING = """
## Wiring

Sensors run on the board's 3.3 V and share its ground. Any pin that the board's file allows will
do; these are the examples'. I2C needs a pull-up resistor of 2.2 to 10 kΩ on both lines (most
modules have them), a DHT or a 1-Wire sensor one of 4.7 kΩ on its line. An analogue pin bears 3.3 V
and an HC-SR04 runs on 5 V: both want a divider before the pin.
"""
# What is read of a BUS in the tables.
KINDS = {
    "i2c": "I2C",
    "pin": "a pin",
    "one_wire": "1-Wire",
    "adc": "an analogue pin",
    "echo": "two pins",
    None: "the board itself",
}


def page():
    """Returns the page's text. Raises CompileError, ProfileError."""
    entries, boards = catalogue.entries(), catalogue.boards()
    lines = [INTRODUCTION, *_overview(entries), *_wiring(boards)]
    for entry in entries:
        lines += _section(entry, boards[BOARD])
    return "\n".join(lines) + "\n"


def quantities(entry):
    """Returns the lines of a table of a driver's quantities."""
    rows = [[f"`{name}`", *_told(rest)] for name, *rest in entry.quantities]
    return _table(["quantity", "unit", "decimals", "range", "device class"], rows)


def keys(entry):
    """Returns the lines of a table of a driver's own keys in the configuration, if it has any."""
    fields = {**config.wiring(entry.bus, {}), **entry.options}
    if not fields:
        return []
    rows = [
        [f"`{key}`", _default(key, field[0]), _allowed(key, field[1])]
        for key, field in fields.items()
    ]
    return ["", *_table(["key", "default", "allowed"], rows)]


def _overview(entries):
    rows = [
        [
            f"[`{entry.name}`](#{entry.name})",
            entry.title.partition(":")[0].rstrip("."),
            ", ".join(" ".join(filter(None, one[:2])) for one in entry.quantities),
            KINDS[entry.bus],
            f"{entry.size:,}",
            f"{entry.ram:,}",
            f"{entry.blocks_ms} ms" if entry.blocks_ms > 5 else "",
        ]
        for entry in entries
    ]
    return _table(["driver", "sensor", "quantities", "on", "bytes", "RAM", "blocks"], rows)


def _wiring(boards):
    kinds = [kind for kind in KINDS if kind]
    rows = []
    for name, board in boards.items():
        pins = [catalogue.wiring(kind, board) for kind in kinds]
        rows.append(
            [f"`{name}`", *(", ".join(f"{k} {v}" for k, v in one.items()) for one in pins)]
        )
    return [WIRING, *_table(["board", *(KINDS[kind] for kind in kinds)], rows)]


def _section(entry, board):
    example = json.dumps(catalogue.example(entry, board), ensure_ascii=False)
    return [
        f"\n## {entry.name}\n\n{entry.title}\n",
        f"{entry.text}\n",
        *quantities(entry),
        *keys(entry),
        f"\n```json\n{example}\n```",
    ]


def _told(quantity):
    unit, decimals, lowest, highest, device_class = quantity
    span = "" if lowest is None else f"{lowest:g} to {highest:g}"
    return [unit or "", "" if decimals is None else str(decimals), span, device_class or ""]


def _default(key, value):
    if value is sensors.NEEDED:
        return "the only one" if key == "bus" else "needed"
    return "none" if value is None else _shown(key, value)


def _allowed(key, allowed):
    if not isinstance(allowed, tuple):
        return str(allowed)
    if len(allowed) > 8 and key == "address":
        return f"{_shown(key, allowed[0])} to {_shown(key, allowed[-1])}"
    return ", ".join(_shown(key, value) for value in allowed) or "a bus of `buses`"


def _shown(key, value):
    if key == "address":
        return f"0x{value:02X}"
    return json.dumps(value, ensure_ascii=False).strip('"')


def _table(heads, rows):
    # The same lines are read on a terminal: columns in line.
    rows = [heads, ["-" * 3] * len(heads), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    return [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
