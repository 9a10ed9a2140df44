"""Runs a command as the terminal's foreground job, so that ctrl-C reaches it once and alone.

make ends with an error whenever it receives SIGINT itself, even if its recipe ends well. So the
command gets a process group of its own and the terminal with it, as a shell gives it to a job;
make stays in the background and hears of the end by the exit code. Without a terminal, in the
background or before a pipe the command stays in make's group, and signals reach it as usual.

Usage: python foreground.py COMMAND [ARGUMENT...]
"""

import contextlib
import os
import select
import signal
import stat
import sys
import threading


def main():
    command = sys.argv[1:]
    terminal = own_terminal()
    if terminal is None:
        os.execvp(command[0], command)
    # The hand-over is done from the background later on, which would stop this process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    # Until forward(): ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    child = start(command, terminal)
    forward(child)
    threading.Thread(target=end_with, args=(terminal, child), daemon=True).start()
    sys.exit(watch(child, terminal))


def own_terminal():
    """Returns the controlling terminal if this process may hand it on, else None."""
    try:
        # Behind a pipe there may be a pager, which needs the terminal itself.
        if stat.S_ISFIFO(os.fstat(1).st_mode):
            return None
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        # No terminal, or an output that is closed: the command's to tell.
        return None
    return terminal if owns(terminal) else None


def owns(terminal):
    """Returns whether this process is in the foreground of a terminal that is still there."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False


def start(command, terminal):
    """Starts the command in a process group of its own, to which the terminal then belongs."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    return child


def forward(child):
    """What ends make (`kill`, a closed window) ends the command too; only it is asked to."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda received, _: send(child, received))


def send(child, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, number)


def end_with(terminal, child):
    """A closed terminal ends the command: the kernel tells it to the session's leader alone."""
    waiting = select.poll()
    waiting.register(terminal, 0)
    # macOS polls no terminal (POLLNVAL), but there each process is told.
    if waiting.poll()[0][1] & select.POLLHUP:
        send(child, signal.SIGHUP)
        send(child, signal.SIGCONT)


def watch(child, terminal):
    """Waits for the command's end and returns its exit code as a shell gives it."""
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        take(terminal, os.getpgrp())
        if not os.WIFSTOPPED(status):
            return exit_code(status)
        # Ctrl-Z: make stops too, and the shell has its prompt back until `fg` or `bg`.
        os.killpg(0, signal.SIGTSTP)
        if owns(terminal):
            take(terminal, child)
        send(child, signal.SIGCONT)


def take(terminal, group):
    # A closed terminal has nobody to give.
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, group)


def exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
