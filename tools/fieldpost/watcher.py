"""An independent subscriber: what the nodes look like from the other side of the broker."""

import collections
import json
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from .broker import BrokerError

CONNECT_S = 10
STATES = ("online", "offline")
# Levels of the shortest topic of a node: company, device, sensor.
LEVELS = 3
# Seconds over which messages a second are counted.
RATE_S = 10


class Seen:
    """What was seen of one node."""

    def __init__(self, name):
        self.name = name
        self.status = "-"
        # True from its first "online" on.
        self.was_online = False
        # Sensor -> (value, unit), the last ones.
        self.values = {}
        # Sensor -> what is wrong with it, as the node told last.
        self.faults = {}
        # When the first and the last reading came (monotonic s), None before; arrivals lately.
        self.first = self.last = None
        self.arrivals = collections.deque()
        # Sensor -> (time in the payload, sequence number) of its last reading.
        self.latest = {}

    def rate(self, now):
        """Returns messages a second, over the last seconds."""
        while self.arrivals and self.arrivals[0] < now - RATE_S:
            self.arrivals.popleft()
        if not self.arrivals:
            return 0.0
        return len(self.arrivals) / max(1.0, min(RATE_S, now - self.arrivals[0]))


class Watcher:
    """Subscribes to all of a company's topics. Raises BrokerError when it can't."""

    def __init__(self, address, company, interval):
        host, port = address
        self.nodes = {}
        # Called with (Seen, last topic level: a sensor, "status" or "faults") for what happens; in
        # the network's thread.
        self.on_change = None
        # Readings seen; those that were lost; and the worst distance from the interval, in ms.
        self.readings = self.lost = self.worst_ms = 0
        self._interval_ms = interval * 1000
        self._company = company
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        # Set when the broker has granted the subscription: nothing is missed from then on.
        self._ready = threading.Event()
        try:
            self._client.connect(host, port)
        except OSError as error:
            raise BrokerError(
                f"no connection to {host}:{port} ({error}): start a broker there, "
                "or name none to have a private one"
            ) from error
        self._client.loop_start()
        if not self._ready.wait(CONNECT_S):
            self.close()
            raise BrokerError(f"{host}:{port} accepts connections, but not MQTT without a login")

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, condition, timeout):
        """Waits until condition() holds; returns whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def missing_farewells(self, names, timeout):
        """Waits for the "offline" of all; returns the names of those that didn't say it."""

        def missing():
            return [n for n in names if n in self.nodes and self.nodes[n].status == "online"]

        self.wait(lambda: not missing(), timeout)
        return missing()

    def _subscribe(self, client, userdata, flags, reason, properties):
        client.subscribe(f"{self._company}/#", qos=1)

    def _on_subscribe(self, client, userdata, mid, reasons, properties):
        self._ready.set()

    def _on_message(self, client, userdata, message):
        levels = message.topic.split("/")
        if len(levels) < LEVELS or levels[-1] in ("command", "reply"):
            return
        device, sensor = levels[-2:]
        found = {"status": _status, "faults": _faults}.get(sensor, _reading)(message.payload)
        if found is None:
            # Anybody may publish: this wasn't one of our nodes.
            return
        with self._changed:
            node = self.nodes.setdefault(device, Seen(device))
            # Each start tells that there are none.
            news = sensor != "faults" or node.faults != found
            if sensor == "status":
                node.status = found
                node.was_online |= found == "online"
            elif sensor == "faults":
                node.faults = found
            else:
                self._take(node, sensor, found)
            self._changed.notify_all()
        if self.on_change and news and not message.retain:
            self.on_change(node, sensor)

    def _take(self, node, sensor, reading):
        now = time.monotonic()
        node.values[sensor] = (reading["value"], reading["unit"])
        node.first, node.last = node.first or now, now
        node.arrivals.append(now)
        self.readings += 1
        self._judge(node, sensor, reading)

    def _judge(self, node, sensor, reading):
        taken, seq = reading["time"], reading["seq"]
        # Before its first link a node keeps the newest only: what went before is not lost.
        before, before_seq = node.latest.get(sensor, (None, seq - 1))
        node.latest[sensor] = (taken, seq)
        self.lost += max(0, seq - before_seq - 1)
        # The second reading comes at a random phase; from then on the interval counts.
        if sensor == "temperature" and seq >= 2 and seq == before_seq + 1 and taken and before:
            self.worst_ms = max(self.worst_ms, abs(taken - before - self._interval_ms))


def _status(payload):
    text = payload.decode(errors="replace")
    return text if text in STATES else None


def _faults(payload):
    """Returns {sensor: fault} that a payload holds, None if it is no such thing."""
    try:
        told = json.loads(payload)["sensors"]
        return {str(sensor): str(one["fault"]) for sensor, one in told.items()}
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None


def _reading(payload):
    """Returns the reading that a payload holds, None if it is none."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not {"value", "unit", "time", "seq"} <= found.keys():
        return None
    unit, taken = found["unit"], found["time"]
    good = unit is None or isinstance(unit, str)
    good = good and (taken is None or _is_count(taken)) and _is_count(found["seq"])
    return found if good else None


def _is_count(value):
    # Up to what a double counts exactly.
    return isinstance(value, int) and 0 <= value < 2**53
