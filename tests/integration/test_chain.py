"""The whole way by the real commands: factory, flash, boot, first reading, deploy."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chip_images
from vboard import World
from vboard.devices.bme280 import BME280
from vm import needs_vm

FIELDPOST = Path(sys.executable).with_name("fieldpost")
PINS = (18, 19)
RESET = 2


@pytest.fixture
def fieldpost(tmp_path):
    """fieldpost(*arguments): runs the command in a folder of its own; returns what it printed."""

    def run(*arguments, code=0):
        done = subprocess.run(
            [FIELDPOST, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


@pytest.fixture
def board(tmp_path, air):
    """A virtual board that comes from the shop: its flash is blank."""
    from vboard.virtual import VirtualBoard

    with VirtualBoard(tmp_path / "board", air) as made:
        made.hardware.i2c(*PINS).attach(BME280(World("chain")))
        yield made


@pytest.fixture
def configuration(tmp_path):
    """configuration(server, **more): the file of a node's configuration."""

    def write(server, **more):
        config = {
            "identity": {"company": "acme", "device": "n1"},
            "wifi": {"ssid": "fieldpost", "password": "fieldpost-sim"},
            "broker": {"host": "127.0.0.1", "port": server.port},
            "buses": {"main": {"scl": PINS[0], "sda": PINS[1]}},
            "sensors": [{"driver": "bme280", "interval": 3600}],
            **more,
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        return "config.json"

    return write


@needs_vm
@pytest.mark.timeout(120)
def test_from_the_shop_to_the_first_reading_and_on(
    broker, subscribe, fieldpost, board, configuration
):
    server = broker()
    reader = subscribe(server)
    config = configuration(server)
    image = chip_images.etboard()
    fieldpost("factory", "--micropython", image, "--config", config, "--out", "set")

    board.power_on()
    board.wait_state("blank")
    told = fieldpost("flash", "--port", board.port, "--image", "set")
    assert "verified" in told
    board.wait_console("mqtt: online")
    assert reader.wait_topic("acme/n1/temperature").data["unit"] == "°C"

    # Another sensor: only its driver and the configuration are new.
    sensors = [{"driver": "bme280", "interval": 3600}, {"driver": "chip", "interval": 3600}]
    configuration(server, sensors=sensors)
    told = fieldpost("deploy", "--port", board.port, "--config", config)
    sent = re.findall(r"^sent +[\d,]+  (.*)", told, re.MULTILINE)
    assert sent == ["b/sensors/chip.mpy", "slot", "config.json"], told
    assert reader.wait_topic("acme/n1/uptime").data["unit"] == "s"
    assert board.boots[-1] == RESET
    told = fieldpost("deploy", "--port", board.port, "--config", config)
    assert "up to date" in told
