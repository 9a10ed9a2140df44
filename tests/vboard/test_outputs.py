"""PWM, signals, bit streams and pulses at the pins."""

import itertools
import threading

import pytest

from vboard.clock import clock
from vboard.peripherals.pins import PinLine
from vm import told

pytestmark = pytest.mark.both

ATTEMPT = """
def attempt(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except OSError as error:
        return error.args
    except (RuntimeError, TypeError, ValueError) as error:
        return str(error)
"""

PWM = "from machine import PWM, Pin\nfrom attempt import attempt\n"


# What the constructor is told -> Hz, duty of 65536, duty(), duty_ns().
SETTINGS = {
    "": (5000, 32768, 512, 100_000),
    "freq=1000, duty_u16=16384": (1000, 16384, 256, 250_000),
    "freq=50, duty_ns=1_500_000": (50, 4915, 76, 1_499_939),
    "freq=100, duty=1023": (100, 65536, 1023, 10_000_000),
    "freq=100, duty_u16=65535": (100, 65536, 1023, 10_000_000),
    "freq=100, duty=0": (100, 0, 0, 0),
    "freq=100, duty_u16=1000, duty=0": (100, 1000, 15, 152_588),
}
# GPIOs for them, one each.
FREE = (0, 2, 4, 5, 12, 13, 14)


def test_pwm(run):
    board = run(
        PWM
        + "def tell(out): print(out.freq(), out.duty_u16(), out.duty(), out.duty_ns())\n"
        + "".join(f"tell(PWM({n}, {said}))\n" for n, said in zip(FREE, SETTINGS, strict=True)),
        attempt=ATTEMPT,
    )
    assert told(board).splitlines() == [
        f"{freq} {min(duty, 65535)} {u10} {ns}" for freq, duty, u10, ns in SETTINGS.values()
    ]
    seen = [board.hardware.pins[number].pwm for number in FREE]
    assert [(pwm.freq, pwm.duty) for pwm in seen] == [s[:2] for s in SETTINGS.values()]


def test_pwm_changes_on_its_way(run):
    board = run(
        PWM + "out = PWM(15, freq=50, duty_ns=1_000_000)\n"
        "out.freq(100); print(out.duty_u16())\n"
        "out.duty_u16(0x4000); out.freq(1000); print(out.duty_u16())\n"
        "out.duty(512); out.init(invert=True); print(out.duty(), out.freq())\n"
        "out.duty_ns(100_000); print(out.duty_u16())\n"
        "PWM(2, freq=1000); Pin(2, Pin.OUT)\n",
        attempt=ATTEMPT,
    )
    assert told(board).splitlines() == ["6554", "16384", "512 1000", "6554"]
    assert board.hardware.pins[15].pwm.invert
    # A pin that is set up as a plain one puts nothing out any more.
    assert board.hardware.pins[2].pwm is None


def test_what_pwm_refuses(run):
    board = run(
        PWM + "print(attempt(PWM, 99)); print(attempt(PWM, 34)); print(attempt(PWM, 15, freq=0))\n"
        "print(attempt(PWM, 15, freq=40_000_001)); out = PWM(15, freq=1000)\n"
        "for call, value in ((out.duty, 1024), (out.duty_u16, 65536), (out.duty_u16, -1),\n"
        "        (out.duty_ns, 1_000_001), (out.freq, 0)):\n"
        "    print(attempt(call, value))\n"
        "print(out.freq(), out.duty_u16())\n"
        "out.deinit()\n"
        "for call in (out.freq, out.duty, out.duty_u16, out.duty_ns): print(attempt(call))\n"
        "print(attempt(out.duty, 5)); out.init(freq=7); print(out.freq())\n",
        attempt=ATTEMPT,
    )
    wrong_freq = "frequency must be from 1Hz to 40MHz"
    assert told(board).splitlines() == [
        "invalid pin",
        "(-258, 'ESP_ERR_INVALID_ARG')",
        wrong_freq,
        wrong_freq,
        "duty must be from 0 to 1023",
        *["duty_u16 must be from 0 to 65535"] * 2,
        "duty_ns must be from 0 to 1000000",
        wrong_freq,
        "1000 32768",
        *["PWM is inactive"] * 5,
        "7",
    ]


