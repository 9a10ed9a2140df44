"""What is around a board: the Wi-Fi, the time and the sensors that a configuration names."""

from vboard import Air, World
from vboard.devices import emulations, with_pins

# Without a configuration.
USUAL = {"driver": "bme280", "name": None, "options": {"address": 0x76}}


def air(found=None, ssid=None, password=""):
    """Returns an Air with a Wi-Fi, by default the configuration's, and a time server."""
    if ssid is not None:
        made = Air(ssid, password)
    elif found:
        made = Air(found["wifi"]["ssid"], found["wifi"]["password"])
    else:
        made = Air()
    made.serve_time()
    if found:
        made.serve_time(found["time_server"])
    return made


def attach(board, found=None, world=None):
    """Puts sensors onto a board; returns a devices.Attached for each.

    Those that a checked configuration names; without one a BME280 on the first bus.
    """
    world = world or World(board.name)
    known = emulations()
    return [
        known[sensor["driver"]].attach(board, world, sensor)
        for sensor in _sensors(board, found)
        if sensor["driver"] in known
    ]


def _sensors(board, found):
    if found:
        return [with_pins(sensor, found["buses"]) for sensor in found["sensors"]]
    scl, sda = board.profile.i2c[0]
    return [{**USUAL, "scl": scl, "sda": sda}]
