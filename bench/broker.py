"""The Mosquitto of the bench: one that keeps up and forgets nothing."""

import os
from pathlib import Path

from fieldpost.broker import INSTALL_HINT, Broker, BrokerError, find

# It doesn't log packets, and takes any number of messages.
SETTINGS = """max_inflight_messages 0
max_queued_messages 0
sys_interval 0
persistence false
"""


def mosquitto(folder, host="127.0.0.1", port=None, more=""):
    """Returns a Broker with anonymous access; `more` are further listeners."""
    program = find()
    if program is None:
        raise BrokerError(INSTALL_HINT)
    folder = Path(folder)

    def prepare(port):
        lines = ["per_listener_settings false", "allow_anonymous true"]
        if os.geteuid() == 0:
            # Else Mosquitto becomes a user who may not read here.
            lines.append("user root")
        lines.append(f"{SETTINGS}listener {port} {host}\n{more}")
        (folder / "mosquitto.conf").write_text("\n".join(lines))
        return [program, "-c", str(folder / "mosquitto.conf")]

    broker = Broker(folder, prepare, lambda log: " running" in log, port)
    broker.host = host
    return broker
