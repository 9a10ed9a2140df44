"""`fieldpost config check FILE`: judged by the code that judges it on the board."""

import json
import re

import sensors
from node import config
from vboard import profile as profiles

from .output import complain

# Half of a character beyond U+FFFF in JSON's escapes.
HALF_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")


def run(options):
    """Returns 0 for a good configuration, 1 with the faults on stderr for another."""
    try:
        found = checked(options.file, profiles.load(options.board))
    except profiles.ProfileError as error:
        complain(f"fieldpost config: {error}")
        return 1
    except config.ConfigError as error:
        for fault in error.faults:
            complain(f"{options.file}: {fault}")
        return 1
    count = len(found["sensors"])
    print(f"{options.file}: good, {count} sensor{'s' if count > 1 else ''}")
    return 0


def checked(path, board):
    """Returns a file's configuration, judged for a board as well. Raises ConfigError."""
    found = config.check(read(path))
    faults = wiring_faults(found, board)
    if faults:
        raise config.ConfigError(faults)
    return found


def read(path):
    """Returns what the JSON of a file says. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        half = HALF_ESCAPE.search(text)
        if not half:
            return json.loads(text)
        line = text.count("\n", 0, half.start()) + 1
        fault = f"line {line}: {half[0]}: half a character: write it itself, as boards need it"
    except FileNotFoundError:
        fault = "not found"
    except IsADirectoryError:
        fault = "a folder, not a file"
    except OSError as error:
        fault = f"can't be read: {error.strerror}"
    except UnicodeDecodeError as error:
        fault = f"no UTF-8 text from byte {error.start} on: save it as UTF-8"
    except ValueError as error:
        fault = f"no valid JSON: {error}"
    except RecursionError:
        fault = "no valid JSON for a board: objects or lists too deep in one another"
    raise config.ConfigError([fault])


def wiring_faults(found, board):
    """Returns a line for each pin and bus of a good configuration that the board doesn't have."""
    outputs = [pin for pin in board.pins if pin not in board.input_only]
    faults = []
    for name, bus in sorted(found["buses"].items()):
        for line in ("scl", "sda"):
            if bus[line] not in outputs:
                faults.append(_fault(f"buses.{name}.{line}", bus[line], outputs, board))
    if len(found["buses"]) > len(board.i2c):
        faults.append(f"buses: {len(found['buses'])}: {board.name} has {len(board.i2c)} for I2C")
    for index, sensor in enumerate(found["sensors"]):
        pins = _allowed(sensor["driver"], board, outputs)
        if "pin" in sensor and sensor["pin"] not in pins:
            faults.append(_fault(f"sensors[{index}].pin", sensor["pin"], pins, board))
        elif sensor.get("trigger", outputs[0]) not in outputs:
            faults.append(_fault(f"sensors[{index}].trigger", sensor["trigger"], outputs, board))
        elif sensor.get("pin") in board.input_only and sensor.get("pull", "none") != "none":
            allowed = f"none: pin {sensor['pin']} of {board.name} has no pull resistor"
            faults.append(f"sensors[{index}].pull: {sensor['pull']!r}: allowed is {allowed}")
    return faults


def _allowed(driver, board, outputs):
    """Returns the pins a driver's sensors can be wired to."""
    module = sensors.load(driver)
    bus = getattr(module, "BUS", None)
    if bus == "adc":
        return board.adc
    return outputs if bus == "one_wire" or getattr(module, "DRIVES", False) else board.pins


def _fault(key, value, allowed, board):
    pins = ", ".join(str(pin) for pin in allowed)
    return f"{key}: {value}: allowed on {board.name} is {pins}"
