"""What `fieldpost vboard` puts onto a board's pins, by its configuration."""

import contextlib

import pytest

from fieldpost import surroundings
from node import config
from vboard import Air, Board
from vboard.devices.ds18b20 import FAMILY
from vboard.devices.onewire import rom_code

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
    buses = {"main": {"scl": 18, "sda": 19}}
    found = config.check({**NODE, "buses": buses, "sensors": list(sensors)})
    return [one.told for one in surroundings.attach(board, found)]


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
    assert [one.told for one in surroundings.attach(board)] == [
        "a BME280 at 0x76 (scl 18, sda 19)"
    ]
