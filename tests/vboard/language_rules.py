# Behaviours of time and socket, printed line by line: the same under MicroPython and on the
# emulated board. Ticks are counted in parts of their period, times from each port's own epoch.
# Runs as main.py; ports.txt beside it begins with the port of a Peer (conftest.py).

import errno
import io
import json
import os
import select
import socket
import struct
import sys
import time


def period():
    # The ticks' period: half of it is the largest difference.
    half = 1
    while True:
        try:
            time.ticks_add(0, half)
        except OverflowError:
            return 2 * half
        half *= 2


def tell(*values):
    print("-", *values)


def error_of(function, *args):
    try:
        return function(*args)
    except Exception as error:
        # CPython has finer classes of some.
        kinds = (OSError, ImportError, KeyError, TypeError, OverflowError, ValueError)
        return [kind.__name__ for kind in kinds if isinstance(error, kind)]


def ticks():
    whole = period()
    half, last = whole // 2, whole - 1
    tell(time.ticks_add(last, 1), time.ticks_add(0, -1) == last)
    tell(time.ticks_diff(0, last), time.ticks_diff(last, 0), time.ticks_diff(5, 5))
    tell(time.ticks_diff(half, 0) == -half, time.ticks_diff(half - 1, 0) == half - 1)
    tell(time.ticks_diff(0, half) == -half, time.ticks_diff(0, half + 1) == half - 1)
    tell(error_of(time.ticks_add, 0, half), time.ticks_add(7, half - 1) == half + 6)
    tell(error_of(time.ticks_add, 0, -half), error_of(time.ticks_add, 0, -half - 1))
    tell(error_of(time.ticks_add, 0, 1.5))
    tell(0 <= time.ticks_ms() < whole, 0 <= time.ticks_us() < whole)
    began = time.ticks_ms()
    time.sleep_ms(20)
    tell(20 <= time.ticks_diff(time.ticks_ms(), began) < 2000)
    began = time.ticks_us()
    time.sleep_us(2000)
    tell(2000 <= time.ticks_diff(time.ticks_us(), began) < 2000000)


