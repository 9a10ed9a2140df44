"""`fieldpost new-driver`: a driver to begin with, its emulation and its test."""

import keyword
import re
from pathlib import Path

import sensors

from .candidate import EMULATION, NAME
from .output import complain
from .project import ROOT

TEMPLATES = Path(__file__).with_name("templates")
# What the templates call their driver.
EXAMPLE = re.compile(r"\b(an )?[Ee]xample\b")
# Characters of a name: it is on a topic and in each configuration.
LONGEST = 24
ALLOWED = f"a-z, 0-9 and _, a letter first, at most {LONGEST} characters"


def run(options):
    """Returns 0 if the files are there, 1 with the reason on stderr if not."""
    name, out = options.name, options.out and Path(options.out)
    wrong = fault(name, bool(out))
    if wrong:
        complain(f"fieldpost new-driver: {name!r} {wrong}")
        return 1
    files = places(name, options.bus, out)
    try:
        _write(name, files)
    except FileExistsError as error:
        complain(f"fieldpost new-driver: {error.filename}: is there already, and is left as it is")
        return 1
    except OSError as error:
        complain(f"fieldpost new-driver: {error.filename}: can't be written: {error.strerror}")
        return 1
    for line in _told(name, files, out):
        print(line)
    return 0


def fault(name, outside=False):
    """Returns what is wrong with a driver's name, '' if nothing is."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        return f"is no name for a driver: {ALLOWED}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a word of Python: take another name"
    if not outside and name in sensors.names():
        return "is a driver already: take another name"
    return ""


def places(name, bus, out=None, root=ROOT):
    """Returns {file to write: its template}: driver, emulation, test."""
    folder = TEMPLATES / bus
    if out:
        return {
            out / f"{name}.py": folder / "driver.py",
            out / EMULATION.format(name): folder / "emulation.py",
            out / f"test_{name}.py": TEMPLATES / "outside.py",
        }
    return {
        root / "firmware" / "sensors" / f"{name}.py": folder / "driver.py",
        root / "tools" / "vboard" / "devices" / f"{name}.py": folder / "emulation.py",
        root / "tests" / "unit" / f"test_sensors_{name}.py": folder / "unit.py",
    }


def filled(name, text):
    """Returns a template's text for a driver of that name."""
    article = "an" if name[0] in "aeiou" else "a"
    # What a checker of the templates has to know is no matter of a driver's.
    lines = [line for line in text.splitlines(True) if not line.startswith("# pyright:")]
    return EXAMPLE.sub(lambda found: f"{article} {name}" if found[1] else name, "".join(lines))


def _write(name, files):
    # All or none.
    for path in files:
        if path.exists():
            raise FileExistsError(17, "File exists", str(path))
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = filled(name, template.read_text(encoding="utf-8"))
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)


def _told(name, files, out):
    driver, emulation, test = (_shown(path) for path in files)
    yield f"{driver}: the driver; what to change says so (# Change)"
    yield f"{emulation}: what its sensor does on the wire"
    yield f"{test}: its test"
    yield "next:"
    yield f"  .venv/bin/fieldpost driver-check {driver if out else name}"
    yield f"  .venv/bin/pytest {test}"
    if not out:
        yield "  firmware/sensors/_addresses.py: its addresses, if it is on I2C"
        yield "  make sensors: docs/sensors.md tells of it"


def _shown(path):
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
