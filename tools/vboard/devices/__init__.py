"""What can be wired to a virtual board, one device a file.

A device knows the world, not the board; `reset()` is its power-on. On an I2C bus it has `address`,
`write(data)` for one write transaction after its address was acknowledged, and `read(count)` for
one read transaction; both raise `wire.nack()` for what the chip doesn't acknowledge. One that
stretches the clock has `stretch_s`, how long it would hold SCL if it were read now. On a 1-Wire
bus it has `restart()` for a reset pulse, `output` (what it does to the wire in the next time slot:
0 or 1) and `slot(level)`. Alone on a pin, a DHT has `answer(low_ms)`, and a contact
`level_at(now)` and `edges(before, after)`. An ultrasonic sensor on two pins has `echo_us()`.

`emulations()` tells what can be attached for which driver (emulation.py); what a driver's name
means is known outside.
"""

import importlib
import importlib.util
import pkgutil
from pathlib import Path

from .emulation import Attached, Emulation, with_pins

__all__ = ["Attached", "Emulation", "EmulationError", "emulations", "load", "with_pins"]


class EmulationError(Exception):
    """A file has no emulations that can be used; the text says which and why."""


def emulations() -> dict[str, Emulation]:
    """Returns what can be attached, by the driver's name: of all files in this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = {}
    for name in names:
        module = importlib.import_module(f"{__name__}.{name}")
        found.update(getattr(module, "EMULATIONS", {}))
    return found


def load(path: str | Path) -> dict[str, Emulation]:
    """Returns the EMULATIONS of a file that is somewhere else. Raises EmulationError."""
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"emulation_{path.stem}", path)
    if not spec or not spec.loader or not path.is_file():
        raise EmulationError(f"{path}: no file of Python: name one that has EMULATIONS")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise EmulationError(f"{path}: {type(error).__name__}: {error}") from error
    found = getattr(module, "EMULATIONS", None)
    good = isinstance(found, dict) and all(isinstance(one, Emulation) for one in found.values())
    if not found or not good:
        raise EmulationError(f"{path}: EMULATIONS: needed is {{driver's name: Emulation}}")
    return found
