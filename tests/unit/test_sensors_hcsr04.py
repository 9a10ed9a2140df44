# HC-SR04: what is asked, what becomes of the answers.

from clock_kit import Clock

from raises import raises
from sensors import SensorError, hcsr04


class Line:
    # machine.Pin; `levels` are read one by one, then 0.
    def __init__(self):
        self.written, self.levels = [], []

    def value(self, level=None):
        if level is None:
            return self.levels.pop(0) if self.levels else 0
        self.written.append(level)


class Ticks(Clock):
    def sleep_us(self, us):
        assert us == 10


class Pins:
    def __init__(self, *answers):
        self.trigger, self.echo = Line(), Line()
        self.answers = list(answers)

    def pulse_us(self, timeout_us):
        assert timeout_us <= 1000 * hcsr04.BLOCKS_MS
        return self.answers.pop(0)


def read(pins, **options):
    clock = hcsr04.time = hcsr04.asyncio = Ticks()
    try:
        hcsr04.Driver(pins, **options).read().send(None)
    except StopIteration as end:
        return end.value[0], clock.now
    raise AssertionError("it waits for something else")


def fault(part, pins, **options):
    told = str(raises(SensorError, read, pins, **options))
    assert part in told, told


def test_distances():
    for us, celsius, centimetres in ((5824, 20.0, 100.0), (117, 20.0, 2.0), (6037, 0, 100.0)):
        assert read(Pins(us), samples=1, celsius=celsius)[0] == centimetres


def test_the_middle_of_its_pings_counts():
    pins = Pins(5824, -1, 900, 5830, 5818)
    found, took_ms = read(pins, samples=5)
    assert found == 99.9 and took_ms >= 5 * 59
    assert pins.trigger.written == [1, 0] * 5


def test_what_is_no_answer():
    fault("check trigger, echo", Pins(-2, -2, -2))
    fault("nothing within 4 m", Pins(-1, -1, 5824))
    assert read(Pins(-1, 5824, 5824))[0] == 100.0


def test_it_waits_for_the_end_of_the_last_echo():
    pins = Pins(5824)
    pins.echo.levels = [1] * 10
    found, took_ms = read(pins, samples=1)
    assert found == 100.0 and took_ms >= 10 * 4
    pins = Pins(5824)
    pins.echo.levels = [1] * 1000
    fault("stays high", pins)
    assert pins.trigger.written == []
