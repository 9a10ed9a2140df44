"""Kinds of arguments on the command line: what is allowed, and what is said of the rest."""

import argparse
import os
import re

from .broker import EMBEDDED

# Without IPv6, which the nodes don't speak.
ADDRESS = re.compile(r"([^\s/:\[\]]+)(?::([0-9]{1,5}))?")


def count(text):
    return _number(int, text, 1, 500, "a whole number")


def lines(text):
    return _number(int, text, 0, 1_000_000, "a whole number")


def seconds(text):
    return _number(float, text, 0.1, 10_000_000, "a number of seconds")


def baud(text):
    return _number(int, text, 9_600, 4_000_000, "a whole number")


def sha256(text):
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256: 64 digits 0-9, a-f")
    return text.lower()


def _number(kind, text, lowest, highest, noun):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not lowest <= value <= highest:
        raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {lowest} to {highest}")
    return value


def picture(text):
    folder = os.path.dirname(text) or "."
    if not text or os.path.isdir(text) or not os.path.isdir(folder):
        raise argparse.ArgumentTypeError(f"{text!r} is no file in a folder that is there")
    if not os.access(text if os.path.exists(text) else folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} may not be written")
    return text


def address(text):
    if text == EMBEDDED:
        return text
    found = ADDRESS.fullmatch(text)
    port = int(found[2] or 1883) if found else 0
    if not found or not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not HOST or HOST:PORT: a name or an IPv4 address, without mqtt://"
        )
    return found[1], port


def board(command, role):
    command.add_argument(
        "--board",
        default="esp32_generic",
        metavar="NAME",
        help=f"the board {role}, a file in boards/ (default esp32_generic)",
    )


def world(command):
    command.add_argument(
        "--world",
        metavar="FILE",
        help="the world around: weather, doors, recordings, faults, as docs/worlds.md says "
        "(default: a quiet room)",
    )
