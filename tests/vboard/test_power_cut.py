"""A power cut takes a program wherever it is, and nothing leaves the board after it."""

import time

import pytest

from vm import told

pytestmark = pytest.mark.both

# What a program is at when its power goes. Each prints "ready" first; none may print "after".
STATES = {
    "sleeping": """
import time
print("ready")
time.sleep(100)
print("after")
""",
    "waiting for a task": """
import asyncio
async def task():
    try:
        await asyncio.sleep(100)
    finally:
        print("after")
        await asyncio.sleep(0)
async def main():
    print("ready")
    await asyncio.gather(task(), asyncio.wait_for(task(), 50), task())
asyncio.run(main())
""",
    "waiting for a socket": """
import link
sock = link.connect()
print("ready")
try:
    sock.read(1)
finally:
    sock.write(b"after")
    sock.close()
""",
    "waiting for a stream": """
import asyncio, join
async def main():
    stream, _ = await asyncio.open_connection("peer.example", 7)
    print("ready")
    try:
        await stream.read(1)
    finally:
        stream.write(b"after")
        await stream.wait_closed()
asyncio.run(main())
""",
    "busy with plain Python": """
def busy():
    n = 0
    while True:
        n += 1
print("ready")
try:
    busy()
finally:
    print("after")
""",
    "busy in a task": """
import asyncio
async def main():
    print("ready")
    while True:
        pass
asyncio.run(main())
""",
    "in finally": """
import time
print("ready")
try:
    raise ValueError
finally:
    for n in range(1000):
        time.sleep(1)
    print("after")
""",
    "busy in finally": """
print("ready")
try:
    pass
finally:
    while True:
        pass
""",
    "catching everything": """
import time
print("ready")
while True:
    try:
        try:
            time.sleep(100)
            print("after")
        except BaseException:
            print("after")
        except:
            print("after")
    except BaseException:
        print("after")
    finally:
        continue
""",
    "busy and catching everything": """
print("ready")
def count():
    n = 0
    for i in range(1000):
        try:
            n += i
        except:
            n = 0
    return n
while True:
    try:
        count()
    except BaseException:
        pass
""",
    "catching everything in a task": """
import asyncio
async def stubborn():
    while True:
        try:
            await asyncio.sleep(100)
        except BaseException:
            print("after")
        finally:
            continue
async def main():
    tasks = [asyncio.create_task(stubborn()) for _ in range(3)]
    print("ready")
    while True:
        try:
            await asyncio.gather(*tasks)
        except:
            pass
asyncio.run(main())
""",
    "in a generator": """
import time
def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("after")
made = numbers()
next(made)
print("ready")
for n in numbers():
    time.sleep(100)
""",
    "with coroutines that never ran": """
import asyncio
async def never():
    print("after")
async def main():
    tasks = [asyncio.create_task(never()) for _ in range(3)]
    print("ready")
    while True:
        pass
asyncio.run(main())
""",
    "at the prompt, with tasks": """
import asyncio
async def task():
    try:
        await asyncio.sleep(100)
    finally:
        print("after")
async def main():
    asyncio.create_task(task())
    await asyncio.sleep_ms(1)
asyncio.run(main())
print("ready")
""",
    "in an interrupt handler": """
import machine, time
def handler(pin):
    print("ready")
    time.sleep(100)
    print("after")
pin = machine.Pin(4, machine.Pin.OUT, value=0)
pin.irq(handler)
print("armed")
while True:
    time.sleep(1)
""",
    "storing": """
import time
with open("file.txt", "w") as file:
    file.write("after")
    print("ready")
    time.sleep(100)
""",
}


@pytest.mark.parametrize("state", STATES)
def test_power_cut_ends_a_program(make_board, peer, state):
    board = make_board(STATES[state])
    board.power_on()
    if state == "in an interrupt handler":
        board.wait_console("armed")
        board.hardware.pins[4].mode = 1
        board.hardware.pins[4].drive(1)
    board.wait_console("ready")
    began = time.monotonic()
    board.power_off()
    assert time.monotonic() - began < 2
    assert board.state == "off" and told(board).splitlines()[-1] == "ready"
    assert "after" not in str([words for _, words in peer.connections])
    # A new file is there, empty, from open() on.
    if state == "storing":
        assert board.read_file("file.txt") == b""


