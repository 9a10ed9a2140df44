"""`fieldpost sim`: boots simulated nodes and shows what they report."""

import signal
import sys
import tempfile
import threading
import time

from rich.console import Console

from . import broker as brokers, view
from .simulation import simulation

REFRESH_S = 0.25


def run(options):
    """Returns the exit code: 0 after a clean end, 1 when it could not start or end so."""
    console = Console(highlight=False)
    stop = threading.Event()
    # Not as KeyboardInterrupt: wherever it comes, the nodes are to say goodbye.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="fieldpost-sim-") as folder:
        try:
            with simulation(folder, options.nodes, options.broker, options.interval) as made:
                return _show(made, options, console, stop)
        except brokers.BrokerError as error:
            print(f"fieldpost sim: {error}", file=sys.stderr)
            return 1


def _show(running, options, console, stop):
    _introduce(running, console)
    began = time.monotonic()
    running.power_on()
    with view.view(running, console) as shown:
        while not stop.wait(REFRESH_S) and not _over(began, options.duration):
            shown.update()
    if options.picture:
        view.save_picture(running, options.picture)
    console.print("stopping the nodes ...")
    silent = running.stop_nodes()
    _conclude(running, console, silent)
    return 1 if silent else 0


def _over(began, duration):
    return duration is not None and time.monotonic() - began >= duration


def _introduce(running, console):
    host, port = running.site.host, running.site.port
    example = "/".join(running.site.identity(0).values())
    if running.broker and not brokers.find():
        console.print(brokers.INSTALL_HINT)
        console.print("Going on with the embedded broker amqtt.\n")
    kind = "broker" if running.broker is None else "private broker"
    console.print(f"{kind} at {host}:{port}, {len(running.boards)} nodes")
    # Plain lines, never wrapped: they are there to be copied.
    for line in (
        "look:    mosquitto_sub -h {h} -p {p} -v -t '{c}/#'",
        "command: mosquitto_pub -h {h} -p {p} -t {e}/command -m read",
    ):
        text = line.format(h=host, p=port, c=running.site.company, e=example)
        console.print(text, soft_wrap=True, markup=False)
    if console.is_terminal:
        console.print("ctrl-C stops")


def _conclude(running, console, silent):
    watcher = running.watcher
    console.print(
        f"{len(watcher.nodes)} nodes, {watcher.readings} readings, {watcher.lost} lost, "
        f"at most {watcher.worst_ms:.0f} ms off their interval"
    )
    for name in silent:
        console.print(f"{name} did not say goodbye")
