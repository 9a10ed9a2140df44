"""machine.Timer, and interrupts that are held up."""

import threading
import time

import pytest

from vboard.clock import clock
from vm import told

pytestmark = pytest.mark.both

ATTEMPT = """
def attempt(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except ValueError as error:
        return str(error)
"""

TIMERS = """
import time
from machine import Timer
from attempt import attempt
def wait(condition):
    began = time.ticks_ms()
    while not condition():
        if time.ticks_diff(time.ticks_ms(), began) > 5000: raise OSError("too late")
        time.sleep_ms(1)
"""


@pytest.fixture
def run_timers(run):
    return lambda source: told(run(TIMERS + source, attempt=ATTEMPT)).splitlines()


def test_periodic_goes_on_until_it_is_stopped(run_timers):
    assert run_timers(
        "calls = []\n"
        "timer = Timer(0)\n"
        "began = time.ticks_us()\n"
        "timer.init(period=10, callback=calls.append)\n"
        "wait(lambda: len(calls) == 4)\n"
        "print(time.ticks_diff(time.ticks_us(), began) >= 40_000, calls[0] is timer)\n"
        "timer.deinit(); count = len(calls)\n"
        "time.sleep_ms(30); print(len(calls) == count, timer.value())\n"
    ) == ["True True", "True 0"]


def test_one_shot_comes_once_and_can_be_begun_anew_by_its_callback(run_timers):
    assert run_timers(
        "calls = []\n"
        "def again(timer):\n"
        "    calls.append(timer.value())\n"
        "    if len(calls) < 3: timer.init(mode=Timer.ONE_SHOT, period=5, callback=again)\n"
        "Timer(1, mode=Timer.ONE_SHOT, period=5, callback=again)\n"
        "wait(lambda: len(calls) == 3)\n"
        "time.sleep_ms(30); print(len(calls), calls[0] >= 5)\n"
    ) == ["3 True"]


@pytest.mark.parametrize(
    "setting", ["freq=200", "freq=200.0", "period=50, tick_hz=10_000", "period=7000, freq=200"]
)
def test_each_way_to_say_5_ms(run_timers, setting):
    assert run_timers(
        "calls = []\n"
        "began = time.ticks_us()\n"
        f"timer = Timer(-1, {setting}, callback=calls.append)\n"
        "wait(lambda: len(calls) >= 3); timer.deinit()\n"
        "print(15_000 <= time.ticks_diff(time.ticks_us(), began) < 1_000_000)\n"
    ) == ["True"]


def test_value_counts_ms(run_timers):
    assert run_timers(
        "timer = Timer(2)\nprint(timer.value())\n"
        "timer.init(period=100_000, callback=print)\n"
        "time.sleep_ms(20); first = timer.value(); time.sleep_ms(20)\n"
        "print(20 <= first < 2000, first + 20 <= timer.value() < 4000)\n"
    ) == ["0", "True True"]


def test_virtual_timers_are_many_and_hardware_timers_are_the_same_by_number(run_timers):
    assert run_timers(
        "a, b = [], []\n"
        "one = Timer(-1, period=5, callback=a.append)\n"
        "two = Timer(-1, period=5, callback=b.append)\n"
        "wait(lambda: len(a) > 1 and len(b) > 1); one.deinit()\n"
        "count, more = len(a), len(b)\n"
        "wait(lambda: len(b) > more + 1); print(len(a) == count, set(b) == {two})\n"
        "two.deinit()\n"
        "first = Timer(0, period=500, callback=a.append)\n"
        "Timer(0, period=5, callback=b.append); more = len(b)\n"
        "wait(lambda: len(b) > more + 1); print(first in a)\n"
    ) == ["True True", "False"]


def test_virtual_timers_are_numbered_anew_and_run_out(make_board):
    board = make_board(
        TIMERS + "calls = []\n"
        # One-shots that are over take up nothing.
        "for turn in range(252):\n"
        "    Timer(-1, mode=Timer.ONE_SHOT, freq=100_000, callback=calls.append)\n"
        "    if turn % 4 == 3: wait(lambda: len(calls) == turn + 1)\n"
        "print(len(set(calls)), calls[0].value())\n"
        "slow = Timer(-1, mode=Timer.ONE_SHOT, period=3, callback=calls.append)\n"
        "wait(lambda: slow in calls); print(slow.value()); slow.deinit(); print(slow.value())\n"
        "timers = [Timer(-1, period=100_000) for _ in range(240)]\n"
        "try: Timer(-1, period=100_000)\n"
        "except OSError as error: print(error.args[0])\n"
        "timers[7].deinit(); Timer(-1, period=100_000)\n",
        attempt=ATTEMPT,
    )
    # In Python they are larger than the chip's.
    board.heap = 1 << 20
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == ["252 0", "3", "0", "12"]


def test_what_a_timer_refuses(run_timers):
    short = "Timer period is too short for this timer"
    assert run_timers(
        "print(attempt(Timer, 4))\n"
        "for wrong in ({'period': 0}, {'freq': 0}, {'freq': -1}, {'freq': 2e6}):\n"
        "    print(attempt(Timer, 0, callback=print, **wrong))\n"
        "print(attempt(Timer, 0, period=5, callback=print, hard=True))\n"
        "time.sleep_ms(20)\n"
    ) == [
        "Timer(4) doesn't exist, there are only 4 hardware timers",
        *[short] * 4,
        "hard Timers are not implemented",
    ]


