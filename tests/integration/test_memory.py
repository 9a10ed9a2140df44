"""The node within the memory that its board gives it, on the real MicroPython."""

from pathlib import Path

import pytest

from vm import KINDS

# The emulated board has no heap.
pytestmark = pytest.mark.parametrize("kind", KINDS[1:], indirect=True)

CHIP = {"driver": "chip", "interval": 0.2}


def test_a_whole_life_within_the_budget(broker, node, air, subscribe, publish, door_sensor):
    """Every driver, an event, commands, a lost network and a lost broker, and the farewell.

    The heap is the budget of the board file, counted in 32-bit words, where text and bytecode
    take twice the room that they take on a chip.
    """
    server = broker()
    reader = subscribe(server)
    sensors = [{"driver": "bme280", "interval": 0.2}, door_sensor, CHIP]
    one = node(server, on=False, sensors=sensors, broker={"keep_alive": 2})
    one.hurry()
    one.board.heap = one.board.profile.budget
    one.on()
    reader.wait_topic(one.of("temperature"))
    one.world.set("door", True)
    reader.wait_for(lambda m: m.topic == one.of("door") and m.data["value"] == "open")
    for command in ("read", "info", "dance", '{"command":"interval","seconds":0.1}'):
        before = len(reader.of(one.of("reply")))
        publish(server, one.of("command"), command)
        reader.wait_for(lambda m: len(reader.of(one.of("reply"))) > before)

    mark = one.board.mark()
    air.access_points["fieldpost"].up = False
    one.wait("mqtt: ", since=mark)
    one.world.set("door", False)
    air.access_points["fieldpost"].up = True
    one.wait("mqtt: online", since=mark)
    reader.wait_for(lambda m: m.topic == one.of("door") and m.data["seq"] == 2)

    mark = one.board.mark()
    server.stop()
    one.wait("again in", since=mark)
    server.start()
    one.wait("mqtt: online", since=mark)
    one.board.interrupt()
    one.board.wait_state("repl")
    assert "MemoryError" not in one.board.console
    assert one.board.boots == [1]


def test_twenty_boards_at_once(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    boards = []
    for i in range(20):
        identity = {"company": "acme", "room": f"r{i}", "device": "n1"}
        boards.append(node(server, f"b{i}", on=False, identity=identity, sensors=[CHIP]))
    for one in boards:
        one.on(until=None)
    for one in boards:
        reader.wait_for(lambda m: m.topic == one.of("uptime") and m.data["value"] >= 1, 20)
    assert all(one.board.boots == [1] for one in boards)
    # The bar is 500 MB with what supervises them (make bench); here that is pytest.
    assert sum(map(resident_mb, children())) < 400


def children():
    """Yields the process numbers of this process's children."""
    for task in Path("/proc/self/task").iterdir():
        yield from (task / "children").read_text().split()


def resident_mb(process):
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0
