"""What `fieldpost build` makes, on a real MicroPython: it mounts the image and loads the node."""

import json

import pytest

from fieldpost import cli, firmware
from vboard import profile
from vm import needs_vm, run

CONFIG = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 5, "sda": 4}},
    "sensors": [{"driver": "bme280"}, {"driver": "digital", "pin": 3}, {"driver": "chip"}],
}
START = (
    "node.start",
    "node.config",
    "node.app",
    "sensors.bme280",
    "sensors.digital",
    "sensors.chip",
)
LATE = (
    "mqtt.advice",
    "mqtt.large",
    "node.faults",
    "node.rescue",
    "node.wires",
    "sensors._addresses",
)


@pytest.fixture(scope="module", params=["esp32_generic", "esp32_c3"])
def built(request, tmp_path_factory):
    """A build's folder for a chip of each of the two kinds of processor."""
    folder = tmp_path_factory.mktemp("build")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    options = ["--config", str(folder / "config.json"), "--out", str(folder / "out")]
    assert cli.main(["build", "--board", request.param, *options]) == 0
    return folder / "out"


def load(folder, *modules):
    """Returns (heap taken, {module: its file}, last line) after importing from the image."""
    heap = f"{profile.load().heap // 1024}wK"
    done = run("tests/vm/boot_image.py", folder / "filesystem.bin", *modules, heap=heap)
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    loaded = {line[1]: line[2] for line in lines if line[0] == "loaded"}
    return int(lines[0][1]), loaded, done.stdout.splitlines()[-1]


@needs_vm
def test_the_node_is_loaded_from_the_image(built):
    _, loaded, closing = load(built, *START)
    # Its configuration was read and judged there, too.
    assert closing == "device n1"
    ours = {name: file for name, file in loaded.items() if not name.startswith("asyncio")}
    assert {"node.app", "mqtt.client", "sensors.bme280"} <= set(ours)
    assert all(file.endswith(".mpy") for file in ours.values()), ours
    # What is said to be loaded late is not loaded yet, and all else is.
    manifest = json.loads((built / "manifest.json").read_text())
    late = {f"{name.replace('.', '/')}.mpy" for name in LATE}
    assert set(ours.values()) == {f"/a/{path}" for path in set(manifest["app"]) - late}


@needs_vm
def test_what_is_loaded_late_is_there(built):
    _, loaded, _ = load(built, *LATE)
    assert set(LATE) <= set(loaded)


@needs_vm
def test_the_estimate_of_ram_is_about_right(built):
    # Of 64 bits an object takes up to twice the RAM of a chip's, bytecode and text as much.
    manifest = json.loads((built / "manifest.json").read_text())
    stays = tuple(name for name in START if name not in firmware.GONE)
    for told, modules in (("start", stays), ("whole", START + LATE)):
        heap = load(built, *modules)[0]
        assert 1.15 < heap / manifest["ram"][told] < 1.75, (told, heap)
