"""Reads one sensor at its interval and hands on what came out."""

import asyncio
import math
import random
import time

from sensors import Range, SensorError

# Within how many ms a fleet's second readings are strewn around their interval, at most.
SPREAD_MS = 60_000
# What a driver has for a reading.
READ_MS = 10_000
# After so many faulty readings in a row a driver begins anew.
RESET_AFTER = 3


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
    """One sensor: `driver` is an instance, `module` where it is from (see sensors).

    `levels` are the topic levels of its quantities, `uptime` returns ms, `report` takes a Reading.
    `filters` has what becomes of its values (filters.Filters), None if they are published as read.
    """

    def __init__(
        self, driver, module, levels, interval_ms: int, uptime, report, log=print, filters=None
    ):
        self._driver = driver
        self._filters = filters
        # What is judged: as the driver has it, derived ones behind; and what is published.
        own = tuple(getattr(driver, "quantities", module.QUANTITIES))
        self._judged = self._quantities = own
        if filters:
            self._judged = own + tuple(filters.published[len(own) :])
            self._quantities = filters.over(own)
        # Ms from power-on until a reading can be good.
        self._ready_ms = getattr(module, "READY_MS", 0)
        self.levels = levels
        # Milliseconds from one reading to the next.
        self._interval_ms = interval_ms
        # True if the driver tells what happens: its first state then is an event too.
        self.events = hasattr(driver, "wait")
        self._uptime = uptime
        self._report = report
        self._log = log
        # The sequence number of the next reading, one for each quantity.
        self._seqs = [0] * len(levels)
        # What kind of fault was told last, '' after a good reading: each is told once.
        self._fault = ""
        # Faulty readings in a row, since the driver began anew.
        self._faulty = 0
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

    def stop(self):
        """Lets the driver save what it keeps, for a reset comes."""
        if not hasattr(self._driver, "stop"):
            return
        try:
            self._driver.stop()
        except Exception as error:
            self._failed(_told(error))

    async def run(self):
        """Reads at once, then at each interval: a late reading doesn't shift those after it."""
        await asyncio.sleep_ms(max(0, self._ready_ms - self._uptime()))
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
        """Hands on what happens, as it happens (drivers with wait())."""
        while True:
            try:
                self._hand_on(await self._driver.wait(), True)
            except Exception as error:
                self._failed(_told(error))
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
            self._begin_anew()
            values = await asyncio.wait_for_ms(self._driver.read(), READ_MS)
        except Exception as error:
            # Whatever it is: one sensor must not stop a node that nobody can reach then.
            self._faulty += 1
            self._failed(_told(error))
            return
        if not self._hand_on(values, event):
            self._faulty += 1
            return
        self._faulty = 0
        if self._fault:
            self._log("%s: works again" % self.levels[0])
            self._fault = ""

    def _begin_anew(self):
        if self._faulty >= RESET_AFTER:
            self._faulty = 0
            if hasattr(self._driver, "reset"):
                self._driver.reset()

    def _hand_on(self, values, event):
        # Returns True if all of it may be published; what may not hinders nothing else.
        uptime, unfit = self._uptime(), {}
        self.incomplete = None in values
        if self._filters:
            values = list(values) + self._filters.derived(values)
        for i, value in enumerate(values):
            try:
                made = self._made(i, value, uptime)
            except SensorError as error:
                unfit[self.levels[i]] = str(error)
                continue
            if made is not None:
                self._hand_on_one(i, made, uptime, event)
        if unfit:
            # Told once, though the values are others each time.
            kinds = sorted(unfit)
            self._failed("; ".join([unfit[kind] for kind in kinds]), ", ".join(kinds))
        return not unfit

    def _made(self, i, value, uptime):
        # Returns what is published of a value, None if nothing is. Raises SensorError.
        text = _unfit(value, self._judged[i])
        if text:
            raise SensorError(text)
        if value is None or not self._filters:
            return value
        return self._filters.put(i, value, uptime)

    def _hand_on_one(self, i, value, uptime, event):
        _, unit, decimals, _, _, _ = self._quantities[i]
        # A state that is repeated has the number of its event.
        self._seqs[i] += event or not self.events
        seq = self._seqs[i] - 1
        self._report(Reading(self.levels[i], value, unit, decimals, uptime, seq, event))

    def _failed(self, text, kind=None):
        if (kind or text) != self._fault:
            self._log("%s: %s" % (self.levels[0], text))
            self._fault = kind or text


def _unfit(value, quantity):
    # Returns what is wrong with a value, '' if it may be published.
    name, unit, _, lowest, highest, _ = quantity
    if isinstance(value, float) and not math.isfinite(value):
        return "%s %r is no value to publish" % (name, value)
    if value is None or lowest is None or value in Range(lowest, highest):
        return ""
    shown = "%s %s" % (value, unit) if unit else value
    return "%s %s is not in %s to %s: check the sensor" % (name, shown, lowest, highest)


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
