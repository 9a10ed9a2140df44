"""Power, resets and sleep: what each does, and what outlives it."""

import threading
import time

import pytest

from vboard.clock import clock
from vm import told

pytestmark = pytest.mark.both

TELL = """
import machine, time
from esp32 import NVS
rtc, nvs = machine.RTC(), NVS("test")
def stored(key):
    try:
        return nvs.get_i32(key)
    except OSError:
        return None
def tell():
    print("cause", machine.reset_cause(), "wake", machine.wake_reason())
    print("memory", rtc.memory(), "year", time.gmtime()[0])
    print("kept", stored("kept"), "lost", stored("lost"))
"""

SETS = """
import machine, time
from tell import nvs, rtc, stored, tell
tell()
print("ticks", time.ticks_ms())
if machine.reset_cause() == 1 and not stored("kept"):
    rtc.memory(b"notes")
    rtc.datetime((2026, 5, 6, 2, 7, 8, 9, 0))
    nvs.set_i32("kept", 7)
    nvs.commit()
    nvs.set_i32("lost", 8)
    time.sleep_ms(30)
    print("set")
    ACTION
"""

AGAIN = {
    # What is done: (reset cause, wake reason, RTC memory, year, ticks go on).
    "machine.reset()": (2, 0, b"notes", 2026, False),
    "machine.soft_reset()": (5, 0, b"notes", 2026, True),
    "import sys; sys.exit()": (5, 0, b"notes", 2026, True),
    "machine.deepsleep(1)": (4, 4, b"notes", 2026, False),
    "machine.WDT(timeout=1)": (3, 0, b"notes", 2026, False),
}


@pytest.mark.parametrize("action", AGAIN)
def test_reset_tells_its_cause_and_keeps_what_the_chip_keeps(make_board, kind, action):
    cause, wake, memory, year, ticks_go_on = AGAIN[action]
    board = make_board(SETS.replace("ACTION", action), tell=TELL)
    board.power_on()
    board.wait_console(f"cause {cause} wake {wake}")
    board.wait_console(f"memory {memory} year {year}")
    board.wait_console("kept 7 lost None")
    board.wait_state("repl")
    assert board.boots == [1, cause]
    ticks = int(told(board).split()[-1])
    # A virtual board's ticks are its host's.
    assert kind == "virtual" or (ticks >= 30 if ticks_go_on else ticks < 30)


@pytest.mark.parametrize("how", ["power", "reset button"])
def test_power_on_and_reset_button_clear_the_rtc_but_no_flash(make_board, how):
    board = make_board(SETS.replace("ACTION", "pass"), tell=TELL)
    board.power_on()
    board.wait_state("repl")
    since = board.mark()
    if how == "power":
        board.power_off()
        board.power_on()
    else:
        board.press_reset()
    board.wait_console("cause 1 wake 0", since=since)
    board.wait_console("memory b'' year 2000", since=since)
    board.wait_console("kept 7 lost None", since=since)
    assert board.boots == ([1] if how == "power" else [1, 1])


def test_flash_and_nvs_outlive_the_board(make_board, new_board):
    board = make_board(SETS.replace("ACTION", "pass"), tell=TELL)
    board.power_on()
    board.wait_state("repl")
    board.close()
    with new_board() as same:
        same.power_on()
        same.wait_console("kept 7 lost None")


def test_nvs_erase_counts_when_committed(run):
    board = run(
        "from esp32 import NVS\n"
        "n = NVS('n')\n"
        "n.set_blob('b', b'abc'); n.set_i32('i', -5); n.commit()\n"
        "def get():\n"
        "    try: print(n.get_i32('i'))\n"
        "    except OSError as e: print('none', e.args[0])\n"
        "n.erase_key('i'); get(); print(NVS('n').get_blob('b', bytearray(3)))\n"
        "buffer = bytearray(5); print(n.get_blob('b', buffer), buffer)\n"
        "try: n.get_blob('b', bytearray(2))\n"
        "except OSError as e: print('small', e.args[0])\n"
        "try: n.erase_key('i')\n"
        "except OSError as e: print('gone', e.args[0])\n"
        "try: n.set_i32('sixteen_letters_', 1)\n"
        "except OSError as e: print('long', e.args[0])\n"
    )
    none, too_small, long = -0x1102, -0x110C, -0x1109
    assert told(board).splitlines() == [
        f"none {none}",
        "3",
        "3 bytearray(b'abc\\x00\\x00')",
        f"small {too_small}",
        f"gone {none}",
        f"long {long}",
    ]


def test_deep_sleep_without_a_time_lasts_until_the_reset_button(make_board):
    board = make_board("import machine\nprint(machine.reset_cause())\nmachine.deepsleep()")
    board.power_on()
    board.wait_state("sleeping")
    board.press_reset()
    board.wait_state("sleeping")
    assert board.boots == [1, 1]


def test_power_off_while_asleep_is_for_good(make_board):
    board = make_board("import machine\nmachine.deepsleep(200)")
    board.power_on()
    board.wait_state("sleeping")
    board.power_off()
    woken = threading.Event()
    clock.call_later(0.25, woken.set)
    assert woken.wait(5) and board.state == "off" and board.boots == [1]


