"""The ESP32's modules as emulated have the names and parameters of its type stubs."""

import ast
import importlib.metadata
from pathlib import Path

import pytest

VBOARD = Path(__file__).parents[2] / "tools" / "vboard"
# File of ours -> module of the stubs. machine is made of several files (its _PARTS).
MODULES = {
    "chip/esp32": "esp32",
    "chip/machine": "machine",
    "chip/_clock": "time",
    "chip/_pulses": "machine",
    "chip/_pwm": "machine",
    "chip/_signal": "machine",
    "chip/_timer": "machine",
    "chip/network": "network",
    "chip/_onewire": "_onewire",
    "frozen/dht": "dht",
    "frozen/ds18x20": "ds18x20",
    "frozen/neopixel": "neopixel",
    "frozen/ntptime": "ntptime",
    "frozen/onewire": "onewire",
}
# The stubs are of one firmware, ESP32_GENERIC: what only other chips have (esp32.mcu_temperature,
# machine.bootloader) isn't in them and so isn't held against them. Nor do they know the ESP32's
# own keywords: the duty of PWM in 1/1023 (ports/esp32/machine_pwm.c).
BEYOND = {"machine.PWM.__init__": {"duty"}, "machine.PWM.init": {"duty"}}
# Nor that Timer() is a virtual one (ports/esp32/machine_timer.c).
FEWER = {"machine.Timer.__init__"}


def stub_of(name):
    try:
        files = importlib.metadata.files("micropython-esp32-stubs") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("micropython-esp32-stubs isn't installed")
    for file in files:
        if str(file) in (f"{name}.pyi", f"{name}/__init__.pyi"):
            return ast.parse(Path(str(file.locate())).read_text(encoding="utf-8"))
    pytest.fail(f"the stubs have no {name}")


def members(body):
    """Returns name -> list of definitions (overloads count) of a module or class."""
    found = {}
    for node in body:
        for name in names(node):
            found.setdefault(name, []).append(node)
    return found


def names(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Assign):
        targets = [leaf for target in node.targets for leaf in ast.walk(target)]
        return [leaf.id for leaf in targets if isinstance(leaf, ast.Name)]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return []


def inherited(node, module):
    """A class's own members and those of its bases in the same module."""
    found = {}
    for base in node.bases:
        for definition in module.get(getattr(base, "id", ""), []):
            if not isinstance(definition, ast.ClassDef):
                # Of another module: it has nothing that isn't here, too.
                continue
            found.update(inherited(definition, module))
    found.update(members(node.body))
    return found


def public(found):
    return [name for name in found if not name.startswith("_") or name == "__init__"]


def fits(ours, theirs, where=""):
    """Why a call that our function takes fails with the stub's overloads; None: it doesn't."""
    mine, stubs = ours.args, [node.args for node in theirs]
    known = {a.arg for stub in stubs for a in stub.posonlyargs + stub.args + stub.kwonlyargs}
    unknown = {a.arg for a in mine.kwonlyargs} - known - BEYOND.get(where, set())
    if unknown and not any(stub.kwarg for stub in stubs):
        return f"has no {sorted(unknown)} there"
    most = max(99 if stub.vararg else _positional(stub) for stub in stubs)
    if _positional(mine) > most:
        return f"takes {most} positional parameters there"
    fewest = min(_positional(stub) - len(stub.defaults) for stub in stubs)
    if _positional(mine) - len(mine.defaults) < fewest and where not in FEWER:
        return f"demands {fewest} positional parameters there"
    return None


def _positional(args):
    return len(args.posonlyargs + args.args)


def check(ours, theirs, where, ours_in, theirs_in):
    if isinstance(ours, ast.ClassDef):
        mine, stub = inherited(ours, ours_in), inherited(theirs[0], theirs_in)
        return [
            f for name in public(mine) for f in find(name, mine, stub, where, ours_in, theirs_in)
        ]
    functions = [node for node in theirs if isinstance(node, ast.FunctionDef)]
    if isinstance(ours, ast.FunctionDef) and functions:
        reason = fits(ours, functions, where)
        return [f"{where} {reason}"] if reason else []
    return []


def find(name, mine, stub, where, ours_in, theirs_in):
    if name == "__init__" and name not in stub:
        return []
    if name not in stub:
        return [f"{where}.{name} isn't in the stubs"]
    return check(mine[name][-1], stub[name], f"{where}.{name}", ours_in, theirs_in)


@pytest.mark.parametrize("file", MODULES)
def test_emulated_module_fits_the_stubs(file):
    name = MODULES[file]
    theirs = members(stub_of(name).body)
    ours = members(ast.parse((VBOARD / f"{file}.py").read_text(encoding="utf-8")).body)
    faults = []
    for item in public(ours):
        faults += find(item, ours, theirs, name, ours, theirs)
    assert not faults, "\n".join(faults)


def test_every_file_is_held_against_the_stubs():
    files = [path for folder in ("chip", "frozen") for path in (VBOARD / folder).glob("*.py")]
    assert {path.relative_to(VBOARD).with_suffix("").as_posix() for path in files} == set(MODULES)


def test_the_check_finds_what_differs():
    theirs = members(ast.parse("class A:\n def f(self, a, *, b=1): ...\n def g(self): ...").body)
    ours = members(
        ast.parse(
            "class A:\n def f(self, a=1, *, c=2): ...\n def h(self): ...\n def g(self, x): ..."
        ).body
    )
    assert find("A", ours, theirs, "m", ours, theirs) == [
        "m.A.f has no ['c'] there",
        "m.A.h isn't in the stubs",
        "m.A.g takes 1 positional parameters there",
    ]
    del ours["A"][0].body[0].args.kwonlyargs[:]
    assert "m.A.f demands 2 positional parameters there" in find(
        "A", ours, theirs, "m", ours, theirs
    )
