"""What is around a board: the Wi-Fi, the time, and a world in which its sensors are."""

from vboard import Air, World
from vboard.devices import emulations, with_pins
from vboard.faults.script import FaultPlayer
from vboard.script import ScriptError

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


class Surroundings:
    """A world around a board, its sensors in it, and the faults of its script.

    Sensors are those that a checked configuration names; without one a BME280 on the first bus.
    `seed` tells the world from others of the same `file`, a worldfile.WorldFile or None. The
    script's faults are those of `node`. Raises ScriptError.
    """

    def __init__(self, board, found=None, file=None, seed=None, node=None):
        seed, node = seed or board.name, node or board.name
        self.world = file.world(seed) if file else World(seed)
        try:
            self.attached = attach(board, found, self.world)
            targets = {one.place.name: one for one in self.attached}
            self._faults = FaultPlayer(file.faults_of(node) if file else [], targets)
            if file:
                _check_places(file, targets)
        except ValueError as error:
            # Of the file alone: without one there is nothing that can be wrong.
            raise ScriptError(f"{file.path}: {error}" if file else str(error)) from None

    def begin(self):
        """The faults' seconds count from now on."""
        self._faults.start()

    def close(self):
        """Ends the faults that there are; none begins any more."""
        self._faults.stop()


def attach(board, found, world):
    """Puts sensors onto a board, as Surroundings has them; returns an Attached for each."""
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


def _check_places(file, targets):
    known = ", ".join(sorted(targets)) or "none"
    for name in file.script.get("places", {}):
        if name not in targets:
            raise ScriptError(f"places.{name}: there is no such sensor: there are {known}")
