"""The command line: what can be said, and nothing of how it is done."""

import argparse
import sys

from .broker import EMBEDDED


def parser():
    """Returns the parser of `fieldpost`."""
    top = argparse.ArgumentParser(
        prog="fieldpost", description="Firmware for ESP32 sensor nodes: the host's side of it."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _sim(commands)
    _config(commands)
    return top


def _sim(commands):
    sim = commands.add_parser(
        "sim",
        help="boot simulated nodes that report to a real broker",
        description="Boots simulated ESP32 nodes that read their sensors and report to a broker: "
        "a private Mosquitto, or the one you name. Ctrl-C stops them cleanly.",
    )
    sim.add_argument("--nodes", type=_count, default=3, metavar="N", help="how many (default 3)")
    sim.add_argument(
        "--duration", type=_seconds, metavar="S", help="end after S seconds (default: at ctrl-C)"
    )
    sim.add_argument(
        "--broker",
        type=_address,
        metavar="HOST[:PORT]",
        help="report there instead of to a private Mosquitto (default port 1883); "
        '"embedded": to a private amqtt',
    )
    sim.add_argument(
        "--interval",
        type=_seconds,
        default=2.0,
        metavar="S",
        help="s between readings (default 2)",
    )
    sim.add_argument("--picture", metavar="FILE", help="save the last table as an SVG picture")


def _config(commands):
    config = commands.add_parser(
        "config",
        help="check a node's configuration",
        description="Checks a node's configuration with the code that checks it on the board.",
    )
    config.add_argument("action", choices=["check"])
    config.add_argument("file", help="the configuration, for instance config.json")


def _count(text):
    value = int(text)
    if not 1 <= value <= 500:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 500")
    return value


def _seconds(text):
    value = float(text)
    if not 0.1 <= value <= 1e7:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.1 to 10000000")
    return value


def _address(text):
    if text == EMBEDDED:
        return text
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, "1883"
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST or HOST:PORT")
    return host, int(port)


def main(argv=None):
    """Runs a command; returns the exit code."""
    options = parser().parse_args(argv)
    if options.command == "sim":
        from . import sim as command
    else:
        from . import config as command
    return command.run(options)


if __name__ == "__main__":
    sys.exit(main())
