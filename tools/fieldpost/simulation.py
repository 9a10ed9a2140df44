"""A house full of simulated nodes, the broker they report to and somebody who watches."""

import contextlib
import json
import secrets
from pathlib import Path

from vboard import Air, World
from vboard.devices.bme280 import BME280
from vboard.devices.contact import Contact

from . import boards as kinds, broker as brokers
from .watcher import Watcher

ROOMS = ("kitchen", "office", "lab", "cellar", "roof", "hall", "workshop", "garage", "store")
ROOMS_A_FLOOR = len(ROOMS)

# What the nodes measure with, and how it is wired.
DRIVERS = ("bme280", "digital", "chip")
SCL, SDA, DOOR = 18, 19, 4

# Time a node gets for its farewell: two seconds for the acknowledgement, and some.
FAREWELL_S = 5


class Site:
    """Names and configurations of the nodes."""

    def __init__(self, company, address, interval):
        self.company = company
        self.host, self.port = address
        self._interval = interval

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
            "buses": {"main": {"scl": SCL, "sda": SDA}},
            "sensors": [
                {"driver": "bme280", "interval": self._interval},
                {"driver": "digital", "pin": DOOR, "name": "door", "device_class": "door"},
                {"driver": "chip", "interval": max(10, self._interval)},
            ],
        }


class Simulation:
    """Nodes, their broker and who watches them; made by `simulation()`."""

    def __init__(self, site, broker, watcher, boards):
        self.site = site
        # Our own broker, None when somebody else's is used.
        self.broker = broker
        self.watcher = watcher
        self.boards = boards

    def power_on(self):
        for board in self.boards:
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
def simulation(folder, nodes=3, address=None, interval=2.0, vm=False):
    """Yields a Simulation that isn't powered on yet, and leaves nothing behind.

    `address` is (host, port) of a broker that is there; None makes a private Mosquitto, or the
    embedded broker where there is none, EMBEDDED the latter. With `vm` the boards are virtual
    ones. Raises BrokerError; with `vm` BoardsError and CompileError.
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
        site = Site(company, address, interval)
        make = kinds.Virtual(folder / "pattern", air, DRIVERS) if vm else kinds.emulated
        boards = [stack.enter_context(_board(make, folder, site, air, i)) for i in range(nodes)]
        yield Simulation(site, broker, watcher, boards)


def _board(make, folder, site, air, index):
    identity = site.identity(index)
    config = json.dumps(site.configuration(index, air), indent=2)
    name = f"{site.company}-{identity['device']}"
    board = make(folder / identity["device"], air, name, config)
    world = World(identity["room"] + identity["floor"])
    board.hardware.i2c(SCL, SDA).attach(BME280(world, seed=index))
    board.wire_contact(DOOR, Contact(world, "door"))
    return board
