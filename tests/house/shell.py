"""Runs commands as a user does: in a shell of their own, with or without a terminal."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**changes):
    """Returns this process's environment without what a make around it left there."""
    outer = ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")
    return {**{name: os.environ[name] for name in os.environ if name not in outer}, **changes}


def run(command, timeout=60, **env):
    """Runs a command line in the project's folder; returns (exit code, its output)."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout


class Terminal:
    """A command on a terminal of its own, as a session leader: what is typed reaches it."""

    def __init__(self, *command, **env):
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(ROOT)
            size = {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
            os.execvpe(command[0], command, environment(**size, **env))
        # Everything on the screen so far, with its control sequences.
        self.output = ""
        self._code = None

    def type(self, text):
        os.write(self._fd, text.encode())

    def hang_up(self):
        """Closes the terminal, as closing its window or a lost connection does."""
        os.close(self._fd)
        self._fd = None

    def wait_for(self, text, timeout=30):
        """Waits until `text` was shown. Raises TimeoutError."""
        self._until(lambda: text in self.output, timeout, f"no {text!r}")

    def wait(self, timeout=30):
        """Waits for the command's end; returns its exit code. Raises TimeoutError."""
        self._until(self._ended, timeout, "no end")
        return self._code

    def _until(self, condition, timeout, what):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} in {timeout} s:\n{self.output[-2000:]}")
            self._read(0.1)

    def _read(self, timeout):
        if self._fd is None:
            time.sleep(0.01)
        elif select.select([self._fd], [], [], timeout)[0]:
            # EIO: the command is gone and with it the terminal.
            with contextlib.suppress(OSError):
                self.output += os.read(self._fd, 65536).decode(errors="replace")

    def _ended(self):
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is not None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if not self._ended():
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        if self._fd is not None:
            os.close(self._fd)


def processes_naming(text):
    """Returns the command lines of running processes that hold `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line:
                found.append(line)
    return found
