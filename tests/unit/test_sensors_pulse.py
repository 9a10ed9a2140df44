# The pulse counter: what counts as a pulse, rates, and the total that is kept.

import sys
import time

from clock_kit import Clock

from raises import raises
from sensors import SensorError, pulse

if sys.implementation.name == "micropython":
    micropython = __import__("micropython")
    heap_lock, heap_unlock = micropython.heap_lock, micropython.heap_unlock
else:
    # There the heap can't be locked.
    heap_lock = heap_unlock = list


class Pin:
    # machine.Pin as an input with a pull-up.

    def __init__(self, level=1):
        self.level, self.trigger = level, 0
        # Called with the pin at each edge; None: there is no interrupt.
        self.handler = None

    def value(self):
        return self.level

    def irq(self, handler, trigger=3):
        # Both edges by default.
        self.handler, self.trigger = handler, trigger

    def move(self, level):
        self.level = level
        assert self.handler is not None
        self.handler(self)


class Store:
    def __init__(self, number=0):
        self.number, self.saves, self.fault = number, 0, None

    def load(self):
        return self.number

    def save(self, number):
        if self.fault:
            raise self.fault
        self.number, self.saves = number, self.saves + 1


class Meter:
    """A driver, and what is around it."""

    def __init__(self, level=1, kept=0, start=0, **options):
        self.pin, self.store, self.clock = Pin(level), Store(kept), Clock(start)
        pulse.time = self.clock
        self.driver = pulse.Driver(self.pin, store=self.store, **options)

    def read(self, after_ms=0):
        self.clock.now += after_ms
        try:
            self.driver.read().send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("it waits for something")

    def edges(self, *edges):
        """Plays (ms since the last one, level from then on)."""
        for ms, level in edges:
            self.clock.now += ms
            self.pin.move(level)

    def pulses(self, count, low_ms=50, high_ms=50):
        for _ in range(count):
            self.edges((high_ms, 0), (low_ms, 1))

    @property
    def total(self):
        return self.read()[1]


def test_nothing_is_touched_before_the_first_use():
    assert Meter().pin.handler is None
    meter = Meter()
    meter.driver.stop()
    assert meter.store.saves == 0


def test_starts_at_what_was_kept_without_a_rate():
    meter = Meter(kept=42)
    assert meter.read() == (None, 42)
    assert meter.pin.trigger == 3


def test_rate_and_total_in_units():
    meter = Meter(scale=0.2794, unit="mm", decimals=4)
    meter.read()
    meter.pulses(10)
    assert meter.read(60_000 - 1000) == (167.64, 2.794)
    assert meter.read(60_000) == (0, 2.794)
    meter = Meter(scale=0.5, unit="l", per="minute", decimals=1)
    meter.read()
    meter.pulses(3)
    assert meter.read(30_000 - 300) == (3, 1.5)
    names = [quantity[:3] for quantity in meter.driver.quantities]
    assert names == [("rate", "l/min", 1), ("total", "l", 1)]


def test_readings_too_near_repeat_the_rate():
    meter = Meter(per="minute")
    meter.read()
    meter.pulses(2)
    assert meter.read(59_800) == (2, 2)
    meter.pulses(1)
    assert meter.read(500) == (2, 3)
    # What came between counts for the next.
    assert meter.read(59_400) == (1, 3)


def test_bounces_are_no_pulses():
    meter = Meter(debounce_ms=10)
    meter.read()
    closing = ((100, 0), (1, 1), (2, 0), (0, 1), (1, 0))
    opening = ((100, 1), (1, 0), (9, 1), (3, 0), (1, 1))
    meter.edges(*closing)
    meter.edges(*opening)
    assert meter.total == 1
    meter.edges(*closing)
    meter.edges(*opening)
    assert meter.total == 2


def test_without_debounce_each_pulse_counts():
    meter = Meter(debounce_ms=0)
    meter.read()
    meter.pulses(5, 0, 0)
    assert meter.total == 5


def test_active_high():
    meter = Meter(0, active="high")
    meter.read()
    meter.edges((50, 1), (50, 0), (50, 1))
    assert meter.total == 2


def test_starts_within_a_pulse():
    meter = Meter(0)
    meter.read()
    meter.edges((50, 1))
    assert meter.total == 0
    meter.edges((50, 0))
    assert meter.total == 1


def test_late_interrupts_lose_no_pulse():
    # Both edges' handlers run behind a call that blocked: the level is idle again.
    meter = Meter()
    meter.read()
    for _ in range(3):
        meter.edges((300, 1), (0, 1))
    assert meter.total == 3


def test_a_pulse_after_weeks_of_quiet_counts():
    meter = Meter(start=5)
    meter.read()
    for days in (1, 7, 8, 30):
        meter.pulses(1, high_ms=days * 86_400_000)
    assert meter.total == 4


def test_the_interrupt_allocates_nothing():
    meter = Meter(debounce_ms=0)
    meter.read()
    pulse.time = time if hasattr(time, "ticks_ms") else meter.clock
    pin = meter.pin
    heap_lock()
    try:
        pin.move(0)
        pin.move(1)
    finally:
        heap_unlock()
    pulse.time = meter.clock
    assert meter.total == 1


def test_the_total_is_saved_seldom():
    meter = Meter(kept=5)
    meter.read()
    saved = []
    for _ in range(30):
        meter.pulses(1)
        meter.read(60_000 - 100)
        saved.append(meter.store.number)
    assert meter.store.saves == 6
    # The worst loss: what came in SAVE_MS and one interval.
    assert all(minute + 6 - number <= 6 for minute, number in enumerate(saved))
    saves = meter.store.saves
    meter.read(600_000)
    meter.read(600_000)
    assert meter.store.saves <= saves + 1 and meter.store.number == 35


def test_the_total_is_saved_before_a_reset():
    meter = Meter()
    meter.read()
    meter.pulses(3)
    meter.driver.stop()
    meter.driver.stop()
    assert (meter.store.number, meter.store.saves) == (3, 1)


def test_a_store_that_fails_is_told():
    meter = Meter()
    meter.read()
    meter.pulses(1)
    meter.store.fault = OSError(28)
    told = str(raises(SensorError, meter.read, pulse.SAVE_MS))
    assert "total not kept" in told
    assert meter.read()[1] == 1
    meter.store.fault = None
    assert meter.read(pulse.SAVE_MS)[1] == 1 and meter.store.number == 1


def test_the_total_wraps_as_a_meter_does():
    meter = Meter(kept=999_999_999)
    meter.read()
    meter.pulses(2)
    assert meter.total == 1
