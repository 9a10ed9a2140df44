"""What is known of each driver by its own declarations: quantities, keys, wiring, size."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sensors
from node import config
from vboard import profile as profiles

from . import config as checks, firmware

# The one bus that examples have, where their driver needs one.
BUS = "main"
# Examples of what has no default and whose range says too little.
EXAMPLES = {"dry": 2.8, "wet": 1.2}
# What connects a driver's sensor, by its BUS.
WIRES = {
    "i2c": ("scl", "sda"),
    "pin": ("pin",),
    "one_wire": ("pin",),
    "adc": ("pin",),
    "echo": ("trigger", "pin"),
    None: (),
}


@dataclass(frozen=True)
class Entry:
    """One driver. `module` is what declares it."""

    name: str
    module: Any
    # What it is for, one line; what it does, from its class.
    title: str
    text: str

    @property
    def size(self):
        """Bytes of its .mpy files for an ESP32, shared ones included. Raises CompileError."""
        return firmware.driver_size(self.name, "esp32")

    @property
    def ram(self):
        """Bytes of RAM that they take, estimated. Raises CompileError."""
        return round(self.size * firmware.RAM_PER_BYTE)

    @property
    def quantities(self):
        return self.module.QUANTITIES

    @property
    def bus(self):
        return self.module.BUS

    @property
    def options(self):
        return self.module.OPTIONS

    @property
    def blocks_ms(self):
        return blocks_ms(self.module)


def blocks_ms(module):
    """Returns the ms of a driver's longest call that lets nothing else run."""
    return getattr(module, "BLOCKS_MS", 5)


def entries():
    """Returns the Entry of each driver, by name."""
    return [entry(name) for name in sensors.names()]


def entry(name):
    """Returns the Entry of a driver that is there."""
    module: Any = sensors.load(name)
    return Entry(name, module, _title(module), inspect.getdoc(module.Driver) or "")


def boards():
    """Returns {name: Profile} of all boards. Raises ProfileError."""
    return {name: profiles.load(name) for name in profiles.names()}


def example(entry, board):
    """Returns a configuration's parts for a driver on a board: {"buses": ..., "sensors": [...]}.

    They are judged as those of a user are. Raises ConfigError.
    """
    pins = wiring(entry.bus, board)
    sensor = {"driver": entry.name, "interval": 60}
    buses = {}
    if entry.bus == "i2c":
        buses[BUS] = pins
    else:
        sensor.update(pins)
    for key, (default, allowed) in entry.options.items():
        if default is config.NEEDED:
            sensor[key] = example_of(key, allowed)
        elif key == "address":
            sensor[key] = hex(default)
    parts = {"buses": buses, "sensors": [sensor]} if buses else {"sensors": [sensor]}
    _judge(parts, board)
    return parts


def wiring(bus, board):
    """Returns {key of the configuration: pin} that suits a driver's BUS on a board."""
    if bus == "i2c":
        return dict(zip(WIRES["i2c"], board.i2c[0], strict=True))
    if bus == "echo":
        pins = [pin for pin in board.adc if pin not in board.input_only]
        return dict(zip(WIRES["echo"], pins, strict=False))
    if bus == "adc":
        return {"pin": board.adc[-1]}
    return dict.fromkeys(WIRES[bus], board.one_wire)


def _title(module):
    first = Path(module.__file__).read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ")


def example_of(key, allowed):
    """Returns a value for an option that has no default."""
    if key in EXAMPLES:
        return EXAMPLES[key]
    return allowed[0] if isinstance(allowed, tuple) else allowed.lowest


def _judge(parts, board):
    rest = {
        "identity": {"company": "acme", "device": "node-01"},
        "wifi": {"ssid": "my network"},
        "broker": {"host": "broker"},
    }
    faults = checks.wiring_faults(config.check({**rest, **parts}), board)
    if faults:
        raise config.ConfigError(faults)
