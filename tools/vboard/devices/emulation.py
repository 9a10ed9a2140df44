"""How a device's file says what driver it stands in for: attach it to a board and be told what
it ought to show.

A file has `EMULATIONS`, {driver's name: Emulation}. What is attached measures its place in the
world: the sensor's name, or its driver's where it has none.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

BUSES = ("i2c", "pin", "one_wire", "adc", "echo")


class Emulation:
    """What can be attached for a driver.

    `bus` is the driver's kind of bus, one of BUSES. `quantities` are what it measures that no
    world has by itself, as weather.QUANTITIES has them. `blind` are the names of the faults
    (faults.FAULTS) that make other values of a sensor and that no reading shows: for lack of a
    check sum, for instance.
    """

    def __init__(
        self,
        bus: str,
        attach,
        quantities: dict[str, dict] | None = None,
        blind: tuple[str, ...] = (),
    ):
        if bus not in BUSES:
            raise ValueError(f"no bus {bus!r}: there are {', '.join(BUSES)}")
        self.bus = bus
        self.quantities = quantities or {}
        self.blind = blind
        self._attach = attach

    def attach(self, board, world, sensor: dict) -> "Attached":
        """Connects one to a board and returns it.

        `sensor` is one of a checked configuration: "driver", "name" (or None), "options", "pin"
        and so on; one on I2C with `with_pins()`.
        """
        world.add(self.quantities)
        return self._attach(board, world, sensor)


class Shown(NamedTuple):
    """A quantity of the driver, as far as the device can show it."""

    lowest: float
    highest: float
    # How far from the truth it may show it: a number, or a function of the truth.
    tolerance: float | Callable[[float], float]
    # truth(at) -> what the world has at a time; set(value) makes the world so. None: the place's
    # quantity of that name.
    truth: Callable[[float | None], Any] | None = None
    set: Callable[[Any], None] | None = None


class Attached:
    """A device at its place in the world, connected to a board.

    `plug` connects it and `unplug` disconnects it; `bus` is what it is on: the board's I2CBus,
    OneWireBus or PinLine (of two pins the one that answers). `shown` are the driver's quantities
    that can be set, `derived` functions of the time for those that follow from others; a
    quantity in neither can't be told (counters).
    """

    def __init__(self, told, device, place, bus, plug, unplug, shown=None, derived=None):
        # What it is and where, for a line: "a BME280 at 0x76 (scl 18, sda 19)".
        self.told: str = told
        self.device = device
        self.place = place
        self.bus = bus
        self._plug, self._unplug = plug, unplug
        self._shown: dict[str, Shown] = shown or {}
        # Quantity -> (truth(at), tolerance: a number or a function of the truth).
        self._derived: dict[str, tuple[Any, Any]] = derived or {}
        # True while it is connected.
        self.plugged = False
        self.plug()

    def plug(self) -> None:
        """Connects it, with power: it starts as after power-on."""
        if not self.plugged:
            self.plugged = True
            self._plug()

    def unplug(self) -> None:
        """Takes it off the board."""
        if self.plugged:
            self.plugged = False
            self._unplug()

    @property
    def spans(self) -> dict[str, tuple]:
        """{quantity: (lowest, highest)} of those that can be set."""
        return {name: (one.lowest, one.highest) for name, one in self._shown.items()}

    def truth(self, at: float | None = None) -> dict[str, Any]:
        """Returns {quantity: what the world has of it now or at a time, None: can't be said}.

        A state is True (open, active) or False.
        """
        found = {name: self._truth(name, at) for name in self._shown}
        return found | {name: truth(at) for name, (truth, _) in self._derived.items()}

    def tolerance(self, quantity: str) -> float:
        """Returns how far from the truth of now the device may show a quantity.

        What the driver rounds comes on top.
        """
        if quantity in self._derived:
            tolerance = self._derived[quantity][1]
        else:
            tolerance = self._shown[quantity].tolerance
        if isinstance(tolerance, (int, float)):
            return tolerance
        return tolerance(self.truth()[quantity])

    def set(self, quantity: str, value) -> None:
        """Makes the world at its place such that the quantity is `value`; None gives it back.

        Raises ValueError for a quantity that isn't in `spans`.
        """
        if quantity not in self._shown:
            known = ", ".join(self._shown) or "none"
            raise ValueError(f"{self.told}: {quantity!r} can't be set: it has {known}")
        change = self._shown[quantity].set
        if change:
            change(value)
        else:
            self.place.set(quantity, value)

    def _truth(self, name, at):
        truth = self._shown[name].truth
        return truth(at) if truth else self.place.value(name, at)


def with_pins(sensor: dict, buses: dict) -> dict:
    """Returns a sensor of a checked configuration with what its I2C bus has: scl, sda."""
    return {**sensor, **buses[sensor["bus"]]} if "bus" in sensor else sensor


def place_of(world, sensor):
    """Returns the Place that a sensor is at."""
    return world.place(sensor["name"] or sensor["driver"])


def on_i2c(what: str, make, shows, derives=None):
    """Returns an Emulation's attach() for a device on I2C: `what` it is, "a BME280".

    make(place, sensor) returns the device; `shows` is {quantity: Shown} or a function of
    (place, sensor) that returns it, `derives` such a function for Attached's `derived`.
    """

    def attach(board, world, sensor):
        place, scl, sda = place_of(world, sensor), sensor["scl"], sensor["sda"]
        device, bus = make(place, sensor), board.hardware.i2c(scl, sda)
        return Attached(
            f"{what} at {device.address:#x} (scl {scl}, sda {sda})",
            *(device, place, bus),
            *(lambda: bus.attach(device), lambda: bus.detach(device)),
            shows(place, sensor) if callable(shows) else shows,
            derives and derives(place, sensor),
        )

    return attach


def on_address(device):
    """Returns make() for on_i2c() of a class that takes a world and an address."""
    return lambda place, sensor: device(place, sensor["options"]["address"])