@pytest.mark.parametrize("state", ["waiting for a socket", "waiting for a stream"])
@pytest.mark.parametrize("how", ["power_off", "press_reset"])
def test_peer_sees_no_fin_of_a_power_cut(make_board, peer, air, state, how):
    board = make_board(STATES[state])
    board.power_on()
    board.wait_console("ready")
    getattr(board, how)()
    if how == "press_reset":
        board.wait_console("ready", since=1)
    else:
        # A second board comes and goes: time enough.
        other = make_board("import link\nlink.connect().close()", name="other")
        other.power_on()
        peer.wait("FIN")
    assert peer.words(0) == []


def test_peer_sees_no_fin_after_the_board_is_asleep(make_board, peer):
    board = make_board(
        "import link, machine\n"
        "sock = link.connect()\n"
        "sock.write(b'echo 1\\n'); sock.read(2)\n"
        "try: machine.deepsleep(150) if machine.reset_cause() == 1 else None\n"
        "finally: sock.close()\n"
    )
    board.power_on()
    board.wait_state("sleeping")
    board.wait_state("repl")
    peer.wait("FIN", connection=1)
    assert peer.words(0) == ["echo 1"]


@pytest.mark.parametrize(
    "ends",
    [
        "sock.close()",
        "machine.soft_reset()",
        "raise SystemExit",
        "asyncio.run(asyncio.StreamReader(sock).wait_closed())",
    ],
)
def test_peer_sees_the_fin_of_what_is_closed(make_board, peer, ends):
    board = make_board(
        "import asyncio, link, machine\n"
        "if machine.reset_cause() == 1:\n"
        "    sock = link.connect()\n"
        f"    {ends}\n"
    )
    board.power_on()
    peer.wait("FIN")
    board.wait_state("repl")


# The chip's sockets have a finaliser. Those of the virtual board are of a class in Python, which
# has none.
@pytest.mark.emulated
def test_peer_sees_the_fin_of_what_the_collector_finds(make_board, peer):
    board = make_board("import link\nsock = link.connect()\ndel sock\n")
    board.power_on()
    peer.wait("FIN")
    board.wait_state("repl")


def test_what_was_open_at_the_prompt_stays_open(make_board, peer):
    board = make_board("import link\nsock = link.connect()\nsock.write(b'echo 1\\n')")
    board.power_on()
    board.wait_state("repl")
    peer.wait("echo 1")
    board.power_off()
    assert peer.words() == ["echo 1"]


def test_board_reset_by_its_watchdog_leaves_its_peer_in_the_dark(make_board, peer):
    board = make_board(
        "import link, machine\n"
        "sock = link.connect()\n"
        "if machine.reset_cause() == 1:\n"
        "    machine.WDT(timeout=10)\n"
        "    while True: pass\n"
        "sock.close()\n"
    )
    board.power_on()
    peer.wait("FIN", connection=1)
    assert peer.words(0) == [] and board.boots == [1, 3]


def test_file_is_as_it_was_or_as_it_was_meant_to_be(make_board):
    board = make_board(
        "import os\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with open('file.txt', 'w') as file:\n"
        "        for _ in range(300):\n"
        "            file.write('%08d' % n)\n"
        "    os.rename('file.txt', 'other.txt')\n"
        "    os.rename('other.txt', 'file.txt')\n"
        "    print('stored', n)\n"
    )
    sizes = set()
    for turn in range(20):
        since = board.mark()
        board.power_on()
        board.wait_console(f"stored {1 + turn // 4}", since=since)
        board.power_off()
        text = _stored(board)
        assert text == text[:8] * 300
        sizes.add(text[:8])
    assert len(sizes) > 1


def _stored(board):
    try:
        return board.read_file("file.txt").decode()
    except FileNotFoundError:
        return board.read_file("other.txt").decode()


def test_file_nobody_closed_is_as_it_was(make_board):
    board = make_board(
        "text = open('text.txt', 'w'); text.write('never')\n"
        "new = open('bytes.bin', 'wb'); new.write(b'never')\n"
        "kept = open('old.txt', 'w'); kept.write('never')\n"
        "more = open('flushed.txt', 'w'); more.write('stored'); more.flush(); more.write('not')\n"
    )
    board.write_files({"old.txt": "as it was"})
    board.power_on()
    board.wait_state("repl")
    board.power_off()
    names = ("text.txt", "bytes.bin", "old.txt", "flushed.txt")
    assert [board.read_file(name) for name in names] == [b"", b"", b"as it was", b"stored"]


def test_callback_on_a_line_may_switch_its_board_off(make_board):
    board = make_board("print('off with me')\nprint('after')")
    board.on_line = lambda board, line: board.power_off()
    board.power_on()
    board.wait_state("off")
    assert told(board) == "off with me"
