"""What `fieldpost vboard` puts onto a board's pins, by its configuration."""

import contextlib
import time

import pytest

from fieldpost import surroundings
from node import config
from vboard import Air, Board, worldfile
from vboard.devices.ds18b20 import FAMILY
from vboard.devices.onewire import rom_code
from vboard.script import ScriptError

NODE = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
}


@pytest.fixture
def board(tmp_path):
    with contextlib.closing(Air()) as air, contextlib.closing(Board(tmp_path / "n1", air)) as made:
        yield made


def attach(board, *sensors):
    return around(board, checked(*sensors))


def around(board, *what):
    with contextlib.closing(surroundings.Surroundings(board, *what)) as made:
        return [one.told for one in made.attached]


@pytest.mark.parametrize(
    ("sensor", "told"),
    [
        ({"driver": "dht11", "pin": 4}, "a DHT11 at pin 4"),
        ({"driver": "dht22", "pin": 4}, "a DHT22 at pin 4"),
        ({"driver": "hcsr04", "pin": 34, "trigger": 5}, "an HC-SR04 at trigger 5, pin 34"),
        ({"driver": "digital", "pin": 4}, "a contact at pin 4"),
        ({"driver": "pulse", "pin": 4}, "a gauge at pin 4"),
        ({"driver": "light", "pin": 34}, "a light sensor at pin 34"),
        ({"driver": "ina219"}, "an INA219 at 0x40 (scl 18, sda 19)"),
        (
            {"driver": "ds18b20", "pin": 4},
            f"a DS18B20 at pin 4, its rom {rom_code(FAMILY, 4).hex()}",
        ),
    ],
)
def test_each_is_told(board, sensor, told):
    assert attach(board, sensor) == [told]


def test_one_wire_sensors_have_the_rom_codes_of_the_configuration(board):
    roms = ["28ff641e8516037c", "2801000000000029"]
    attach(board, *({"driver": "ds18b20", "pin": 4, "name": rom, "rom": rom} for rom in roms))
    found = [device.rom.hex() for device in board.hardware.one_wire(4).devices]
    assert [rom[:14] for rom in found] == [rom[:14] for rom in roms]


@pytest.mark.parametrize(("active", "level"), [("low", 0), ("high", 1)])
def test_a_gauge_has_a_pulse_while_its_contact_is_closed(board, active, level):
    # As a World's doors are at first.
    assert attach(board, {"driver": "pulse", "pin": 4, "active": active}) == ["a gauge at pin 4"]
    assert board.hardware.pins[4].level == level


def test_the_chip_s_own_has_nothing_around_it(board):
    assert attach(board, {"driver": "chip"}) == []


def test_without_a_configuration_there_is_the_usual(board):
    assert around(board) == ["a BME280 at 0x76 (scl 18, sda 19)"]


WORLD = """
[places.attic.temperature]
base = -5
swing = 0
noise = 0
[[faults]]
sensor = "attic"
fault = "unplugged"
start_s = 0
[[faults]]
sensor = "bme280"
node = "n2"
fault = "unplugged"
start_s = 0
"""
ATTIC = ({"driver": "bme280", "name": "attic"}, {"driver": "bme280", "address": 0x77})


def checked(*sensors):
    buses = {"main": {"scl": 18, "sda": 19}}
    return config.check({**NODE, "buses": buses, "sensors": list(sensors)})


def loaded(folder, text):
    (folder / "world.toml").write_text(text)
    return worldfile.load(folder / "world.toml")


def test_a_world_s_places_and_faults_are_those_of_the_sensors(board, tmp_path):
    made = surroundings.Surroundings(board, checked(*ATTIC), loaded(tmp_path, WORLD), node="n1")
    attic, other = made.attached
    assert attic.truth()["temperature"] == -5 != other.truth()["temperature"]
    assert attic.plugged and other.plugged
    with contextlib.closing(made):
        made.begin()
        end = time.monotonic() + 5
        while attic.plugged:
            assert time.monotonic() < end
            time.sleep(0.001)
        # The other's is another node's.
        assert other.plugged
    assert attic.plugged


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("places.attic", "places.atic", "places.atic: there is no such sensor: .* attic, bme280"),
        ('sensor = "attic"', 'sensor = "atic"', "fault 1: there is no sensor 'atic'"),
        ('"unplugged"', '"burnt"', "fault 1: i2c has no fault 'burnt'"),
        ("[places", "[doors.hatch]\n[places", "no door 'lid': its script has hatch"),
    ],
)
def test_a_world_of_other_sensors_is_told(board, tmp_path, old, new, told):
    found = checked(*ATTIC, {"driver": "digital", "pin": 4, "name": "lid"})
    world = loaded(tmp_path, WORLD.replace(old, new, 1))
    with pytest.raises(ScriptError, match=f"world.toml: .*{told}"):
        surroundings.Surroundings(board, found, world, node="n1")
