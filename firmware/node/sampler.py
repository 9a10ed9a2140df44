"""Reads one sensor at its interval and hands on what came out."""

import asyncio
import math
import random
import time

from sensors import SensorError

# Within how many ms a fleet's second readings are strewn around their interval, at most.
SPREAD_MS = 60_000
# What a driver has for a reading.
READ_MS = 10_000


class Reading:
    """One value of one quantity."""

    def __init__(self, level, value, unit, decimals, uptime, seq, event):
        self.level = level
        self.value = value
        self.unit = unit
        self.decimals = decimals
        # When it was taken, in ms of the running time: the clock may not be set yet.
        self.uptime = uptime
        # Counts the readings of this quantity: a gap is a loss, a repeat a duplicate.
        self.seq = seq
        # True for what happened (QoS 1), False for what was measured (QoS 0).
        self.event = event


class Sampler:
    """One sensor: `driver` is an instance, `quantities` and `levels` say what it delivers."""

    def __init__(
        self, driver, quantities, levels, interval_ms: int, events: bool, uptime, report, log=print
    ):
        self._driver = driver
        self._quantities = quantities
        self.levels = levels
        # Milliseconds from one reading to the next.
        self._interval_ms = interval_ms
        # True if the driver tells what happens: its first state then is an event too.
        self.events = events
        self._uptime = uptime
        self._report = report
        self._log = log
        # The sequence number of the next reading, one for each quantity.
        self._seqs = [0] * len(levels)
        # What went wrong last, '' after a good reading: a fault is told once, not every time.
        self._fault = ""
        # True when the last reading lacked a value that may come (the signal without Wi-Fi).
        self.incomplete = False
        # Set to have the sensor read at once.
        self._now = asyncio.Event()

    def read_now(self):
        """Has the sensor read out of turn."""
        self._now.set()

    def set_interval(self, interval_ms: int):
        """Changes the interval until the next start; the sensor is read at once."""
        self._interval_ms = interval_ms
        self.read_now()

    async def run(self):
        """Reads at once, then at each interval: a late reading doesn't shift those after it."""
        due = time.ticks_ms()
        # The first state is an event too; the second reading comes at a time of the node's own.
        event, shift = self.events, _shift_ms(self._interval_ms)
        while True:
            await self._sample(event)
            due = time.ticks_add(due, self._interval_ms + shift)
            event, shift = False, 0
            if time.ticks_diff(due, time.ticks_ms()) < 0:
                # Slower than its interval: from now on, not in a rush after what was missed.
                due = time.ticks_ms()
            if await self._woken(due):
                due = time.ticks_ms()

    async def run_events(self):
        """Hands on what happens, as it happens (drivers with EVENTS)."""
        while True:
            try:
                self._hand_on(await self._driver.wait(), True)
            except Exception as error:
                self._failed(error)
                await asyncio.sleep_ms(self._interval_ms)

    async def _woken(self, due):
        # Waits until `due`; returns True if somebody wants a reading before.
        wait = time.ticks_diff(due, time.ticks_ms())
        self._now.clear()
        try:
            await asyncio.wait_for_ms(self._now.wait(), max(0, wait))
            return True
        except asyncio.TimeoutError:
            return False

    async def _sample(self, event):
        try:
            values = await asyncio.wait_for_ms(self._driver.read(), READ_MS)
        except Exception as error:
            # Whatever it is: one sensor must not stop a node that nobody can reach then.
            self._failed(error)
            return
        if self._fault:
            self._log("%s: works again" % self.levels[0])
            self._fault = ""
        self._hand_on(values, event)

    def _hand_on(self, values, event):
        uptime = self._uptime()
        self.incomplete = None in values
        for i, value in enumerate(values):
            if isinstance(value, float) and not math.isfinite(value):
                self._failed(SensorError("%r is no value to publish" % value))
            elif value is not None:
                _, unit, decimals = self._quantities[i]
                # A state that is repeated has the number of its event.
                self._seqs[i] += event or not self.events
                seq = self._seqs[i] - 1
                self._report(Reading(self.levels[i], value, unit, decimals, uptime, seq, event))

    def _failed(self, error):
        fault = _told(error)
        if fault != self._fault:
            self._log("%s: %s" % (self.levels[0], fault))
            self._fault = fault


def _told(error):
    if isinstance(error, SensorError):
        return str(error)
    if isinstance(error, OSError):
        # The bus says a number only, and not the same on all ports.
        return "no answer on the bus (%r): check wiring, supply and address" % error
    if isinstance(error, asyncio.TimeoutError):
        return "no reading within %d s" % (READ_MS // 1000)
    return "its driver has a fault: %r" % error


def _shift_ms(interval_ms):
    # A fleet's boards may start together, but must not go on in step.
    spread = min(interval_ms, SPREAD_MS)
    return random.getrandbits(16) * spread // 65_536 - spread // 2
