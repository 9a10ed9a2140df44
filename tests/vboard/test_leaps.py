"""Time that leaps over what a board's program sleeps through."""

import contextlib
import socket
import time

import pytest

from vboard import Board, World
from vboard.clock import SAVED_MS, LeapingClock
from vboard.devices.contact import Contact
from vboard.faults.script import FaultPlayer
from vboard.peripherals.i2c import I2CBus
from vm import KINDS, needs_vm, told

HOUR_S = 3600
WRAP_MS = (1 << 30) / 1000
# An hour in a second.
FAST = 3600


@pytest.fixture
def clock():
    with contextlib.closing(LeapingClock(FAST)) as made:
        yield made


def leap(clock, ms):
    """Leaps so many ms, whole."""
    end = clock.leapt_ms + ms
    while clock.leapt_ms < end:
        time.sleep(clock.leap(end - clock.leapt_ms) / 1000)


def test_goes_at_the_pace_of_real_time_between_leaps(clock):
    before, began = clock.now(), time.monotonic()
    leap(clock, 5000)
    passed = time.monotonic() - began
    assert 5 <= clock.now() - before - passed < 5.1
    assert (clock.ahead, clock.leapt_ms) == (5, 5000)


def test_calls_are_made_on_the_way_and_no_leap_goes_beyond_the_next(clock):
    began, seen = clock.now(), []
    for delay in (30, 10, 20):
        clock.call_later(delay, lambda delay=delay: seen.append((delay, clock.now() - began)))
    clock.call_later(5, seen.append, None).cancel()
    leap(clock, 35_000)
    assert [delay for delay, _ in seen] == [10, 20, 30]
    # Real time that passes meanwhile counts, too.
    assert all(delay <= at < delay + 0.5 for delay, at in seen), seen


def test_a_call_that_a_call_has_planned_stops_the_leap_as_well(clock):
    began, seen = clock.now(), []

    def again():
        seen.append(clock.now() - began)
        clock.call_later(1, again)

    clock.call_later(1, again)
    leap(clock, 10_000)
    assert len(seen) in (10, 11)
    assert all(
        0.999 <= after - before < 1.5 for before, after in zip(seen, seen[1:], strict=False)
    )


def test_a_wait_without_end_leaps_to_the_next_call_and_nowhere_without_one(clock):
    assert clock.leap(None) > 0 and clock.leapt_ms == 0
    seen = []
    clock.call_later(100, seen.append, 1)
    while not seen:
        time.sleep(clock.leap(None) / 1000)
    assert 99_000 < clock.leapt_ms <= 100_000


def test_is_no_faster_than_its_rate():
    with contextlib.closing(LeapingClock(100)) as clock:
        began = time.monotonic()
        leap(clock, 10_000)
        took = time.monotonic() - began
        # What was saved before may go at once.
        assert took >= (10_000 / 100 - SAVED_MS) / 1000


def test_what_waits_at_its_end_is_not_called():
    clock, seen = LeapingClock(FAST), []
    clock.call_later(0.05, seen.append, 1)
    clock.close()
    leap(clock, 1000)
    assert seen == []


def test_faults_are_played_by_it(clock):
    bus = I2CBus()
    script = [{"sensor": "a", "fault": "nack", "start_s": 100, "end_s": 200}]
    FaultPlayer(script, {"a": (bus, 0x10)}, clock).start()
    counts = []
    for _ in range(3):
        leap(clock, 90_000)
        counts.append(len(bus.harms))
    assert counts == [0, 1, 0]


# -- on a board

# Joins the air of the tests.
JOIN = """
import network, time
wlan = network.WLAN(network.WLAN.IF_STA)
wlan.active(True)
wlan.connect("fieldpost", "fieldpost-sim")
while not wlan.isconnected():
    time.sleep_ms(1)
"""

HOUR = """
import time
from machine import Pin, Timer
edges, ticks, pulses = [], [], []
ms, us, s, ns = time.ticks_ms(), time.ticks_us(), time.time(), time.time_ns()
Timer(0, period=600_000, callback=lambda _: ticks.append(time.ticks_ms()))
def moved(pin):
    # Once, it bounces.
    now = time.ticks_ms()
    if not edges or time.ticks_diff(now, edges[-1]) > 1000:
        edges.append(now)
Pin(4, Pin.IN).irq(moved)
for _ in range(60):
    time.sleep(60)
print("slept", time.ticks_diff(time.ticks_ms(), ms), time.ticks_diff(time.ticks_us(), us) // 1000)
print("clock", (time.time() - s) * 1000, (time.time_ns() - ns) // 1_000_000)
print("timer", [time.ticks_diff(one, ms) for one in ticks])
print("edges", [time.ticks_diff(one, ms) for one in edges])
"""

TASKS = """
import asyncio, time
async def count(ms, times):
    for _ in range(times):
        await asyncio.sleep_ms(ms)
    print("count", time.ticks_diff(time.ticks_ms(), began))
async def main():
    flag, event = asyncio.ThreadSafeFlag(), asyncio.Event()
    from machine import Timer
    Timer(1, mode=Timer.ONE_SHOT, period=200_000, callback=lambda _: flag.set())
    await asyncio.gather(count(1000, 300), count(70_000, 2), wait(flag, event), late(event))
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 1000)
    except asyncio.TimeoutError:
        print("time-out", time.ticks_diff(time.ticks_ms(), began))
async def wait(flag, event):
    await flag.wait()
    print("flag", time.ticks_diff(time.ticks_ms(), began))
    event.set()
async def late(event):
    await event.wait()
    print("event", time.ticks_diff(time.ticks_ms(), began))
began = time.ticks_ms()
asyncio.run(main())
"""


