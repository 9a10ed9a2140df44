"""Wires the roles: the only file that knows them all."""

import asyncio

import machine

import sensors
from mqtt.client import Client
from node import (
    clock,
    commands,
    crash,
    hardware,
    outbox,
    reporter,
    sampler,
    status,
    topics,
    watchdog,
    wifi,
)

# Wi-Fi is joined anew when it stands, but nothing came through it for so long.
REJOIN_MS = 3_600_000
# Answers to commands that may be on their way; more are dropped.
REPLIES = 4


class Restart(Exception):
    """Somebody asked for a restart."""


class WiringError(Exception):
    """The configuration names pins or buses that the chip hasn't."""


class Node:
    """One node, from a checked configuration. Raises WiringError."""

    def __init__(self, config: dict, log=print):
        self._log = log
        self._topics = topics.Topics(config["identity"])
        self._status = status.Status(self._topics.status, self._topics.faults)
        self._wifi = wifi.Wifi(config["wifi"]["ssid"], config["wifi"]["password"], log)
        self._clock = clock.Clock(config["time_server"], log)
        self._watchdog = watchdog.Watchdog(config["watchdog"])
        # Set from the end of the birth until the link is lost.
        self._online = asyncio.Event()
        # Set to leave run() for a restart.
        self._restart = asyncio.Event()
        # When the broker was last heard of, or Wi-Fi joined anew, in ms of the running time.
        self._heard = 0
        # Answers to commands on their way.
        self._replies = []
        # The sensors' faults; None until there is one.
        self._faults = None
        self._buses = _wired("buses", hardware.Buses, config["buses"])
        self._client = self._connection(config["broker"])
        made = reporter.Reporter(self._topics, self._clock, config["payload"])
        # A place for each topic, of which only the newest waits.
        count = sum([len(entry["levels"]) for entry in config["sensors"]])
        self._telemetry = outbox.Outbox(self._client, made, False, max(32, count), log)
        self._events = outbox.Outbox(self._client, made, events=True, size=64, log=log)
        self._samplers = self._sensors(config)

    async def run(self):
        """Runs all roles. Raises Restart, or what one of them could not handle."""
        self._log("node: %s" % self._topics.device)
        roles = [
            self._watchdog.run(),
            self._wifi.run(),
            self._clock.run(self._wifi.up.wait),
            self._client.run(),
            self._clock.keep(),
            self._telemetry.run(self._ready),
            self._events.run(self._ready),
            self._wait_restart(),
        ]
        for one in self._samplers:
            roles.append(one.run())
            if one.events:
                roles.append(one.run_events())
        await asyncio.gather(*roles)

    def relax(self):
        """Leaves the board to whoever is at the prompt."""
        self._watchdog.relax()

    async def stop(self):
        """Lets the drivers save what they keep and says goodbye: "offline", DISCONNECT."""
        for one in self._samplers:
            one.stop()
        await self._client.stop(self._status.offline())
        self._log("node: stopped")

    def _connection(self, broker):
        client = Client(
            broker["client_id"] or _client_id(),
            broker["host"],
            broker["port"],
            user=broker["user"],
            password=broker["password"],
            keep_alive=broker["keep_alive"],
            will=self._status.offline(),
        )
        client.gate = self._wifi.up.wait
        client.on_connected = self._birth
        client.on_disconnected = self._lost
        self._wifi.on_lost = lambda: client.drop("Wi-Fi lost")
        self._wifi.on_joined = client.retry
        actions = {
            "read": self._read,
            "interval": self._set_interval,
            "info": self._info,
            "scan": lambda arguments: self._buses.scan(),
            "restart": self._ask_restart,
        }
        desk = commands.Commands(actions, self._reply, self._log)
        client.subscribe_always(self._topics.command, desk.handle, qos=1)
        return client

    def _sensors(self, config):
        chip = hardware.Chip(self._wifi, self._clock)
        made = []
        for i, entry in enumerate(config["sensors"]):
            module = sensors.load(entry["driver"])
            if module.BUS is None:
                bus = chip
            else:
                bus = _wired("sensors[%d].pin" % i, self._buses.of, module.BUS, entry)
            if getattr(module, "KEPT", False):
                entry["options"]["store"] = self._buses.store(entry)
            made.append(self._sampler(entry, module, bus))
        return made

    def _sampler(self, entry, module, bus):
        filters = None
        if entry["filters"]:
            # Late: a node without any needs none of it.
            from node.filters import Filters

            filters = Filters(module.QUANTITIES, entry["quantities"], entry["filters"])
        made = sampler.Sampler(
            module.Driver(bus, **entry["options"]),
            module,
            entry["levels"],
            int(entry["interval"] * 1000),
            self._clock,
            self._report,
            self._log,
            filters,
            self._buses.line(entry) if module.BUS == "i2c" else None,
        )
        made.qos, made.retain, made.align = entry["qos"], entry["retain"], entry["align"]
        made.on_fault = self._fault
        return made

    def _report(self, reading):
        if reading.event:
            # A repeated state that still waits must not come after what has happened since.
            self._telemetry.forget(reading.level)
        (self._events if reading.event else self._telemetry).put(reading)

    def _fault(self, sensor, text):
        if self._faults is None:
            # Late: most nodes never have any.
            from node.faults import Faults

            self._faults = Faults(topics.FAULTS)
        self._faults.note(sensor, text, self._clock.uptime())
        self._telemetry.put(self._faults.notice())

    # The link

    async def _birth(self, session_present):
        await self._client.publish(*self._status.online())
        # Each time: a broker may have lost what it kept.
        if self._faults:
            self._telemetry.put(self._faults.notice())
        else:
            await self._client.publish(*self._status.well())
        self._log("mqtt: online")
        self._online.set()
        for one in self._samplers:
            if one.incomplete:
                one.read_now()

    def _lost(self, reason, retry_ms):
        now = self._clock.uptime()
        if self._online.is_set():
            self._heard = now
        elif now - self._heard > REJOIN_MS:
            self._heard = now
            self._wifi.rejoin()
        self._online.clear()
        self._log("mqtt: %s; again in %d.%d s" % (reason, retry_ms // 1000, retry_ms // 100 % 10))

    async def _ready(self):
        await self._online.wait()
        # Readings taken before the clock was set get their time from it, if it comes.
        await self._clock.settled.wait()

    def _reply(self, text):
        self._replies = [one for one in self._replies if not one.done()]
        if len(self._replies) < REPLIES:
            self._replies.append(self._client.post(self._topics.reply, text, 1))
        else:
            self._log("command: too many at a time, one has no answer")

    # The commands

    def _read(self, arguments):
        wanted = self._find(arguments.get("sensor"))
        for one in wanted:
            one.read_now()
        return [level for one in wanted for level in one.levels]

    def _set_interval(self, arguments):
        seconds = arguments.get("seconds")
        if seconds not in sensors.Range(0.1, 86400):
            raise commands.CommandError("seconds %r: allowed is 0.1 to 86400" % (seconds,))
        for one in self._find(arguments.get("sensor")):
            one.set_interval(int(seconds * 1000))
        return seconds

    def _find(self, name):
        found = [one for one in self._samplers if name is None or name in one.levels]
        if not found:
            known = sorted(level for one in self._samplers for level in one.levels)
            raise commands.CommandError("no sensor %r: there are %s" % (name, ", ".join(known)))
        return found

    def _info(self, arguments):
        return {
            "uptime": self._clock.uptime() // 1000,
            "boots": hardware.boots(),
            "reset_cause": machine.reset_cause(),
            "dropped": self._telemetry.dropped + self._events.dropped,
            "crash": crash.last()[-200:],
        }

    def _ask_restart(self, arguments):
        self._restart.set()

    async def _wait_restart(self):
        await self._restart.wait()
        # The answer's acknowledgement and the farewell get a moment.
        await asyncio.sleep_ms(200)
        raise Restart


def _client_id():
    # From the chip: two boards never get the same one, which would throw each other out.
    return "fieldpost-" + "".join("%02x" % byte for byte in machine.unique_id())


def _wired(key, make, *arguments):
    # Only the chip itself knows which pins and buses it has.
    try:
        return make(*arguments)
    except ValueError as error:
        raise WiringError("%s: %s" % (key, error))
