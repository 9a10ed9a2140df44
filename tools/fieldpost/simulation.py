"""A house full of simulated nodes, the broker they report to and somebody who watches."""

import contextlib
import json
import secrets
from pathlib import Path

from node import config
from vboard import Air, profile
from vboard.script import ScriptError

from . import boards as kinds, broker as brokers, surroundings
from .config import wiring_faults
from .watcher import Watcher

ROOMS = ("kitchen", "office", "lab", "cellar", "roof", "hall", "workshop", "garage", "store")
ROOMS_A_FLOOR = len(ROOMS)

# What the nodes measure with, and how it is wired.
SENSORS = (
    {"driver": "bme280"},
    {"driver": "digital", "pin": 4, "name": "door", "device_class": "door"},
    {"driver": "chip"},
)
BOARD = "esp32_generic"
BUS = {"scl": 18, "sda": 19}
# s between readings of the chip itself, at least.
CHIP_S = 10

# Time a node gets for its farewell: two seconds for the acknowledgement, and some.
FAREWELL_S = 5


class Site:
    """Names and configurations of the nodes; `world` is a worldfile.WorldFile or None."""

    def __init__(self, company, address, interval, world=None):
        self.company = company
        self.host, self.port = address
        self.world = world
        self._interval = interval
        named = world.sensors if world else None
        self._sensors = SENSORS if named is None else named

    @property
    def drivers(self):
        """The names of the drivers that the nodes need."""
        return sorted({str(sensor.get("driver")) for sensor in self._sensors})

    def identity(self, index):
        """Returns the levels of node 0, 1, ..."""
        floor, room = divmod(index, ROOMS_A_FLOOR)
        return {
            "company": self.company,
            "location": "berlin",
            "building": "hq",
            "floor": str(floor + 1),
            "room": ROOMS[room],
            "device": f"node-{index + 1:02}",
        }

    def configuration(self, index, air):
        return {
            "identity": self.identity(index),
            "wifi": {"ssid": air.ssid, "password": air.access_points[air.ssid].password},
            "broker": {"host": self.host, "port": self.port},
            "buses": {"main": BUS},
            "sensors": [self._sensor(sensor) for sensor in self._sensors],
        }

    def checked(self, air, board):
        """Returns the configuration of the first node as it and its board judge it.

        Raises ScriptError: the world's sensors are no good.
        """
        try:
            found = config.check(self.configuration(0, air))
            faults = wiring_faults(found, board)
        except config.ConfigError as error:
            found, faults = {}, error.faults
        if faults:
            # All but the sensors is ours.
            where = self.world.path if self.world else "sim"
            raise ScriptError("; ".join(f"{where}: {fault}" for fault in faults))
        return found

    def _sensor(self, sensor):
        if sensor.get("driver") == "digital":
            # It tells of events at once.
            return sensor
        chip = sensor.get("driver") == "chip"
        return {"interval": max(CHIP_S, self._interval) if chip else self._interval, **sensor}


class Simulation:
    """Nodes, their broker and who watches them; made by `simulation()`."""

    def __init__(self, site, broker, watcher, boards, around, levels):
        self.site = site
        # Our own broker, None when somebody else's is used.
        self.broker = broker
        self.watcher = watcher
        self.boards = boards
        # The Surroundings of each board.
        self.around = around
        # The topic levels of what the nodes measure, the chips' own apart.
        self.levels = levels

    def power_on(self):
        for board, around in zip(self.boards, self.around, strict=True):
            around.begin()
            board.power_on()

    def absent(self):
        """Returns {name: last line on its console} of the nodes that nobody saw online so far."""
        seen = self.watcher.nodes
        here = {name for name, node in list(seen.items()) if node.was_online}
        boards = zip(self._names, self.boards, strict=True)
        return {name: _last_line(board) for name, board in boards if name not in here}

    def stop_nodes(self):
        """Stops the nodes as ctrl-C at their console does; waits for their farewells.

        Returns the names of those whose "offline" nobody saw.
        """
        for board in self.boards:
            board.interrupt()
        for board in self.boards:
            with contextlib.suppress(TimeoutError):
                board.wait_state("repl", FAREWELL_S)
        return self.watcher.missing_farewells(self._names, FAREWELL_S)

    @property
    def _names(self):
        return [self.site.identity(index)["device"] for index in range(len(self.boards))]


def _last_line(board):
    lines = [line for line in board.console.splitlines() if line.strip()]
    return lines[-1] if lines else "none"


@contextlib.contextmanager
def simulation(folder, nodes=3, address=None, interval=2.0, vm=False, world=None):
    """Yields a Simulation that isn't powered on yet, and leaves nothing behind.

    `address` is (host, port) of a broker that is there; None makes a private Mosquitto, or the
    embedded broker where there is none, EMBEDDED the latter. With `vm` the boards are virtual
    ones. `world` is a worldfile.WorldFile, None: a quiet room each. Raises BrokerError,
    ScriptError; with `vm` BoardsError and CompileError.
    """
    folder = Path(folder)
    with contextlib.ExitStack() as stack:
        broker = None
        if address in (None, brokers.EMBEDDED):
            make = brokers.embedded if address or not brokers.find() else brokers.mosquitto
            broker = stack.enter_context(make(folder))
            address = broker.host, broker.port
        # On a broker that others use too, the same names twice would throw each other out.
        company = "acme" if broker else f"acme-{secrets.token_hex(3)}"
        watcher = stack.enter_context(contextlib.closing(Watcher(address, company, interval)))
        air = stack.enter_context(contextlib.closing(Air()))
        air.serve_time()
        site = Site(company, address, interval, world)
        found = site.checked(air, profile.load(BOARD))
        make = kinds.Virtual(folder / "pattern", air, site.drivers) if vm else kinds.emulated
        boards = [stack.enter_context(_board(make, folder, site, air, i)) for i in range(nodes)]
        # Last of all: with them their worlds begin.
        around = [
            stack.enter_context(contextlib.closing(_around(board, site, found, i)))
            for i, board in enumerate(boards)
        ]
        outer = [sensor for sensor in found["sensors"] if sensor["driver"] != "chip"]
        levels = [level for sensor in outer for level in sensor["levels"]]
        yield Simulation(site, broker, watcher, boards, around, levels)


def _board(make, folder, site, air, index):
    identity = site.identity(index)
    config = json.dumps(site.configuration(index, air), indent=2)
    name = f"{site.company}-{identity['device']}"
    return make(folder / identity["device"], air, name, config)


def _around(board, site, found, index):
    identity = site.identity(index)
    seed, node = identity["room"] + identity["floor"], identity["device"]
    return surroundings.Surroundings(board, found, site.world, seed, node)
