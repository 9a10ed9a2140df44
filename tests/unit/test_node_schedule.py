# When a sensor is read: at its interval, on the clock, in growing pauses while it never answered.

from sampler_kit import GOOD, Bench, Driver

from node import sampler


def test_pauses_grow_until_a_sensor_answers():
    pauses = [sampler.retry_ms(100, i) for i in range(1, 15)]
    assert pauses[0] == 100
    for i in range(1, 10):
        whole = 100 << i
        assert whole * 7 // 8 <= pauses[i] <= whole, (i, pauses[i])
    assert all(52_500 <= pause <= 60_000 for pause in pauses[10:])
    assert [sampler.retry_ms(60_000, i) for i in (1, 2, 99)] == [60_000] * 3
    assert sampler.retry_ms(86_400_000, 50) == 86_400_000


def test_a_sensor_that_has_answered_is_read_at_its_interval():
    bench = Bench(Driver(OSError(19), OSError(19), GOOD, OSError(19), OSError(19)))
    pauses = []
    for _ in range(5):
        bench.sample()
        pauses.append(bench.sampler._pause(0, 0))
    assert pauses[0] == 1000 and 1750 <= pauses[1] <= 2000
    assert pauses[2:] == [1000, 1000, 1000]


def test_a_fleet_without_sensors_goes_on_out_of_step():
    bench = Bench(Driver(OSError(19)))
    bench.sample()
    assert bench.sampler._pause(0, -400) == 600


def test_a_value_out_of_range_is_an_answer():
    bench = Bench(Driver((130.0,) + GOOD[1:]))
    bench.sample()
    assert bench.sampler._pause(0, 7) == 1007


DAY = 86_400_000
# 2026-06-01, 18:00 UTC.
EVENING = 1_780_336_800_000


def test_readings_are_aligned_to_the_clock():
    for interval, utc, wait in (
        (60_000, EVENING, 60_000),
        (60_000, EVENING + 1, 59_999),
        (60_000, EVENING + 30_000, 30_000),
        (DAY, EVENING, DAY // 4),
        (3_600_000, EVENING - 60_000, 60_000),
        # Woken a bit early: it was that time's reading.
        (60_000, EVENING - 5, 60_005),
        (60_000, EVENING - 2_500, 2_500),
        (100, EVENING + 49, 51),
        (100, EVENING - 49, 149),
    ):
        assert sampler.aligned_ms(interval, utc) == wait, (interval, utc)


class Ticks:
    # In place of time.

    def __init__(self, bench):
        self.bench = bench

    def ticks_ms(self):
        return self.bench.now

    @staticmethod
    def ticks_add(ticks, ms):
        return ticks + ms

    @staticmethod
    def ticks_diff(end, start):
        return end - start


class Waiting:
    # In place of asyncio: waits run out at once, the bench's clock goes on meanwhile.
    TimeoutError = RuntimeError

    class Event:
        def clear(self):
            pass

        def wait(self):
            pass

    def __init__(self, bench):
        self.bench = bench
        # The ms of each wait.
        self.waits = []

    async def wait_for_ms(self, awaitable, ms):
        self.waits.append(ms)
        self.bench.now += ms
        raise self.TimeoutError


def waited(bench, due):
    """Returns (when the next reading is, the waits until then)."""
    sampler.time = Ticks(bench)
    sampler.asyncio = waiting = Waiting(bench)
    bench.sampler._now = Waiting.Event()
    try:
        bench.sampler._wait(due).send(None)
    except StopIteration as end:
        return end.value, waiting.waits
    raise AssertionError("it waits for something else")


def test_a_clock_that_is_set_late_aligns_at_once():
    bench = Bench(Driver(GOOD))
    bench.sampler.align = True
    bench.sampler._interval_ms = DAY
    bench.sample()
    # Set after 3 s.
    bench.utc = lambda: EVENING + bench.now if bench.now >= 3005 else None
    due, waits = waited(bench, bench.now + DAY)
    assert due == DAY // 4 and waits[:3] == [1000] * 3 and len(waits) == 4


def test_what_is_not_aligned_looks_at_no_clock():
    bench = Bench(Driver(GOOD))
    bench.sample()
    assert waited(bench, 5005) == (5005, [5000])
    assert waited(bench, 17) == (17, [0])


def aligned():
    """Returns a bench whose sampler was aligned to each 10 s, and has read once."""
    bench = Bench(Driver(GOOD))
    bench.sampler.align = True
    bench.sampler._interval_ms = 10_000
    bench.utc = lambda: EVENING + bench.now
    sampler.time = Ticks(bench)
    bench.sample()
    return bench


def test_aligned_readings_go_on_at_multiples():
    bench = aligned()
    # Started at 5 ms, read until 1405 ms.
    bench.now = 1405
    assert bench.sampler._pause(5, 123) == 9_995
    # The clock was set a second forward during the next one.
    bench.utc = lambda: EVENING + bench.now + 1000
    bench.now = 10_050
    assert bench.sampler._pause(10_000, 0) == 9_000


def test_one_slower_than_its_interval_goes_on_at_a_multiple():
    bench = aligned()
    for now, pause in ((9_999, 10_000), (10_000, 10_000), (12_500, 20_000), (37_000, 40_000)):
        bench.now = now
        assert bench.sampler._pause(0, 0) == pause, now