def test_channels_and_frequencies_run_out(make_board):
    board = make_board(
        PWM + "outs = [PWM(pin, freq=1000) for pin in (0, 1, 2, 3, 4, 5)]\n"
        "print(attempt(PWM, 6, freq=1000)); outs[5].deinit()\n"
        "for n in range(3): outs[n].freq(100 + n)\n"
        "print(attempt(outs[4].freq, 500)); outs[4].freq(100); print(outs[4].freq())\n",
        profile="esp32_c3",
        attempt=ATTEMPT,
    )
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == [
        "out of PWM channels:6",
        # Five pins at 100, 101, 102, 1000, 500: the chip has four clocks.
        "out of PWM timers:4",
        "100",
    ]


@pytest.mark.parametrize("reset", ["soft_reset", "reset"])
def test_a_reset_ends_pwm(make_board, reset):
    board = make_board(
        PWM + "import machine\n"
        f"if machine.reset_cause() == 1: PWM(15); machine.{reset}()\nprint('again')\n",
        attempt=ATTEMPT,
    )
    board.power_on()
    board.wait_console("again")
    assert board.hardware.pins[15].pwm is None


def test_level_of_a_pwm_pin_has_the_duty_s_share(run, monkeypatch):
    board = run(PWM + "PWM(15, freq=100, duty_u16=0x4000)\n", attempt=ATTEMPT)
    pin, moments = board.hardware.pins[15], itertools.count(100, 0.001)
    monkeypatch.setattr(clock, "now", lambda: next(moments))
    assert sum(pin.level for _ in range(1000)) == pytest.approx(250, abs=60)
    pin.pwm.invert = True
    assert sum(pin.level for _ in range(1000)) == pytest.approx(750, abs=60)


def test_signal(run):
    board = run(
        "from machine import Pin, Signal\n"
        "plain, low = Signal(Pin(4, Pin.OUT)), Signal(Pin(5, Pin.OUT), invert=True)\n"
        "for signal in (plain, low):\n"
        "    signal.on(); print(signal.value(), signal())\n"
        "    signal.off(); print(signal.value(), signal())\n"
        "    signal(7); print(signal()); signal.value(0); print(signal())\n"
        "made = Signal(13, Pin.OUT, value=1, invert=True); print(made(), Pin(13)())\n"
        "print(Signal(14, Pin.IN, Pin.PULL_UP, invert=True)())\n"
        "low.on(); plain.on()\n"
        "try: Signal(Pin(4), True)\n"
        "except TypeError: print('by keyword')\n"
    )
    assert told(board).split() == "1 1 0 0 1 0 1 1 0 0 1 0 1 0 0 by keyword".split()
    assert [board.hardware.pins[n].level for n in (4, 5)] == [1, 0]


def test_strip_of_leds(run):
    board = run(
        "from machine import Pin\nfrom neopixel import NeoPixel\n"
        "strip = NeoPixel(Pin(18), 3); print(len(strip), strip[0])\n"
        "strip.fill((1, 2, 3)); strip[1] = (255, 128, 0); print(strip[1], strip[2])\n"
        "strip.write(); strip[0] = (9, 9, 9)\n"
        "white = NeoPixel(Pin(19), 1, bpp=4, timing=0); white[0] = (1, 2, 3, 4); white.write()\n"
        "own = NeoPixel(Pin(21), 1, timing=(1, 2, 3, 4)); own.write()\n"
        "try: strip[3] = (1, 1, 1)\nexcept IndexError: print('only 3')\n"
    )
    assert told(board).splitlines() == ["3 (0, 0, 0)", "(255, 128, 0) (1, 2, 3)", "only 3"]
    pins = board.hardware.pins
    # Green, red, blue; what wasn't written isn't there.
    assert pins[18].stream == ((400, 850, 800, 450), bytes((2, 1, 3, 128, 255, 0, 2, 1, 3)))
    assert pins[19].stream == ((800, 1700, 1600, 900), bytes((2, 1, 3, 4)))
    assert pins[21].stream == ((1, 2, 3, 4), bytes(3))
    # The LEDs have their own supply, but it comes with the board's.
    board.press_reset()
    board.wait_state("repl")
    assert pins[18].stream
    board.power_off()
    board.write_files({"main.py": ""})
    board.power_on()
    assert pins[18].stream is None