@pytest.fixture
def virtual(tmp_path, air):
    """Returns virtual(main): a VirtualBoard with this program, off, on a LeapingClock."""
    from vboard.virtual import VirtualBoard

    with contextlib.ExitStack() as stack:

        def make(main, **files):
            board = VirtualBoard(tmp_path / "board", air, clock=LeapingClock(FAST))
            stack.enter_context(board)
            board.install_micropython()
            board.write_files({"main.py": main, **files})
            return board

        yield make


@pytest.fixture(params=KINDS)
def either(request, tmp_path, air):
    """Returns either(main): a board of this kind with this program, off, on a LeapingClock."""
    if request.param == "virtual":
        return request.getfixturevalue("virtual")
    made = Board(tmp_path / "board", air, clock=LeapingClock(FAST))
    request.addfinalizer(made.close)

    def make(main):
        made.write_files({"main.py": main})
        return made

    return make


def figures(board):
    """Returns {first word: numbers} of the console's lines."""
    lines = [line.split(None, 1) for line in told(board).splitlines()]
    return {
        word: [int(n) for n in rest.strip("[]").replace(",", " ").split()] for word, rest in lines
    }


def about(found, expected, early=1):
    """Tells if all came in time: not before, and not a second late, for computing takes time."""
    return len(found) == len(expected) and all(
        -early <= one - due < 1000 for one, due in zip(found, expected, strict=True)
    )


def test_an_hour_on_a_board(either):
    board = either(HOUR)
    world = World(
        script={"doors": {"door": {"changes": [[900, "open"], [2700, "closed"]]}}},
        clock=board.clock.now,
    )
    board.wire_contact(4, Contact(world, "door"))
    began, before = time.monotonic(), world.now()
    board.power_on()
    board.wait_state("repl", 30)
    assert time.monotonic() - began < 30
    assert HOUR_S <= world.now() - before < HOUR_S + 30
    found = figures(board)
    ms, us = found["slept"]
    # A chip's ticks wrap: those in us after 18 minutes.
    assert about([ms], [HOUR_S * 1000]) and (us - ms + 10) % WRAP_MS < 20
    assert about(found["clock"], [HOUR_S * 1000] * 2)
    assert about(found["timer"], range(600_000, 3_600_001, 600_000))
    # The world is a little older than the program.
    assert about(found["edges"], [900_000, 2_700_000], early=1000)


def test_tasks_and_what_they_wait_for(either):
    board = either(TASKS)
    board.power_on()
    board.wait_state("repl", 30)
    lines = [line.split() for line in told(board).splitlines()]
    assert [word for word, _ in lines] == ["count", "flag", "event", "count", "time-out"]
    assert about([int(ms) for _, ms in lines], [140_000, 200_000, 200_000, 300_000, 1_300_000])


SLEEPER = """
import machine, time
if machine.reset_cause() == machine.DEEPSLEEP_RESET:
    machine.WDT(timeout=600_000)
    time.sleep(HOUR)
if machine.reset_cause() == machine.PWRON_RESET:
    machine.deepsleep(HOUR * 1000)
print("bitten", time.time())
""".replace("HOUR", str(HOUR_S))


def test_deep_sleep_and_the_watchdog(either):
    board = either(SLEEPER)
    began = board.clock.now()
    board.power_on()
    line = board.wait_console("bitten", 30)
    assert board.boots == [1, 4, 3]
    slept = board.clock.now() - began
    assert HOUR_S + 600 <= slept < HOUR_S + 630
    # The RTC went on all the time.
    assert abs(int(line.split()[1]) - slept) < 30


SERVED = """
import join, ntptime, time
print(ntptime.time())
time.sleep(HOUR)
print(ntptime.time())
""".replace("HOUR", str(HOUR_S))


@needs_vm
def test_a_time_server_may_go_by_it(virtual, air):
    board = virtual(SERVED, **{"join.py": JOIN})
    air.serve_time().clock = board.clock
    board.power_on()
    board.wait_state("repl", 30)
    first, second = map(int, told(board).splitlines())
    assert HOUR_S <= second - first < HOUR_S + 30


ASKS = """
import asyncio, join, socket, time
async def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.sendto(b"ask", socket.getaddrinfo("peer.example", 7)[0][-1])
    try:
        print(await asyncio.wait_for_ms(asyncio.StreamReader(sock).read(9), 1000))
    except asyncio.TimeoutError:
        print("no answer")
asyncio.run(main())
"""


@needs_vm
def test_a_datagram_may_wait_for_its_answer(virtual, air):
    """A second of the board's would be over at once."""
    board = virtual(ASKS, **{"join.py": JOIN})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(10)
        air.hosts["peer.example"] = peer.getsockname()
        board.power_on()
        _, asker = peer.recvfrom(9)
        time.sleep(0.05)
        peer.sendto(b"answer", asker)
        board.wait_state("repl", 30)
    assert told(board) == "b'answer'"
