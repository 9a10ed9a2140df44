"""A running board's switches, for other processes: a socket in its folder, a line each way."""

import contextlib
import os
import socket
import threading

NAME = "switches"
# How long either side waits for the other's line, s: to halt a board can take a moment.
PATIENCE_S = 10
LONGEST = 200
OK, FAULT = "ok", "fault"


class SwitchError(Exception):
    """It can't be done; the text says why."""


class Switches:
    """Serves `folder`. `throw(words)` does what a line asks for and returns what to tell of it,
    or raises SwitchError."""

    def __init__(self, folder, throw):
        self._folder, self._throw = folder, throw
        self._socket = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            (folder / NAME).unlink()
        with _short(folder) as path:
            self._socket.bind(path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, name="switches", daemon=True)
        self._thread.start()

    def close(self):
        # Closing it wakes nobody who waits for it, shutting it down does.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / NAME).unlink()

    def _serve(self):
        while True:
            try:
                asking, _ = self._socket.accept()
            except OSError:
                return
            # OSError: whoever asked has gone.
            with asking, contextlib.suppress(OSError):
                asking.settimeout(PATIENCE_S)
                asking.sendall(self._answer(asking.recv(LONGEST)).encode())

    def _answer(self, line):
        try:
            return f"{OK} {self._throw(line.decode(errors='replace').split())}"
        except SwitchError as error:
            return f"{FAULT} {error}"


def throw(folder, *words):
    """Asks the board that runs in `folder`; returns what it tells. Raises SwitchError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(PATIENCE_S)
        try:
            with _short(folder) as path:
                asking.connect(path)
            asking.sendall(" ".join(words).encode())
            kind, _, told = asking.recv(LONGEST).decode().partition(" ")
        except OSError:
            raise SwitchError("no board runs there") from None
    if kind != OK:
        raise SwitchError(told or "the board has gone")
    return told


@contextlib.contextmanager
def _short(folder):
    # A socket's name holds 108 bytes, a folder's may be longer.
    number = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{number}/{NAME}"
    finally:
        os.close(number)