def dates():
    epoch = time.gmtime(0)
    tell(epoch[1:6], epoch[7], epoch[0] in (1970, 2000))
    for date in (
        (2024, 2, 29, 23, 59, 59, 3, 60),
        (2025, 1, 1, 0, 0, 0, 2, 1),
        (2036, 2, 7, 6, 28, 16, 3, 38),
        (2001, 12, 31, 12, 0, 0, 0, 365),
    ):
        seconds = time.mktime(date)
        tell(time.gmtime(seconds)[:8] == date, time.gmtime(seconds)[6:8], type(seconds).__name__)
        tell(time.gmtime(seconds + 86400)[:3], time.gmtime(seconds)[:6] == date[:6])
    base = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0))
    for date in ((2026, 13, 1), (2026, 2, 31), (2026, 1, 32)):
        tell(time.mktime(date + (0, 0, 0, 0, 0)) - base)
    tell(time.mktime((2026, 1, 1, 24, 61, 61, 0, 0)) - base)
    tell(abs(time.time() - time.time_ns() // 1000000000) <= 1)
    tell(time.localtime()[0] == time.gmtime()[0])


def connected(blocking=True):
    with open("ports.txt") as file:
        port = int(file.read().split()[0])
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    sock.setblocking(blocking)
    return sock


def until(sock, kind):
    poller = select.poll()
    poller.register(sock, kind)
    return [event for _, event in poller.poll(5000)]


def no_blocking():
    sock = connected(False)
    buffer = bytearray(8)
    tell(sock.read(1), sock.read(), sock.readline(), sock.readinto(buffer))
    try:
        sock.recv(1)
    except OSError as error:
        tell("recv", error.errno == errno.EAGAIN, error.args[0] == error.errno)
    tell(sock.write(b"echo abcdef\n"))
    tell(until(sock, select.POLLIN) == [select.POLLIN])
    tell(sock.readinto(buffer, 2), bytes(buffer), sock.read(1), sock.recv(2), sock.readline())
    sock.write(b"echo xy\n")
    until(sock, select.POLLIN)
    tell(sock.readinto(buffer), bytes(buffer))
    tell(sock.write(b"pause\n"))
    taken = [1]
    while taken[-1]:
        taken.append(sock.write(bytes(100000)))
    tell("full", taken[-1], len(taken) > 1, 0 < taken[-2] <= 100000)
    try:
        sock.send(b"x")
    except OSError as error:
        tell("send", error.errno == errno.EAGAIN)
    sock.close()


def end_of_stream():
    sock = connected(False)
    sock.write(b"echo tail\nend\n")
    got = b""
    while until(sock, select.POLLIN):
        part = sock.read(100)
        if part == b"":
            break
        got += part or b""
    tell(got, sock.read(5), sock.read(), sock.readline(), sock.readinto(bytearray(3)))
    tell(sock.recv(5))
    sock.close()
    sock.close()


def blocking():
    sock = connected()
    tell(sock.write(b"slow abcdefgh\n"), sock.read(6), sock.readline())
    sock.write(b"slow abcdefgh\n")
    buffer = bytearray(8)
    tell(sock.readinto(buffer), bytes(buffer), sock.recv(1))
    tell(sock.sendall(b"count 500000\n"), sock.send(bytes(500000)), sock.readline())
    sock.settimeout(0.02)
    try:
        sock.recv(1)
    except OSError as error:
        tell("late", error.errno in (errno.ETIMEDOUT, errno.EAGAIN))
    sock.settimeout(5)
    sock.write(b"echo still\n")
    tell(sock.readline())
    sock.setsockopt(6, 1, 1)
    sock.write(b"end\n")
    tell(sock.read(), sock.read(4))
    sock.close()


def polls():
    poller = select.poll()
    sock = connected(False)
    poller.register(sock, select.POLLIN)
    tell(poller.poll(0), poller.poll(10), list(poller.ipoll(0)))
    poller.modify(sock, select.POLLIN | select.POLLOUT)
    found = poller.poll(100)
    tell(found[0][0] is sock, found[0][1] == select.POLLOUT)
    poller.unregister(sock)
    tell(poller.poll(1))
    sock.close()


def others():
    tell(json.dumps({"a": [1, 2.5, None, True, "\u00b0C"]}))
    tell(json.dumps({"a": 1, "b": [2, 3]}, separators=(",", ":")))
    tell(json.loads('{"x": [1, -2.5, "\\u0041", null, false]}'))
    tell(error_of(json.loads, "{"), error_of(json.loads, ""), error_of(json.loads, "nope"))
    tell(struct.unpack("<hB", b"\xfe\xff\x05"), errno.errorcode[errno.EAGAIN])
    tell(OSError(errno.EIO).errno == errno.EIO, OSError(5).args[0], OSError("text").args)
    tell(str(OSError(errno.EIO)))
    text = io.StringIO()
    sys.print_exception(ValueError("v"), text)
    tell(text.getvalue().split("\n")[-2])
    tell(error_of(open, "none.txt"), error_of(os.stat, "none"), error_of(os.listdir, "none"))
    with open("new.txt", "w") as file:
        tell(file.write("line\nl\u00e4st"))
    with open("new.txt", "rb") as file:
        tell(file.read(6), file.readline(), file.seek(0), file.tell())
    with open("new.txt", "ab") as file:
        file.write(b"!")
    with open("new.txt") as file:
        tell([line.encode() for line in file])
    tell(os.stat("new.txt")[6], "new.txt" in os.listdir())
    os.rename("new.txt", "newer.txt")
    os.mkdir("folder")
    tell(error_of(os.mkdir, "folder"), error_of(os.rmdir, "none"))
    tell([entry[:2] for entry in os.ilistdir() if entry[0] == "folder"])
    os.rmdir("folder")
    os.remove("newer.txt")
    tell(error_of(os.remove, "newer.txt"))
    for name in "typing pathlib threading subprocess functools logging datetime".split():
        tell(name, error_of(__import__, name))


for part in (ticks, dates, no_blocking, end_of_stream, blocking, polls, others):
    try:
        part()
    except Exception as error:
        sys.print_exception(error)
