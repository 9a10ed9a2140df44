"""What a deploy does on the board. Runs there: it is sent to the prompt as it is.

A file is read in pieces, and written beside its place: it takes its name when it is whole.
"""

import binascii
import hashlib
import json
import os
import sys

FOLDER = 0x4000
# Memory for what is read.
piece = bytearray(1024)


def pieces(path):
    """Yields a file's content; a piece is good until the next one."""
    with open(path, "rb") as file:
        while True:
            count = file.readinto(piece)
            if not count:
                return
            yield memoryview(piece)[:count]


def digest(path):
    made = hashlib.sha256()
    for part in pieces(path):
        made.update(part)
    return binascii.hexlify(made.digest()).decode()


def tell(path):
    """Prints a line for a file: path, size, sum. For a folder its path, and all that is in it."""
    try:
        kind, size = os.stat(path)[0], os.stat(path)[6]
    except OSError:
        return
    if kind != FOLDER:
        print(json.dumps([path, size, digest(path)]))
        return
    print(json.dumps([path]))
    for name in os.listdir(path):
        tell(path + "/" + name)


def board():
    """Prints what runs here: what the chip is, which bytecode it loads."""
    implementation = sys.implementation
    machine = getattr(implementation, "_machine", "")
    print(json.dumps([machine, getattr(implementation, "_mpy", 0) & 0xFF]))


def space():
    """Prints the bytes of a block, and how many blocks are free."""
    stat = os.statvfs("/")
    print(json.dumps([stat[0], stat[3]]))


def show(path):
    """Prints a file in base64, a line a piece."""
    for part in pieces(path):
        print(binascii.b2a_base64(part).decode(), end="")


def begin(path):
    global file
    file = open(path + ".new", "wb")  # noqa: SIM115


def more(text):
    file.write(binascii.a2b_base64(text))


def end(path, wanted):
    file.close()
    land(path, wanted)


def copy(source, path, wanted):
    with open(path + ".new", "wb") as target:
        for part in pieces(source):
            target.write(part)
    land(path, wanted)


def land(path, wanted):
    """Gives a file that was written its name, if its sum is right."""
    if digest(path + ".new") != wanted:
        raise ValueError(path + ": on the board is not what was sent")
    os.rename(path + ".new", path)
