# The digital input: debounce on a clock of the test's own.

from sensors import Range, digital


class Pin:
    # machine.Pin as an input; `play` holds the edges to come: (ms, level).

    def __init__(self, level=0):
        self.level, self.handler, self.trigger = level, None, None
        self.play = []

    def value(self):
        return self.level

    def irq(self, handler, trigger=3):
        # Both edges by default.
        self.handler, self.trigger = handler, trigger

    def move(self, level):
        changed = level != self.level
        self.level = level
        if changed and self.handler:
            self.handler(self)


class Idle(Exception):
    # Nothing will happen any more: the coroutine waits for ever.
    pass


class Flag:
    def __init__(self):
        self.state = False

    def set(self):
        self.state = True

    async def wait(self):
        while not self.state:
            Time.current.next_edge()
        self.state = False


class Time:
    # In place of asyncio: sleeping plays the pin's edges.
    current: "Time"
    ThreadSafeFlag = Flag

    def __init__(self, pin):
        self.pin, self.now = pin, 0
        Time.current = self

    def next_edge(self):
        if not self.pin.play:
            raise Idle
        self.now, level = self.pin.play.pop(0)
        self.pin.move(level)

    async def sleep_ms(self, ms):
        end = self.now + ms
        while self.pin.play and self.pin.play[0][0] < end:
            self.next_edge()
        self.now = end


def made(level=0, **options):
    pin = Pin(level)
    digital.asyncio = Time(pin)
    return pin, digital.Driver(pin, **options)


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    except Idle:
        return None


def test_nothing_is_touched_before_the_first_use():
    pin, _ = made()
    assert pin.handler is None


def test_reads_the_state_at_start():
    assert run(made(0)[1].read()) == ("off",)
    assert run(made(1)[1].read()) == ("on",)


def test_words_follow_the_device_class():
    for device_class, words in digital.STATES.items():
        for level in (0, 1):
            assert run(made(level, device_class=device_class)[1].read()) == (words[level],)


def test_invert_swaps_the_words():
    assert run(made(0, device_class="door", invert=True)[1].read()) == ("open",)
    assert run(made(1, device_class="door", invert=True)[1].read()) == ("closed",)


def test_listens_to_both_edges():
    pin, driver = made()
    run(driver.read())
    assert pin.trigger == 3


def test_a_change_is_an_event_after_the_debounce_time():
    pin, driver = made(device_class="door")
    pin.play = [(100, 1)]
    assert run(driver.wait()) == ("open",)
    assert Time.current.now == 150
    assert run(driver.read()) == ("open",)


def test_bounces_make_one_event():
    pin, driver = made()
    pin.play = [(100, 1), (101, 0), (103, 1), (104, 0), (105, 1)]
    assert run(driver.wait()) == ("on",)
    # Five ms of bouncing cost another debounce time, not an event.
    assert Time.current.now == 200
    assert run(driver.wait()) is None


def test_a_pulse_shorter_than_the_debounce_time_is_none():
    pin, driver = made()
    pin.play = [(100, 1), (149, 0)]
    assert run(driver.wait()) is None
    assert run(driver.read()) == ("off",)


def test_a_pulse_longer_than_the_debounce_time_makes_two_events():
    pin, driver = made()
    pin.play = [(100, 1), (160, 0)]
    assert run(driver.wait()) == ("on",)
    assert run(driver.wait()) == ("off",)
    assert run(driver.wait()) is None


def test_without_debounce_each_level_counts():
    pin, driver = made(debounce_ms=0)
    pin.play = [(100, 1), (101, 0), (102, 1)]
    assert [run(driver.wait()) for _ in range(4)] == [("on",), ("off",), ("on",), None]


def test_heartbeat_tells_the_state_that_counts_while_it_bounces():
    pin, driver = made()
    run(driver.read())
    pin.move(1)
    assert run(driver.read()) == ("off",)
    assert run(driver.wait()) == ("on",)
    assert run(driver.read()) == ("on",)


def test_a_lost_edge_is_found_by_the_heartbeat():
    pin, driver = made()
    run(driver.read())
    pin.level = 1  # no interrupt
    assert run(driver.read()) == ("off",)
    assert run(driver.wait()) == ("on",)


def test_a_lost_edge_is_found_by_the_next_wait():
    pin, driver = made()
    run(driver.read())
    pin.level = 1  # its edge went to a wait() that was cancelled
    assert run(driver.wait()) == ("on",)


def test_the_state_at_start_is_no_event():
    assert run(made(1)[1].wait()) is None


def test_declares_what_it_delivers():
    assert digital.BUS == "pin" and len(digital.QUANTITIES) == 1
    for default, allowed in digital.OPTIONS.values():
        assert default in allowed


def test_range_takes_numbers_only():
    allowed = Range(0, 1000)
    for value in (0, 0.5, 1000):
        assert value in allowed
    for value in (-1, 1001, float("nan"), "5", None, True, [1]):
        assert value not in allowed
    assert str(allowed) == "0 to 1000"
