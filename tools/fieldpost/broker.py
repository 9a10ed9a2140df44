"""Brokers for simulations and tests: a private Mosquitto, or `amqtt` where there is none."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

# Where Mosquitto is though it isn't on PATH: Debian's sbin for users, Homebrew.
MORE_PATHS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
# In place of an address: amqtt even where Mosquitto is.
EMBEDDED = "embedded"

START_S = 10
TRIES = 5
STOP_S = 5

INSTALL_HINT = """Mosquitto is not installed. To install it:
  Debian, Ubuntu:  sudo apt-get install mosquitto mosquitto-clients
  Fedora:          sudo dnf install mosquitto
  macOS:           brew install mosquitto
  Windows:         winget install EclipseFoundation.Mosquitto"""


class BrokerError(Exception):
    """The broker could not be started or reached; the text says why and what to do."""


def find(program="mosquitto"):
    """Returns the path of one of Mosquitto's programs, None if it isn't installed."""
    return shutil.which(program) or shutil.which(program, path=MORE_PATHS)


def free_port():
    """Returns a TCP port on loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _with_us():
    # On Linux: whoever kills us with -9 shall not have to look for the broker, too.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


class Broker:
    """A broker of our own in a folder of its own, on loopback.

    `prepare(port)` writes its configuration and returns its command; `is_ready(log)` tells from
    what it wrote since its start whether it listens.
    """

    host = "127.0.0.1"

    def __init__(self, folder, prepare, is_ready, port=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # None until it is started, if it may choose.
        self.port = port
        self.log_path = self.folder / "broker.log"
        self._prepare, self._is_ready = prepare, is_ready
        self._process = None

    def start(self):
        """Starts it and waits until it listens. Raises BrokerError."""
        for port in [self.port] if self.port else [free_port() for _ in range(TRIES)]:
            begin = len(self.log)
            self._spawn(self._prepare(port))
            if self._wait(begin):
                # From now on it keeps its port: clients come back to it after a restart.
                self.port = port
                return self
            self.stop()
            if "in use" not in self.log[begin:]:
                break
        raise BrokerError(f"the broker did not start; its last words:\n{self._tail()}")

    def _spawn(self, command):
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A ctrl-C at the terminal is for us: the broker goes last.
                start_new_session=True,
            )

    def _wait(self, begin):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.running:
            if self._is_ready(self.log[begin:]):
                return True
            time.sleep(0.01)
        return False

    def stop(self):
        """Ends it as a service manager does; returns when it is gone."""
        self._end(signal.SIGTERM)

    def kill(self):
        """Ends it as a power cut does: it can't store or say anything."""
        self._end(signal.SIGKILL)

    def freeze(self):
        """Lets it go on listening without doing anything, until thaw()."""
        self._started().send_signal(signal.SIGSTOP)

    def thaw(self):
        self._started().send_signal(signal.SIGCONT)

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def log(self):
        """What it has written so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _started(self):
        if self._process is None:
            raise BrokerError("the broker is not running")
        return self._process

    def _end(self, how):
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _tail(self):
        return "\n".join(self.log.splitlines()[-5:])

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()


def mosquitto(folder, settings="", port=None):
    """Returns a Broker that is a Mosquitto; `settings` are further lines of its configuration.

    Its listener is the first line, "allow_anonymous true" is left out where the settings say
    otherwise. It logs each packet. Raises BrokerError if Mosquitto isn't installed.
    """
    program = find()
    if program is None:
        raise BrokerError(INSTALL_HINT)
    folder = Path(folder)

    def prepare(port):
        # Packets go out as they come: else Nagle's algorithm adds 40 ms to each exchange.
        lines = [f"listener {port} 127.0.0.1", "set_tcp_nodelay true", settings]
        lines.append(f"persistence_location {folder}/")
        if "allow_anonymous" not in settings:
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:
            # Else Mosquitto becomes a user who may not write here.
            lines.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        return [program, "-v", "-c", str(folder / "mosquitto.conf")]

    return Broker(folder, prepare, lambda log: " running" in log, port)


def embedded(folder, port=None):
    """Returns a Broker that is `amqtt`, from PyPI: for machines without Mosquitto."""
    folder = Path(folder)

    def prepare(port):
        (folder / "amqtt.yaml").write_text(
            "listeners:\n"
            f"  default: {{type: tcp, bind: '127.0.0.1:{port}'}}\n"
            "plugins:\n"
            "  amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}\n"
        )
        script = "from amqtt.scripts.broker_script import main; main()"
        return [sys.executable, "-c", script, "-c", str(folder / "amqtt.yaml")]

    return Broker(folder, prepare, lambda log: "bind to" in log, port)
