"""The command line: what can be said, and nothing of how it is done."""

import argparse
import importlib
import sys

from . import arguments, cli_boards, cli_drivers
from .output import complain

# What adds the commands about drivers, in the order of the help.
DRIVERS = (cli_drivers.drivers, cli_drivers.driver_check, cli_drivers.new_driver)
# What adds the commands for boards, in the order of the help.
BOARDS = (
    cli_boards.build,
    cli_boards.factory,
    cli_boards.flash,
    cli_boards.deploy,
    cli_boards.vboard,
)


def parser():
    """Returns the parser of `fieldpost`."""
    top = argparse.ArgumentParser(
        prog="fieldpost", description="Firmware for ESP32 sensor nodes: the host's side of it."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _sim(commands)
    _config(commands)
    for add in (*DRIVERS, *BOARDS):
        add(commands)
    return top


def _sim(commands):
    sim = commands.add_parser(
        "sim",
        help="boot simulated nodes that report to a real broker",
        description="Boots simulated ESP32 nodes that read their sensors and report to a broker: "
        "a private Mosquitto, or the one you name. Ctrl-C stops them cleanly.",
    )
    sim.add_argument(
        "--nodes", type=arguments.count, default=3, metavar="N", help="how many (default 3)"
    )
    sim.add_argument(
        "--duration",
        type=arguments.seconds,
        metavar="S",
        help="end after S seconds (default: at ctrl-C)",
    )
    sim.add_argument(
        "--broker",
        type=arguments.address,
        metavar="HOST[:PORT]",
        help="report there instead of to a private Mosquitto (default port 1883); "
        '"embedded": to a private amqtt',
    )
    sim.add_argument(
        "--interval",
        type=arguments.seconds,
        default=2.0,
        metavar="S",
        help="s between readings (default 2)",
    )
    sim.add_argument(
        "--picture",
        type=arguments.picture,
        metavar="FILE",
        help="save the last table as an SVG picture",
    )
    arguments.world(sim)
    sim.add_argument(
        "--vm",
        action="store_true",
        help="on virtual boards: a real MicroPython each, booted from its flash",
    )


def _config(commands):
    config = commands.add_parser(
        "config",
        help="check a node's configuration",
        description="Checks a node's configuration with the code that checks it on the board.",
    )
    config.add_argument("action", choices=["check"])
    config.add_argument("file", help="the configuration, for instance config.json")
    arguments.board(config, "whose pins it is for")


def main(argv=None):
    """Runs a command; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        name = options.command.replace("-", "_")
        command = importlib.import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        name = options.command
        complain(f"fieldpost {name}: {error.name} is not installed: make {name} sets it up")
        return 1
    return command.run(options)


if __name__ == "__main__":
    sys.exit(main())
