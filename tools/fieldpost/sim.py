"""`fieldpost sim`: boots simulated nodes and shows what they report."""

import sys
import tempfile
import time
from typing import IO, cast

from rich.console import Console

from vboard import worldfile
from vboard.script import ScriptError

from . import boards, broker as brokers, ending, firmware, view
from .output import Output, complain
from .simulation import simulation

REFRESH_S = 0.25
# What a node may need from power-on to "online", on a busy machine.
START_S = 3
# Nodes that are told of one by one.
TOLD = 5
# What ends it with a line.
ERRORS = (brokers.BrokerError, boards.BoardsError, firmware.CompileError, ScriptError)


def run(options):
    """Returns the exit code: 0 after a clean end, 1 when it could not start or end so."""
    if sys.stdout is None:
        complain("fieldpost sim: standard output is closed: send it to /dev/null for none")
        return 1
    # Not as KeyboardInterrupt: wherever it comes, the nodes are to say goodbye.
    stop = ending.stopped()
    output = Output(sys.stdout, stop.set)
    code = _simulate(options, Console(file=cast(IO[str], output), highlight=False), stop)
    if output.lost:
        complain(f"fieldpost sim: stopped, its output takes no more: {output.lost.strerror}")
        return 1
    return code


def _simulate(options, console, stop):
    with tempfile.TemporaryDirectory(prefix="fieldpost-sim-") as folder:
        try:
            world = worldfile.load(options.world) if options.world else None
            with simulation(
                *(folder, options.nodes, options.broker, options.interval, options.vm),
                world=world,
            ) as made:
                return _show(made, options, console, stop)
        except ERRORS as error:
            complain(f"fieldpost sim: {error}")
            return 1


def _show(running, options, console, stop):
    _introduce(running, console)
    began = time.monotonic()
    running.power_on()
    with view.view(running, console) as shown:
        while not stop.wait(REFRESH_S) and not _over(began, options.duration):
            shown.update()
    took = time.monotonic() - began
    # Before the nodes stop: their last lines say why they never came.
    absent = running.absent()
    good = not options.picture or _saved(running, options.picture)
    console.print("stopping the nodes ...")
    silent = running.stop_nodes()
    _conclude(running, console, silent)
    _tell_absent(absent, took, console)
    # Whoever stops a run at once knows that the nodes had no time.
    in_time = took < START_S and stop.is_set()
    return 0 if good and not silent and (in_time or not absent) else 1


def _saved(running, path):
    try:
        view.save_picture(running, path)
    except OSError as error:
        complain(f"fieldpost sim: no picture: {path}: {error.strerror}")
        return False
    return True


def _over(began, duration):
    return duration is not None and time.monotonic() - began >= duration


def _introduce(running, console):
    host, port = running.site.host, running.site.port
    example = "/".join(running.site.identity(0).values())
    if running.broker and not brokers.find():
        console.print(brokers.INSTALL_HINT)
        console.print("Going on with the embedded broker amqtt.\n")
    kind = "broker" if running.broker is None else "private broker"
    console.print(f"{kind} at {host}:{port}, {view.counted(len(running.boards), 'node')}")
    # Plain lines, never wrapped: they are there to be copied.
    for line in (
        "look:    mosquitto_sub -h {h} -p {p} -v -t '{c}/#'",
        "command: mosquitto_pub -h {h} -p {p} -t {e}/command -m read",
    ):
        text = line.format(h=host, p=port, c=running.site.company, e=example)
        console.print(text, soft_wrap=True, markup=False)
    _tell_faultless(running, console)
    if console.is_terminal:
        console.print("ctrl-C stops")


def _tell_faultless(running, console):
    """Tells of faults in the world's file that nobody here will have."""
    world = running.site.world
    names = [running.site.identity(index)["device"] for index in range(len(running.boards))]
    for number, fault in enumerate(world.faults if world else (), 1):
        if fault.get("node", names[0]) not in names:
            text = f"{world.path}: fault {number} is of {fault['node']}, which isn't there"
            console.print(text, soft_wrap=True, markup=False)


def _conclude(running, console, silent):
    watcher = running.watcher
    console.print(
        f"{view.counted(len(watcher.nodes), 'node')}, "
        f"{view.counted(watcher.readings, 'reading')}, {watcher.lost} lost, "
        f"at most {watcher.worst_ms:.0f} ms off their interval"
    )
    for name in silent:
        console.print(f"{name} did not say goodbye")


def _tell_absent(absent, took, console):
    for name in list(absent)[:TOLD]:
        text = f"{name} never came online; its last line: {absent[name]}"
        console.print(text, soft_wrap=True, markup=False)
    if len(absent) > TOLD:
        console.print(f"nor did {len(absent) - TOLD} more")
    if absent and took < START_S:
        console.print(f"the run took {took:.1f} s: a node may need {START_S} s to come online")
