"""`fieldpost drivers`: which sensors there are, and how one is wired and configured."""

import contextlib
import errno
import json
import sys
from pathlib import Path
from typing import IO, cast

from rich.console import Console
from rich.table import Table

import sensors
from node import config
from vboard import profile as profiles

from . import catalogue, driverpage, firmware
from .output import Output, complain

ERRORS = (profiles.ProfileError, firmware.CompileError)


def run(options):
    """Returns the exit code: 0, or 1 with the reason on stderr."""
    output = Output(sys.stdout, lambda: None)
    with contextlib.redirect_stdout(cast(IO[str], output)):
        code = _run(options)
        output.flush()
    # Who reads no further than a line has what he wanted.
    if output.lost and output.lost.errno != errno.EPIPE:
        complain(f"fieldpost drivers: its output takes no more: {output.lost.strerror}")
        return 1
    return code


def _run(options):
    try:
        if options.page:
            return _page(options)
        if options.driver:
            return _one(options.driver, options.board)
        Console(highlight=False).print(_table())
    except ERRORS as error:
        complain(f"fieldpost drivers: {error}")
        return 1
    return 0


def _page(options):
    if options.driver:
        complain("fieldpost drivers: --page writes of all drivers: leave out NAME")
        return 1
    text = driverpage.page()
    try:
        Path(options.page).write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"fieldpost drivers: {options.page}: can't be written: {error.strerror}")
        return 1
    print(f"{options.page}: {len(sensors.names())} drivers")
    return 0


def _table():
    table = Table("driver", "quantities", "for", box=None, pad_edge=False)
    for entry in catalogue.entries():
        names = ", ".join(_quantity(quantity) for quantity in entry.quantities)
        table.add_row(entry.name, names, entry.title)
    return table


def _quantity(quantity):
    name, unit = quantity[:2]
    return f"{name} {unit}" if unit else name


def _one(name, board_name):
    if name not in sensors.names():
        known = ", ".join(sensors.names())
        complain(f"fieldpost drivers: no driver {name!r}: there are {known}")
        return 1
    entry, board = catalogue.entry(name), profiles.load(board_name)
    print(f"{entry.title}\n{entry.text}\n")
    for line in driverpage.quantities(entry) + driverpage.keys(entry):
        print(line)
    try:
        example = catalogue.example(entry, board)
    except config.ConfigError as error:
        complain(f"fieldpost drivers: {board.name} can't have one: {error}")
        return 1
    print(f"\nOn {board.name}, for config.json:\n{json.dumps(example, indent=2)}")
    return 0
