"""How soon and how punctual simulated nodes report, against the limits they are held to.

make bench
"""

import statistics
import tempfile
import time

from fieldpost.simulation import simulation

# Seconds from power-on to the first reading at the broker, at most.
FIRST_S = 2.0
# Share of the interval by which a reading may come early or late: 5 %.
OFF = 0.05
INTERVAL_S = 2.0
WAIT_S = 30


def first_readings(nodes):
    """Returns the seconds from power-on to the first reading, of each node."""
    with tempfile.TemporaryDirectory() as folder, simulation(folder, nodes) as made:
        began = time.monotonic()
        made.power_on()
        seen = made.watcher.nodes
        made.watcher.wait(
            lambda: len(seen) == nodes and all(node.first for node in seen.values()), WAIT_S
        )
        return [node.first - began for node in seen.values()]


def punctuality(nodes, seconds):
    """Returns (readings, lost, worst ms off the interval) of a run."""
    with tempfile.TemporaryDirectory() as folder:
        with simulation(folder, nodes, interval=INTERVAL_S) as made:
            made.power_on()
            made.watcher.wait(lambda: False, seconds)
            watcher = made.watcher
            return watcher.readings, watcher.lost, watcher.worst_ms


def main():
    print(f"first reading after power-on, s (limit {FIRST_S})")
    for nodes, rounds in ((1, 5), (50, 1)):
        found = [first for _ in range(rounds) for first in first_readings(nodes)]
        median, worst = statistics.median(found), max(found)
        print(f"  {nodes:2} nodes: median {median:.2f}, worst {worst:.2f} = {worst / FIRST_S:.0%}")
    readings, lost, off = punctuality(50, 20)
    limit = OFF * INTERVAL_S * 1000
    print(f"50 nodes, 20 s: {readings} readings, {lost} lost")
    print(f"  worst {off:.0f} ms off their interval of {INTERVAL_S} s = {off / limit:.0%} of 5 %")


if __name__ == "__main__":
    main()
