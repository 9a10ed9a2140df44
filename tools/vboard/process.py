"""The process of a MicroPython whose prompt is a board's console: start, ctrl-C, end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import sysconfig

from . import bytecode

# Runs MicroPython within CPython's process, which costs less than its own start-up script. The
# pipe argv[1] has one writer, the board's process: when that ends, O_ASYNC and F_SETSIG (10) have
# the kernel end this one, whatever it does.
# SIGUSR2 does nothing but end a wait, up to the very end.
LAUNCH = """
import _signal, fcntl, os, sys
_signal.signal(_signal.SIGUSR2, lambda *_: None)
life = int(sys.argv[1])
fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(life, 10, 9)
fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
if os.getppid() != int(sys.argv[2]):
    sys.exit(1)
sys.path.insert(0, sys.argv[3])
import micropython_run
os._exit(micropython_run.run_main(sys.argv[4:]))
"""
LIBC = ctypes.CDLL(None)
SIGINT_BIT = 1 << signal.SIGINT - 1


class Process:
    """MicroPython with its arguments. `stdin` and `stdout` are descriptors that never block."""

    def __init__(self, arguments, folder):
        ends, self._life = os.pipe()
        command = [sys.executable, "-I", "-S", "-c", LAUNCH, str(ends), str(os.getpid())]
        command += [sysconfig.get_path("platlib"), "micropython", *arguments]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(ends,),
                cwd=folder,
                # Nothing of the host's shell leads it elsewhere; a terminal's ctrl-C isn't its.
                env={"HOME": str(folder)},
                start_new_session=True,
            )
        finally:
            os.close(ends)
        files = [file for file in (self._process.stdin, self._process.stdout) if file]
        self._files = files
        self.stdin, self.stdout = (file.fileno() for file in files)
        for fd in (self.stdin, self.stdout):
            os.set_blocking(fd, False)

    def kill(self):
        self._process.kill()

    def close(self):
        """Ends it and returns its exit code, which is negative for a signal's number."""
        os.close(self._life)
        code = self._process.wait()
        for file in self._files:
            # OSError: what its buffer held found no reader; nothing is ever in it.
            with contextlib.suppress(OSError):
                file.close()
        return code

    def interrupt(self):
        """Sends ctrl-C to a program that runs: True. False: the prompt waits for a key.

        None: not now, it stands where no chip would take one. MicroPython would die of the signal
        while it reads a line, so it is looked at while it stands still.
        """
        pid = self._process.pid
        with contextlib.suppress(ProcessLookupError, ChildProcessError, FileNotFoundError):
            os.kill(pid, signal.SIGSTOP)
            try:
                os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                takes = self._catches_sigint()
                if takes and not bytecode.interruptible(pid):
                    return None
                if takes:
                    # Its first thread has the program; to another one it would mean nothing.
                    LIBC.tgkill(pid, pid, signal.SIGINT)
                return takes
            finally:
                os.kill(pid, signal.SIGCONT)
        return True

    def nudge(self):
        """Has the program look whether there was a ctrl-C just before it began to wait."""
        LIBC.tgkill(self._process.pid, self._process.pid, signal.SIGUSR2)

    def _catches_sigint(self):
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) & SIGINT_BIT)
        return False
