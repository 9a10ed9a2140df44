"""What a driver's file declares, held against the contract in firmware/sensors/__init__.py."""

import inspect
import keyword

from node import config, topics
from vboard.script import is_number

from . import catalogue, deviceclasses, firmware

# Bytes of compiled code of a plain driver, and those that none may have.
PLAIN, MOST = 1_500, 3_000
# Decimals that a number is told with, at most.
DECIMALS = 6
# What runs on a board and isn't a driver's: it is handed its bus, and the node reads it.
FOREIGN = ("node", "machine", "typing", "vboard", "fieldpost")


def faults(candidate):
    """Returns a line for each thing that is wrong; none of the rest can be checked with some."""
    module = candidate.module
    lines = [*_quantities(module), *_constants(module), *_options(module), *_driver(module)]
    lines += _imports(candidate)
    return lines


def size(candidate, chip):
    """Returns bytes of .mpy, those of files that it shares with others included.

    Raises CompileError.
    """
    return firmware.driver_size(candidate.name, chip, candidate.among())


def _quantities(module):
    found = getattr(module, "QUANTITIES", None)
    if not isinstance(found, tuple) or not found:
        yield "QUANTITIES: needed is a tuple with a tuple for each value of a reading"
        return
    names = [one[0] for one in found if isinstance(one, tuple) and one]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"QUANTITIES: {name!r} is there twice: each has its own topic"
    for one in found:
        if not isinstance(one, tuple) or len(one) != 6:
            yield (
                f"QUANTITIES: {one!r}: needed is (name, unit, decimals, lowest, highest, "
                "device_class)"
            )
        else:
            for text in _quantity(*one):
                yield f"QUANTITIES, {one[0]}: {text}"


def _quantity(name, unit, decimals, lowest, highest, device_class):
    wrong = topics.level_fault(name)
    if wrong:
        yield f"the name {wrong}: {topics.ALLOWED} is allowed"
    elif name in topics.RESERVED:
        yield f"the name is the node's own: any but {', '.join(topics.RESERVED)}"
    if unit is not None and (not isinstance(unit, str) or not unit.strip()):
        yield f"unit {unit!r}: a text is needed, None for none"
    if decimals is None:
        yield from _state(unit, lowest, highest, device_class)
        return
    if not _whole(decimals) or not 0 <= decimals <= DECIMALS:
        yield f"decimals {decimals!r}: 0 to {DECIMALS} are allowed, None for a state"
    yield from _span(lowest, highest)
    if device_class is not None:
        wrong = deviceclasses.fault(device_class, unit)
        if wrong:
            yield wrong


def _state(unit, lowest, highest, device_class):
    # A word, not a number.
    if (unit, lowest, highest) != (None, None, None):
        yield "without decimals it is a state: unit, lowest and highest are None, too"
    if device_class is not None:
        yield f"device class {device_class!r}: a state has None"


def _span(lowest, highest):
    if lowest is None and highest is None:
        return
    if not is_number(lowest) or not is_number(highest):
        yield f"lowest {lowest!r}, highest {highest!r}: two numbers, or None, None for no range"
    elif not lowest < highest:
        yield f"lowest {lowest} is not below highest {highest}"


def _constants(module):
    bus = getattr(module, "BUS", "")
    if bus not in catalogue.WIRES:
        kinds = ", ".join(repr(kind) for kind in catalogue.WIRES)
        yield f"BUS: {bus!r}: one of {kinds} is needed" if bus else f"BUS: missing: one of {kinds}"
    for name in ("DRIVES", "KEPT"):
        value = getattr(module, name, False)
        if not isinstance(value, bool):
            yield f"{name}: {value!r}: True or False is needed"
    for name in ("READY_MS", "BLOCKS_MS"):
        value = getattr(module, name, 0)
        if not _whole(value) or value < 0:
            yield f"{name}: {value!r}: a whole number of ms is needed"


def _options(module):
    found = getattr(module, "OPTIONS", None)
    if not isinstance(found, dict):
        yield "OPTIONS: needed is {keyword of Driver: (default, allowed)}, {} for none"
        return
    for name, spec in found.items():
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            yield f"OPTIONS: {name!r}: a keyword of Driver is needed"
        elif name in _taken(module):
            yield f"OPTIONS: {name!r} is a key of each sensor: take another name"
        elif not isinstance(spec, tuple) or len(spec) != 2:
            yield f"OPTIONS, {name}: {spec!r}: needed is (default, allowed)"
        else:
            yield from _option(name, *spec)
    bus = getattr(module, "BUS", "")
    if bus == "one_wire" and "rom" not in found:
        yield "OPTIONS: rom is missing: sensors of one wire are told apart by it"
    if bus == "i2c" and "address" not in found:
        yield "OPTIONS: address is missing: sensors of one bus are told apart by it"


def _option(name, default, allowed):
    if not isinstance(allowed, tuple) and not hasattr(type(allowed), "__contains__"):
        yield f"OPTIONS, {name}: {allowed!r}: a tuple, a Range, a Whole or a Text is needed"
    elif default is not None and default is not config.NEEDED and default not in allowed:
        told = config.listed(name, allowed)
        yield f"OPTIONS, {name}: the default {default!r} isn't allowed: allowed is {told}"


def _taken(module):
    wiring = config.wiring(getattr(module, "BUS", None), {})
    return {"name", *config.SENSOR, *config.FILTERED, *wiring}


def _driver(module):
    driver = getattr(module, "Driver", None)
    if not inspect.isclass(driver):
        yield "Driver: there is no such class"
        return
    yield from _parameters(module, driver)
    for name, awaited in (("read", True), ("wait", True), ("stop", False), ("reset", False)):
        method = getattr(driver, name, None)
        if method is not None and inspect.iscoroutinefunction(method) != awaited:
            kind = "async def" if awaited else "a plain def"
            yield f"Driver.{name}(): {kind} is needed"
    if not hasattr(driver, "read"):
        yield "Driver.read() is missing: async, it returns a tuple with a value for each quantity"


def _parameters(module, driver):
    options = getattr(module, "OPTIONS", None)
    wanted = set(options) if isinstance(options, dict) else set()
    wanted |= {"store"} if getattr(module, "KEPT", False) is True else set()
    _, *rest = inspect.signature(driver.__init__).parameters.values()
    named = [one for one in rest if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if not rest:
        yield "Driver() takes no bus: Driver(bus, **options) is needed"
        return
    names = {one.name for one in named[1:]}
    if any(one.kind == one.VAR_KEYWORD for one in rest):
        names |= wanted
    for name in sorted(wanted - names):
        yield f"Driver() takes no {name}: it is handed each of OPTIONS, and store with KEPT"
    without = {one.name for one in named[1:] if one.default is one.empty}
    for name in sorted(without - wanted):
        yield f"Driver() needs {name}, which OPTIONS hasn't"


def _imports(candidate):
    among = candidate.among()
    name = firmware.DRIVERS + candidate.name
    for one in firmware.imports(name, among[name][0]):
        if one.partition(".")[0] in FOREIGN:
            yield f"imports {one}: a driver knows its bus and its quantities, nothing else"


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)
