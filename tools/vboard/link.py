"""The board's end of a MicroPython in a process of its own: what port/_board.py speaks to.

A socket in the file system takes the process's connections. Each begins with 16 bytes that say
what for: "control" for calls, "flash" for the file system, "events" and "bell" for interrupts,
"stream" and "dgram" for each socket of the program (relay.py).
"""

import contextlib
import json
import socket
import struct

# As in port/_board.py: how a connection begins, and the longest packet of an answer.
HELLO = 16
PACKET = 128
# The longest request.
REQUEST = 1 << 18
# Space that a packet's numbers and mark may take.
HEAD = 24
# Of the flash: a request, whose bytes follow, and its answer (port/_flash.py).
FLASH_HEAD, FLASH_REPLY = struct.Struct("<BHI"), struct.Struct("<HH")
# Interrupts are counted in so many bits.
COUNT = 0xFFFF


class Listener:
    """Takes the connections of one program; `arrived(purpose, number, connection)` gets them."""

    def __init__(self, path, arrived):
        self._arrived = arrived
        # A packet socket and a stream socket can't share a name.
        self.sockets = []
        for kind, suffix in ((socket.SOCK_SEQPACKET, "p"), (socket.SOCK_STREAM, "s")):
            made = socket.socket(socket.AF_UNIX, kind)
            made.bind(f"{path}.{suffix}")
            made.listen()
            made.setblocking(False)
            self.sockets.append(made)

    def accept(self, listening):
        """Takes all that are there: a call that follows may be about the last of them."""
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = listening.accept()
                connection.settimeout(1)
                purpose, number = connection.recv(HELLO).split()
                connection.setblocking(False)
                self._arrived(purpose.decode(), int(number), connection)

    def close(self):
        for one in self.sockets:
            one.close()


class Control:
    """The program's calls: each a packet, answered before the next is taken."""

    def __init__(self, connection, perform):
        """`perform(name, args)` does what is asked, and returns plain values."""
        self.connection = connection
        self._perform = perform
        # Interrupts that were sent: each answer says how many must have come before it.
        self.interrupts = 0

    def serve(self):
        """Takes one request; returns False when the program is gone."""
        try:
            packet = self.connection.recv(REQUEST)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not packet:
            return False
        number, name, args = json.loads(packet)
        self._send(number, _encoded(self._result(name, [_decoded(arg) for arg in args])))
        return True

    def _result(self, name, args):
        try:
            return self._perform(name, args)
        except OSError as error:
            return {"error": "OSError", "args": list(error.args)}
        except (ValueError, TypeError) as error:
            return {"error": "ValueError", "args": [str(error)]}

    def _send(self, number, value):
        text = json.dumps(value).encode()
        size = PACKET - HEAD
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        self.connection.settimeout(1)
        # OSError: it went meanwhile.
        with contextlib.suppress(OSError):
            for part in parts[:-1]:
                self.connection.send(b"%d+%b" % (number, part))
            last = (number, self.interrupts & COUNT, parts[-1])
            self.connection.send(b"%d=%d %b" % last)
        self.connection.setblocking(False)


class FlashLink:
    """What the program's file system asks of the flash: packets as those of calls."""

    def __init__(self, connection, perform):
        """`perform(operation, offset, data)` returns an error number."""
        self.connection = connection
        self._perform = perform

    def serve(self):
        """Takes one request; returns False when the program is gone."""
        try:
            packet = self.connection.recv(REQUEST)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if packet:
            operation, number, offset = FLASH_HEAD.unpack_from(packet)
            code = self._perform(operation, offset, packet[FLASH_HEAD.size :])
            # OSError: it went meanwhile.
            with contextlib.suppress(OSError):
                self.connection.send(FLASH_REPLY.pack(number, code))
        return bool(packet)


def _decoded(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def _encoded(value):
    if isinstance(value, (bytes, bytearray)):
        return {"hex": value.hex()}
    if isinstance(value, (list, tuple)):
        return [_encoded(one) for one in value]
    return value
