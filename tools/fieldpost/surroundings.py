"""What is around a board: the Wi-Fi, the time and the sensors that a configuration names."""

from vboard import Air, World
from vboard.devices.bme280 import BME280
from vboard.devices.contact import Contact
from vboard.devices.sht import SHT3x, SHT4x

# Driver -> (what is told of it, what makes it of a world and an address).
I2C = {
    "bme280": ("a BME280", lambda world, address: BME280(world, address, seed=address)),
    "sht3x": ("an SHT3x", SHT3x),
    "sht4x": ("an SHT4x", SHT4x),
}
# Without a configuration.
USUAL = ("bme280", 0x76)


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


def attach(board, found=None):
    """Puts sensors onto a board; returns a word for each.

    Those that a checked configuration names; without one a BME280 on the first bus.
    """
    world = World(board.name)
    if not found:
        scl, sda = board.profile.i2c[0]
        return [_on_bus(board, world, scl, sda, *USUAL)]
    told = []
    for sensor in found["sensors"]:
        driver = sensor["driver"]
        if driver in I2C:
            bus = found["buses"][sensor["bus"]]
            address = sensor["options"]["address"]
            told.append(_on_bus(board, world, bus["scl"], bus["sda"], driver, address))
        elif driver == "digital":
            told.append(_contact(board, world, sensor))
    return told


def _on_bus(board, world, scl, sda, driver, address):
    name, make = I2C[driver]
    board.hardware.i2c(scl, sda).attach(make(world, address))
    return f"{name} at {address:#x} (scl {scl}, sda {sda})"


def _contact(board, world, sensor):
    pin = sensor["pin"]
    door = sensor["name"] or f"door at pin {pin}"
    board.wire_contact(pin, Contact(world, door, normally_closed=sensor["options"]["invert"]))
    return f"a contact at pin {pin}"
