"""How soon a virtual board starts and answers, and what twenty of them take, against the limits.

make bench
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from fieldpost.simulation import simulation
from vboard import Air, available
from vboard.virtual import VirtualBoard

# From power-on to main.py's first line, ms: the median's limit.
START_MS = 50
# An mpremote command, its own start included, ms: the median's limit.
COMMAND_MS = 400
# 4 MB that don't compress, by esptool's own command, verified, s; and `fieldpost deploy` of an
# application in which one driver is new, s.
FLASH_S = 10
DEPLOY_S = 2
# All memory of twenty boards with firmware, their supervisor included, MB.
FLEET_MB = 500
NODES = 20
# Connections one after another, and boots.
ROUNDS = 200
COMMANDS = 10
WAIT_S = 60


@contextlib.contextmanager
def board(main):
    """Yields a board with this program, which is off."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Air()) as air:
        with VirtualBoard(Path(folder, "board"), air) as made:
            made.install_micropython()
            made.write_files({"main.py": main})
            yield made


def starts():
    """Returns (ms from power-on to the first line of each boot, boots that failed)."""
    took, failed = [], 0
    with board("print('first line')") as made:
        for _ in range(ROUNDS):
            since, began = made.mark(), time.monotonic()
            made.power_on()
            try:
                made.wait_console("first line", since=since)
                took.append((time.monotonic() - began) * 1000)
                made.wait_state("repl")
            except TimeoutError:
                failed += 1
            made.power_off()
    return took, failed


def commands():
    """Returns the ms that each mpremote command took."""
    with board("") as made:
        made.power_on()
        command = [sys.executable, "-m", "mpremote", "connect", made.port, "exec", "print(6 * 7)"]
        return [_timed(lambda: _quiet(command)) for _ in range(COMMANDS)]


def rounds():
    """Returns (ms of each connection by mpremote's transport, those that failed)."""
    failed = 0
    took = []
    with board("") as made:
        made.power_on()
        for number in range(ROUNDS):
            try:
                took.append(_timed(lambda number=number: _round(made.port, number)))
            except (TransportError, OSError):
                failed += 1
    return took, failed


def _round(port, number):
    link = SerialTransport(port, timeout=5)
    try:
        link.enter_raw_repl()
        said = link.exec(f"print({number} + 1)")
        link.exit_raw_repl()
    finally:
        link.close()
    if said.strip() != str(number + 1).encode():
        raise TransportError(f"said {said!r}")


def flashing():
    """Returns the s in which esptool writes and verifies a whole flash."""
    with tempfile.TemporaryDirectory() as folder, board("") as made:
        image = Path(folder, "image.bin")
        image.write_bytes(os.urandom(made.flash.size))
        made.power_on()
        command = [sys.executable, "-m", "esptool", "--port", made.port, "--baud", "460800"]
        took = _timed(lambda: _quiet([*command, "write-flash", "0", str(image)]))
        return took / 1000


def deploying():
    """Returns the s that each deploy took in which one driver is new or gone."""
    with tempfile.TemporaryDirectory() as folder, board("") as made:
        made.power_on()
        took = []
        for drivers in (["chip"], ["chip", "bh1750"], ["chip", "bh1750", "aht20"]):
            config = Path(folder, "config.json")
            config.write_text(json.dumps(_configuration(drivers)))
            command = [sys.executable, "-m", "fieldpost.cli", "deploy", "--no-reset"]
            command += ["--port", made.port, "--config", str(config)]
            took.append(_timed(lambda command=command: _quiet(command)) / 1000)
        # The first one brings all.
        return took[1:]


def _configuration(drivers):
    return {
        "identity": {"company": "acme", "device": "n1"},
        "wifi": {"ssid": "bench", "password": "bench-bench"},
        "broker": {"host": "127.0.0.1"},
        "buses": {"main": {"scl": 18, "sda": 19}},
        "sensors": [{"driver": name, "name": name} for name in drivers],
    }


def _quiet(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _timed(do):
    began = time.monotonic()
    do()
    return (time.monotonic() - began) * 1000


def fleet():
    """Returns (s until all nodes have reported, MB of all their processes and this one)."""
    with tempfile.TemporaryDirectory() as folder, simulation(folder, NODES, vm=True) as made:
        began = time.monotonic()
        made.power_on()
        seen = made.watcher.nodes
        reported = made.watcher.wait(
            lambda: len(seen) == NODES and all(node.first for node in seen.values()), WAIT_S
        )
        took = time.monotonic() - began if reported else float("inf")
        return took, sum(map(_resident, [os.getpid(), *_children(os.getpid())])) / 1e6


def _children(pid):
    # The broker is one of them: it counts as well.
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # Its parent stands behind the name, which may hold anything (proc(5), stat).
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(folder.name)


def _resident(pid):
    pages = int(Path("/proc", str(pid), "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _show(what, took, limit):
    median, worst = statistics.median(took), max(took)
    print(f"  {what}: median {median:.0f} ms = {median / limit:.0%} of {limit}, worst {worst:.0f}")


def main():
    reason = available.why_not()
    if reason:
        print(f"virtual boards: {reason}")
        return
    print("virtual boards")
    # First: nothing of the others is in its memory.
    seconds, megabytes = fleet()
    share = megabytes / FLEET_MB
    print(
        f"  {NODES} nodes, all had reported after {seconds:.1f} s: {megabytes:.0f} MB resident "
        f"with supervisor and broker = {share:.0%} of {FLEET_MB}"
    )
    took, failed = starts()
    _show(f"{ROUNDS} boots, power-on to main.py's first line", took, START_MS)
    print(f"    {failed} failed")
    _show(f"{COMMANDS} mpremote commands", commands(), COMMAND_MS)
    seconds = flashing()
    print(f"  4 MB by esptool: {seconds:.1f} s = {seconds / FLASH_S:.0%} of {FLASH_S}")
    worst = max(deploying())
    print(f"  deploy of one new driver: {worst:.1f} s = {worst / DEPLOY_S:.0%} of {DEPLOY_S}")
    took, failed = rounds()
    print(
        f"  {ROUNDS} rounds of connect, exec, disconnect: {failed} failed, "
        f"median {statistics.median(took):.0f} ms, worst {max(took):.0f}"
    )


if __name__ == "__main__":
    main()