def test_watchdog_bites_who_does_not_feed_it(make_board):
    board = make_board(
        "import machine, time\n"
        "if machine.reset_cause() == 1:\n"
        "    wdt = machine.WDT(timeout=40)\n"
        "    for _ in range(30):\n"
        "        time.sleep_ms(4); wdt.feed()\n"
        "    print('fed')\n"
        "    while True: pass\n"
    )
    board.power_on()
    board.wait_console("fed")
    assert board.boots == [1]
    board.wait_state("repl")
    assert board.boots == [1, 3]


def test_watchdog_outlives_a_soft_reset_and_bites_at_the_prompt(make_board):
    board = make_board(
        "import machine\n"
        "if machine.reset_cause() == 1:\n"
        "    machine.WDT(timeout=30); machine.soft_reset()\n"
    )
    board.power_on()
    board.wait_console("MPY: soft reboot")
    end = time.monotonic() + 10
    while board.boots != [1, 5, 3]:
        assert time.monotonic() < end, board.boots
        time.sleep(0.001)


def test_watchdog_made_anew_has_the_new_time(make_board):
    board = make_board(
        "import machine, time\n"
        "machine.WDT(timeout=200); machine.WDT(timeout=3_600_000)\n"
        "try: machine.WDT(timeout=0)\n"
        "except ValueError: print('too short')\n"
        "time.sleep_ms(250); print('alive')\n"
    )
    board.power_on()
    board.wait_console("alive")
    assert board.boots == [1] and "too short" in board.console


# A virtual board's ticks are its host's: asyncio's queue, in C, counts by them.
@pytest.mark.emulated
def test_ticks_wrap(make_board):
    board = make_board(
        "import asyncio, time\n"
        "start = time.ticks_ms()\n"
        "print(start > 2**29)\n"
        "async def main():\n"
        "    for n in range(4):\n"
        "        await asyncio.sleep_ms(10)\n"
        "    try: await asyncio.wait_for_ms(asyncio.Event().wait(), 20)\n"
        "    except asyncio.TimeoutError: print('late')\n"
        "asyncio.run(main())\n"
        "end = time.ticks_ms()\n"
        "print(end < start, 60 <= time.ticks_diff(end, start) < 5000)\n"
    )
    # It sleeps for 60 ms: they wrap meanwhile, unless it takes so long to start.
    board.ticks_start_us = (2**30 - 58) * 1000
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == ["True", "late", "True True"]


def test_boot_py_runs_first_and_its_error_keeps_main_from_running(run):
    board = run("print('main')", boot="print('boot')\nraise ValueError('bad', 1)\n")
    assert told(board).splitlines() == [
        "boot",
        "Traceback (most recent call last):",
        '  File "boot.py", line 2, in <module>',
        "ValueError: ('bad', 1)",
    ]


def test_error_ends_at_the_prompt_with_the_chip_s_name_of_it(run):
    board = run("import errno\nraise OSError(errno.ECONNREFUSED)")
    assert told(board).splitlines()[-1].startswith("OSError: [Errno ")
    assert told(board).endswith("] ECONNREFUSED")


# What ctrl-C hits is main(): the other task waits, and no moment is the wrong one.
ENDLESS = """
import asyncio
async def ticker():
    await event.wait()
    for n in range(1_000_000):
        print("tick", n)
        await asyncio.sleep_ms(5)
async def main():
    global event, task
    event = asyncio.Event()
    task = asyncio.create_task(ticker())
    await asyncio.sleep_ms(1)
    print("waits")
    while True:
        await asyncio.sleep_ms(1)
async def stop():
    print("still there", not task.done())
    event.set()
    await asyncio.sleep_ms(20)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("ctrl-C")
    asyncio.run(stop())
"""


def test_ctrl_c_leaves_the_tasks_to_a_second_run(make_board):
    board = make_board(ENDLESS)
    board.power_on()
    board.wait_console("waits")
    board.interrupt()
    board.wait_state("repl")
    lines = told(board).splitlines()
    last = lines[lines.index("ctrl-C") + 1 :]
    assert last[0] == "still there True" and last[-1] == "cancelled"
    assert any(line.startswith("tick") for line in last)


@pytest.mark.parametrize("waits", ["time.sleep(100)", "select.poll().poll(100_000)"])
def test_ctrl_c_ends_a_wait(make_board, waits):
    board = make_board(f"import select, time\nprint('waits')\n{waits}")
    board.power_on()
    board.wait_console("waits")
    board.interrupt()
    board.wait_state("repl")
    assert told(board).endswith("KeyboardInterrupt: ")


def test_ctrl_c_ends_a_busy_loop(make_board):
    board = make_board("print('busy')\nwhile True: pass")
    board.power_on()
    board.wait_console("busy")
    board.interrupt()
    board.wait_state("repl")
    assert told(board).endswith("KeyboardInterrupt: ")


def test_ctrl_c_and_buttons_mean_nothing_to_a_board_that_is_off(make_board):
    board = make_board("print('on')")
    board.interrupt()
    board.press_reset()
    board.power_off()
    assert board.state == "off" and board.console == ""
    board.power_on()
    with pytest.raises(RuntimeError, match="on already"):
        board.power_on()
