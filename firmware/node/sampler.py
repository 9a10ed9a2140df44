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
# The longest pause between attempts to read a sensor that has not answered yet, ms.
RETRY_MS = 60_000
# How often a clock that isn't set is looked at, ms.
LOOK_MS = 1_000
# A reading so shortly before its time is that time's, ms: the clock was set back a bit.
EARLY_MS = 2_000
# Of a sensor that comes and goes so many changes are told in a row, then one in so many ms.
LINES = 10
LINE_MS = 60_000


class Reading:
    """One value of one quantity."""

    def __init__(self, level, value, unit, decimals, uptime, seq, event, qos, retain):
        self.level = level
        self.value = value
        self.unit = unit
        self.decimals = decimals
        # When it was taken, in ms of the running time: the clock may not be set yet.
        self.uptime = uptime
        # Counts the readings of this quantity: a gap is a loss, a repeat a duplicate.
        self.seq = seq
        # True for what happened, False for what was measured.
        self.event = event
        # How it is published.
        self.qos = qos
        self.retain = retain


class Sampler:
    """One sensor: `driver` is an instance, `module` where it is from (see sensors).

    `levels` are the topic levels of its quantities, `report` takes a Reading. `filters` has what
    becomes of its values (filters.Filters), None if they are published as read. `line` is its I2C
    bus, for when that fails (hardware.Line), None for others.
    """

    def __init__(
        self,
        driver,
        module,
        levels,
        interval_ms: int,
        clock,
        report,
        log=print,
        filters=None,
        line=None,
    ):
        self._driver = driver
        self._filters = filters
        self._line = line
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
        self._clock = clock
        self._report = report
        self._log = log
        # The QoS of all that it publishes; None: 1 for events, 0 for the rest.
        self.qos = None
        # True if the broker keeps the last value of each topic.
        self.retain = False
        # True if readings are at multiples of the interval on the clock, once that is set.
        self.align = False
        # Called with its first level and why it is at fault, "" when it works again.
        self.on_fault = lambda sensor, text: None
        # The sequence number of the next reading, one for each quantity.
        self._seqs = [0] * len(levels)
        # What kind of fault was told last, '' after a good reading: each is told once.
        self._fault = ""
        # Running time that is used up by what was told: LINE_MS a change.
        self._spent = -LINES * LINE_MS
        # Faulty readings in a row, since the driver began anew; whether the last was the bus's.
        self._faulty = 0
        self._bus_failed = False
        # True from a good reading to the next that fails; a value out of range is no such failure.
        self._well = False
        # What is wrong with the bus itself, '' if nothing is known.
        self._bus_fault = ""
        # Attempts before the first answer; None from then on.
        self._tries = 0
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
        await asyncio.sleep_ms(max(0, self._ready_ms - self._clock.uptime()))
        due = time.ticks_ms()
        # The first state is an event too; the second reading comes at a time of the node's own.
        event, shift = self.events, _shift_ms(self._interval_ms)
        while True:
            await self._turn(event)
            due = time.ticks_add(due, self._pause(due, shift))
            event, shift = False, 0
            if time.ticks_diff(due, time.ticks_ms()) < 0:
                # Slower than its interval: from now on, not in a rush after what was missed.
                due = time.ticks_ms()
            due = await self._wait(due)

    async def run_events(self):
        """Hands on what happens, as it happens (drivers with wait())."""
        while True:
            try:
                self._hand_on(await self._driver.wait(), True)
            except Exception as error:
                self._failed(_told(error))
                await asyncio.sleep_ms(min(self._interval_ms, RETRY_MS))

    def _pause(self, due, shift):
        # Returns ms from one reading to the next.
        if self._tries is not None:
            self._tries += 1
            return retry_ms(self._interval_ms, self._tries) + shift
        now = self._clock.now() if self.align else None
        if now is None:
            return self._interval_ms + shift
        late = time.ticks_diff(time.ticks_ms(), due)
        pause = aligned_ms(self._interval_ms, now - late)
        # Slower than its interval, it goes on at a multiple all the same.
        return pause if pause >= late else late + aligned_ms(self._interval_ms, now)

    async def _wait(self, due):
        # Waits until `due` or until somebody wants a reading; returns its time in ticks.
        self._now.clear()
        while True:
            wait = max(0, time.ticks_diff(due, time.ticks_ms()))
            unset = self.align and self._tries is None and self._clock.now() is None
            try:
                await asyncio.wait_for_ms(self._now.wait(), min(wait, LOOK_MS) if unset else wait)
                return time.ticks_ms()
            except asyncio.TimeoutError:
                if not unset or wait <= LOOK_MS:
                    return due
            now = self._clock.now()
            if now is not None:
                # Set meanwhile: with an interval of a day that must not wait for the next one.
                due = time.ticks_add(time.ticks_ms(), aligned_ms(self._interval_ms, now))

    async def _turn(self, event):
        was_well = self._well
        await self._sample(event)
        if was_well and not self._well:
            # What lost its power since the last reading shows it by a fault; its driver sets it up
            # by the next one, which need not wait for an interval.
            await self._sample(event)

    async def _sample(self, event):
        try:
            self._begin_anew()
            if self._bus_fault and self._line.held():
                # Known already: each call would hold everybody up for its whole time-out.
                raise OSError
            values = await asyncio.wait_for_ms(self._driver.read(), READ_MS)
            self._tries, self._bus_failed, self._bus_fault = None, False, ""
            fit = self._hand_on(values, event)
        except Exception as error:
            # Whatever it is: one sensor must not stop a node that nobody can reach then.
            self._faulty += 1
            self._well = False
            self._bus_failed = isinstance(error, OSError)
            await self._failed_with(error)
            return
        if not fit:
            self._faulty += 1
            return
        self._faulty, self._well = 0, True
        if any(value is not None for value in values):
            # One that was set up anew and has no value yet may be as faulty as before.
            self._tell("", "works again")

    def _begin_anew(self):
        if self._faulty < RESET_AFTER:
            return
        self._faulty = 0
        if self._line and self._bus_failed:
            self._bus_fault = self._line.recover()
        if hasattr(self._driver, "reset"):
            self._driver.reset()

    async def _failed_with(self, error):
        kind = text = _told(error)
        if self._bus_failed and self._line:
            if self._bus_fault:
                kind = text = self._bus_fault
            elif self._tries == 0:
                # Once: who wired or addressed it wrongly wants to know what is there.
                text += "; " + await self._neighbours()
        self._failed(text, kind)

    async def _neighbours(self):
        # Whatever it is: see _sample().
        try:
            return await self._line.told()
        except Exception as error:
            return "no scan: %r" % error

    def _hand_on(self, values, event):
        # Returns True if all of it may be published; what may not hinders nothing else.
        uptime, unfit = self._clock.uptime(), {}
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
        qos = int(event) if self.qos is None else self.qos
        self._report(
            Reading(self.levels[i], value, unit, decimals, uptime, seq, event, qos, self.retain)
        )

    def _failed(self, text, kind=None):
        self._tell(kind or text, text)

    def _tell(self, fault, text):
        # `fault` is "" when it works again. What can't be told now is told with a later reading,
        # if it is still true then.
        if fault == self._fault or not self._may_tell():
            return
        self._fault = fault
        self._log("%s: %s" % (self.levels[0], text))
        self.on_fault(self.levels[0], text if fault else "")

    def _may_tell(self):
        now = self._clock.uptime()
        self._spent = max(self._spent, now - LINES * LINE_MS)
        if self._spent + LINE_MS > now:
            return False
        self._spent += LINE_MS
        return True


def retry_ms(interval_ms: int, tries: int) -> int:
    """Returns ms until the next attempt after so many that had no answer.

    The interval at first, then twice as long each time up to RETRY_MS, less a random eighth: a
    bus that hangs holds the others up with each attempt. An interval beyond it stays as it is.
    """
    pause = min(interval_ms << min(tries - 1, 10), RETRY_MS)
    if pause <= interval_ms:
        return interval_ms
    return pause - (random.getrandbits(16) * pause >> 19)


def aligned_ms(interval_ms: int, utc_ms: int) -> int:
    """Returns ms from a moment of the clock to the next multiple of the interval."""
    past = utc_ms % interval_ms
    if past > interval_ms - min(EARLY_MS, interval_ms // 2):
        past -= interval_ms
    return interval_ms - past


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
