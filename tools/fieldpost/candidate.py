"""A driver that is to be checked: the project's by its name, anybody's by its file."""

import contextlib
import importlib.util
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import sensors
from node import config
from vboard.devices import EmulationError, emulations, load

from . import catalogue, firmware

# The name of a third party's emulation, beside its driver.
EMULATION = "{}_emulation.py"
NAME = re.compile(r"[a-z][a-z0-9_]*")
# Only one at a time is loaded from a folder of its own.
_loading = threading.Lock()


class CandidateError(Exception):
    """It can't be checked at all; the text says why and what to do."""


class Candidate:
    """One driver: `module` as the host has loaded it, `file` its source, `emulation` or None."""

    def __init__(self, name, file, module, emulation, given=None):
        self.name, self.file, self.module, self.emulation = name, file, module, emulation
        # {option: value} in place of defaults.
        self._given = given or {}

    @property
    def bus(self):
        return getattr(self.module, "BUS", None)

    @property
    def blocks_ms(self):
        return catalogue.blocks_ms(self.module)

    def among(self, main=None):
        """Returns firmware.modules() with it, and a program in place of the node's main.py."""
        found = firmware.modules()
        folder = Path("sensors")
        if not _is_ours(self.file):
            # What drivers share has an underscore, a third party's too.
            beside = [*self.file.parent.glob("_*.py"), self.file]
            found.update({f"{firmware.DRIVERS}{one.stem}": (one, folder) for one in beside})
        if main:
            found["main"] = (main, Path())
        return found

    def sensor(self, board):
        """Returns what a checked configuration has of one, wired as it suits a board."""
        wires = catalogue.wiring(self.bus, board)
        keys = config.wiring(self.bus, {catalogue.BUS: wires})
        sensor = {key: default for key, (default, _) in keys.items()}
        if self.bus != "i2c":
            sensor.update(wires)
        return {**sensor, "driver": self.name, "name": None, "options": self._options()}

    def buses(self, board):
        """Returns what a checked configuration has of the I2C buses."""
        if self.bus != "i2c":
            return {}
        # At its default speed, Hz.
        return {catalogue.BUS: {"frequency": 100_000, **catalogue.wiring("i2c", board)}}

    def _options(self):
        found = {}
        for key, (default, allowed) in self.module.OPTIONS.items():
            missing = default is config.NEEDED
            found[key] = catalogue.example_of(key, allowed) if missing else default
        return {**found, **self._given}


def candidate(text, emulation=None, given=()):
    """Returns the Candidate of a name or a file. Raises CandidateError.

    `emulation` is a file that has its emulation, `given` are texts "option=value".
    """
    if text.endswith(".py") or "/" in text:
        name, file, module = _of_file(Path(text))
        beside = file.with_name(EMULATION.format(name))
        path = Path(emulation) if emulation else beside if beside.exists() else None
    else:
        name, file, module = _of_name(text)
        path = Path(emulation) if emulation else None
    found = emulations() if path is None else _emulations(path)
    return Candidate(name, file, module, found.get(name), _given(module, given))


def _is_ours(file):
    return file.parent == Path(str(sensors.__file__)).parent


def _of_name(name):
    if name not in sensors.names():
        known = ", ".join(sensors.names())
        raise CandidateError(f"no driver {name!r}: there are {known}; or name a file, FILE.py")
    module: Any = _imported(lambda: sensors.load(name), name)
    return name, Path(str(module.__file__)), module


def _of_file(file):
    if not file.is_file():
        raise CandidateError(f"{file}: there is no such file")
    if not NAME.fullmatch(file.stem):
        raise CandidateError(f"{file}: a driver's name has a-z, 0-9 and _, a letter first")
    file = file.resolve()
    with _beside(file.parent):
        return file.stem, file, _imported(lambda: _load(file), file)


def _load(file):
    spec = importlib.util.spec_from_file_location(f"sensors.{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _imported(load, what):
    try:
        return load()
    except Exception as error:
        told = f"{what}: can't be imported: {type(error).__name__}: {error}"
        raise CandidateError(told) from error


@contextlib.contextmanager
def _beside(folder):
    # What drivers share is found beside the file, too, and isn't left behind for the next.
    with _loading:
        sensors.__path__.append(str(folder))
        try:
            yield
        finally:
            sensors.__path__.remove(str(folder))
            for name, module in list(sys.modules.items()):
                file = getattr(module, "__file__", None)
                if name.startswith(firmware.DRIVERS) and file and Path(file).parent == folder:
                    del sys.modules[name]
                    delattr(sensors, name.removeprefix(firmware.DRIVERS))


def _emulations(path):
    try:
        return load(path)
    except EmulationError as error:
        raise CandidateError(str(error)) from None


def _given(module, texts):
    known = getattr(module, "OPTIONS", {})
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise CandidateError(f"--set {text}: OPTION=VALUE is needed")
        if key not in known:
            told = ", ".join(known) or "none"
            raise CandidateError(f"--set {text}: its options are {told}")
        found[key] = _value(value)
        if found[key] not in known[key][1]:
            allowed = config.listed(key, known[key][1])
            raise CandidateError(f"--set {text}: allowed is {allowed}")
    return found


def _value(text):
    if text[:2] == "0x":
        return int(text, 16)
    try:
        return json.loads(text)
    except ValueError:
        return text
