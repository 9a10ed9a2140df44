"""Many boards and many power cycles in one process: on time, and nothing is left behind."""

import os
import threading
import time

NODE = """
import asyncio, link, machine
sock = link.connect()
async def report():
    stream = asyncio.StreamWriter(sock)
    while True:
        stream.write(b"echo x\\n")
        await stream.drain()
        await stream.readline()
        await asyncio.sleep_ms(20)
async def main():
    tasks = [asyncio.create_task(report()), asyncio.create_task(asyncio.Event().wait())]
    machine.WDT(timeout=3_600_000)
    print("up")
    await tasks[0]
asyncio.run(main())
"""


def test_fifty_boards_run_and_lose_their_power(make_board, peer):
    boards = [make_board(NODE, name=f"node{n}") for n in range(50)]
    for board in boards:
        board.power_on()
    for board in boards:
        board.wait_console("up", timeout=30)
    began = time.monotonic()
    for board in boards:
        board.power_off()
    assert time.monotonic() - began < 5
    assert len(peer.connections) == 50
    assert "FIN" not in str([words for _, words in peer.connections])


def test_a_thousand_power_cycles_leave_nothing(make_board):
    board = make_board("import asyncio\nasyncio.run(asyncio.sleep(100))")
    descriptors, threads = len(os.listdir("/dev/fd")), threading.active_count()
    for number in range(1000):
        # At any moment of its boot.
        board.power_on()
        if number % 2:
            time.sleep(number % 50 / 10_000)
        board.power_off()
    assert len(os.listdir("/dev/fd")) <= descriptors and threading.active_count() <= threads + 1


def test_peers_that_gave_up_free_what_was_held_for_them(make_board, peer):
    board = make_board("import link\ns = link.connect()\ns.write(b'end\\n')\nprint(s.read())")
    for _ in range(20):
        since = board.mark()
        board.power_on()
        board.wait_console("b''", since=since)
        board.power_off()
    assert len(peer.connections) == 20 and len(board.radio._held) <= 1


def test_buttons_pressed_by_several_hands(make_board):
    board = make_board("import machine\nmachine.WDT(timeout=3)\nmachine.deepsleep(2)")
    end = time.monotonic() + 1.5

    def press(what):
        while time.monotonic() < end:
            what()

    hands = [
        threading.Thread(target=press, args=(what,))
        for what in (board.press_reset, board.interrupt, lambda: time.sleep(0.003))
    ]
    board.power_on()
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(20)
        assert not hand.is_alive()
    board.power_off()
    boots = list(board.boots)
    time.sleep(0.01)
    assert board.state == "off" and board.boots == boots
