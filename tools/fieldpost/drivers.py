"""`fieldpost drivers`: which sensors there are, and how one is wired and configured."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

import sensors
from node import config
from vboard import profile as profiles

from . import catalogue, driverpage, firmware
from .output import complain

ERRORS = (profiles.ProfileError, firmware.CompileError)


def run(options):
    """Returns the exit code: 0, or 1 with the reason on stderr."""
    try:
        if options.page:
            Path(options.page).write_text(driverpage.page(), encoding="utf-8")
            print(f"{options.page}: {len(sensors.names())} drivers")
        elif options.driver:
            return _one(options.driver, options.board)
        else:
            Console(highlight=False).print(_table())
    except ERRORS as error:
        complain(f"fieldpost drivers: {error}")
        return 1
    except OSError as error:
        complain(f"fieldpost drivers: {options.page}: can't be written: {error.strerror}")
        return 1
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