def test_what_bitstream_refuses(run):
    board = run(
        "from machine import Pin, bitstream\nfrom attempt import attempt\n"
        "print(attempt(bitstream, Pin(34), 0, (1, 2, 3, 4), b'x'))\n"
        "print(attempt(bitstream, 99, 0, (1, 2, 3, 4), b'x'))\n"
        "print(attempt(bitstream, Pin(4), 1, (1, 2, 3, 4), b'x'))\n"
        "print(attempt(bitstream, Pin(4), 0, (1, 2, 3), b'x'))\n",
        attempt=ATTEMPT,
    )
    assert told(board).splitlines() == [
        "(-258, 'ESP_ERR_INVALID_ARG')",
        "invalid pin",
        "encoding",
        "requested length 4 but object has length 3",
    ]
    assert board.hardware.pins[4].stream is None


# -- pulses


class Clock:
    """The clock of the pins, moved by hand."""

    def __init__(self, monkeypatch):
        self.time = 100.0
        monkeypatch.setattr(clock, "now", lambda: self.time)


@pytest.fixture
def played(monkeypatch):
    """Returns played(level, changes, asked, timeout_us, start): a pulse of a pin measured.

    `changes` are (ms, level) from 0 on, `asked` is the ms at which the program asks.
    """

    def played(level, changes, asked, timeout_us=10_000, start=0):
        time, pin = Clock(monkeypatch), PinLine(4, lambda kind, number: None)
        for ms, to in changes:
            time.time = 100.0 + ms / 1000
            pin.drive(to)
        time.time = 100.0 + asked / 1000
        return pin.pulse_us(level, 100.0 + start / 1000, timeout_us)

    return played


@pytest.mark.parametrize(
    "level, changes, asked, us",
    [
        # Low at first: waits for the high one and times that.
        (1, [(2, 1), (5, 0)], 6, 3000),
        (1, [(2, 1), (5, 0), (6, 1), (7, 0)], 8, 3000),
        # High already: timed from the start on.
        (0, [(2, 1)], 3, 2000),
        (1, [(-1, 1), (4, 0)], 5, 4000),
        (1, [(-2, 1), (-1, 0), (3, 1), (4, 0)], 5, 1000),
        # Nothing yet.
        (1, [], 9, None),
        (1, [(2, 1)], 11, None),
        # Too late, or in time though it is asked for late.
        (1, [], 11, -2),
        (1, [(11, 1), (12, 0)], 13, -2),
        (1, [(2, 1)], 13, -1),
        (1, [(2, 1), (13, 0)], 14, -1),
        (1, [(9, 1), (18, 0)], 50, 9000),
    ],
)
def test_pulse_is_timed_by_its_edges(played, level, changes, asked, us):
    assert played(level, changes, asked) == us


def test_time_pulse_us(make_board):
    board = make_board(
        "from machine import Pin, time_pulse_us\n"
        "pin = Pin(4, Pin.IN)\nprint(time_pulse_us(pin, 1, 2000), time_pulse_us(pin, 0, 2000))\n"
        "print('armed'); print('pulse', 5_000 <= time_pulse_us(pin, 1) < 500_000)\n"
    )
    board.power_on()
    board.wait_console("armed")
    pin, over = board.hardware.pins[4], threading.Event()
    pin.drive(1)
    clock.call_later(0.01, lambda: (pin.drive(0), over.set()))
    assert over.wait(5)
    board.wait_console("pulse True")
    assert board.console.startswith("-2 -1\n")


def test_a_pulse_that_is_waited_for_can_be_halted(make_board):
    board = make_board(
        "from machine import Pin, time_pulse_us\nprint('waits')\n"
        "time_pulse_us(Pin(4, Pin.IN), 1, 60_000_000)\n"
    )
    board.power_on()
    board.wait_console("waits")
    board.power_off()
    assert board.state == "off"