def test_a_smaller_chip_has_fewer(make_board):
    board = make_board(
        "from machine import Timer\nTimer(1)\nTimer(2)\n", profile="esp32_c3", attempt=ATTEMPT
    )
    board.power_on()
    board.wait_state("repl")
    assert "Timer(2) doesn't exist, there are only 2 hardware timers" in board.console


# In MicroPython callbacks come in the middle of plain Python.
@pytest.mark.emulated
def test_what_a_busy_program_misses_is_lost(run_timers):
    assert run_timers(
        "calls = []\n"
        "timer = Timer(0, freq=1_000_000, callback=calls.append)\n"
        # Busy without ever coming by an interrupt.
        "until = 0\n"
        "for _ in range(1_500_000): until += 1\n"
        "timer.deinit()\n"
        "time.sleep_ms(5); print(len(calls) <= 9)\n"
        # And it didn't die of it.
        "timer.init(period=2, callback=calls.append); count = len(calls)\n"
        "wait(lambda: len(calls) > count + 20); print('goes on')\n"
    ) == ["True", "goes on"]


def test_error_in_a_callback_is_told(run_timers):
    lines = run_timers(
        "def wrong(timer): raise ValueError('in the callback')\n"
        "timer = Timer(0, mode=Timer.ONE_SHOT, period=2, callback=wrong)\n"
        "none = Timer(1, mode=Timer.ONE_SHOT, period=20)\n"
        "time.sleep_ms(100); print('goes on')\n"
    )
    assert lines[0] == "Unhandled exception in callback"
    assert "ValueError: in the callback" in lines
    assert any(line.startswith("TypeError: 'NoneType' object ") for line in lines)
    assert lines[-1] == "goes on"


@pytest.mark.parametrize("reset", ["soft_reset()", "reset()", "deepsleep(1)"])
def test_a_reset_stops_it(make_board, reset):
    board = make_board(
        TIMERS + "import machine\n"
        "from machine import Timer\n"
        "if machine.reset_cause() == 1:\n"
        "    Timer(0, period=2, callback=lambda timer: print('tick'))\n"
        "    time.sleep_ms(20)\n"
        f"    machine.{reset}\n"
        "print('again'); time.sleep_ms(50)\n",
        attempt=ATTEMPT,
    )
    board.power_on()
    board.wait_console("again")
    board.wait_state("repl")
    lines = told(board).splitlines()
    assert "tick" in lines and lines[-1] == "again"


def test_power_off_stops_it(make_board):
    source = TIMERS + "Timer(0, period=2, callback=print)\ntime.sleep(100)\n"
    board = make_board(source, attempt=ATTEMPT)
    board.power_on()
    board.wait_console("Timer")
    board.power_off()
    assert board.hardware.timers._timers == {} and board.hardware.timers._waiting == 0


def test_interrupts_are_held_up_each_once(make_board):
    board = make_board(
        TIMERS + "import machine\nfrom machine import Pin\n"
        "edges, calls = [], []\n"
        "Pin(4, Pin.IN).irq(edges.append)\n"
        "timer = Timer(0)\n"
        "state = machine.disable_irq(); print(state, machine.disable_irq())\n"
        "print('held'); wait(Pin(5).value)\n"
        "timer.init(period=2, callback=calls.append); time.sleep_ms(50)\n"
        "print(len(edges), len(calls)); machine.enable_irq(1); print(len(edges), len(calls))\n"
        "machine.enable_irq(state); print(len(edges), len(calls))\n"
        # Those that were merged count as taken.
        "wait(lambda: len(calls) > 20); print('goes on')\n",
        attempt=ATTEMPT,
    )
    board.power_on()
    board.wait_console("held")
    for level in (1, 0, 1):
        board.hardware.pins[4].drive(level)
    board.hardware.pins[5].drive(1)
    board.wait_state("repl")
    assert told(board).splitlines() == ["0 1", "held", "0 0", "0 0", "1 1", "goes on"]


def test_an_error_in_a_held_up_handler_is_told(make_board):
    board = make_board(
        TIMERS + "import machine\n"
        "def wrong(timer): raise ValueError('held up')\n"
        "state = machine.disable_irq()\n"
        "Timer(0, mode=Timer.ONE_SHOT, period=2, callback=wrong); time.sleep_ms(30)\n"
        "print('before'); machine.enable_irq(state); print('after')\n",
        attempt=ATTEMPT,
    )
    board.power_on()
    board.wait_state("repl")
    lines = told(board).splitlines()
    assert lines[0] == "before" and lines[-2:] == ["ValueError: held up", "after"]


# Where the virtual board's interrupts wait is in its MicroPython.
@pytest.mark.emulated
def test_timers_of_an_ended_program_ask_no_more_than_can_wait(make_board):
    board = make_board(
        TIMERS + "Timer(0, period=1, callback=lambda timer: None)\n", attempt=ATTEMPT
    )
    board.power_on()
    board.wait_state("repl")
    end = time.monotonic() + 10
    while len(board._running._interrupts) < 8 and time.monotonic() < end:
        time.sleep(0.001)
    # Time for some more.
    later = threading.Event()
    clock.call_later(0.02, later.set)
    assert later.wait(5)
    assert len(board._running._interrupts) == 8
