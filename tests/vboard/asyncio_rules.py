# Behaviours of asyncio, printed line by line: the same under MicroPython and on the emulated
# board. Runs as main.py; ports.txt beside it holds the port of a Peer (conftest.py) and one where
# nobody listens.

import asyncio
import errno
import sys
from asyncio import CancelledError, create_task, sleep_ms


class Told:
    # Steps of several tasks in the order they happened.
    def __init__(self):
        self.steps = []

    def __call__(self, *step):
        self.steps.append(" ".join(str(part) for part in step))


def outcome(error):
    return f"{type(error).__name__}{tuple(error.args)!r}"


async def caught(awaitable):
    try:
        return await awaitable
    except (CancelledError, Exception) as error:
        return outcome(error)


async def value(ms, result):
    await sleep_ms(ms)
    return result


async def failure(ms, text):
    await sleep_ms(ms)
    raise ValueError(text)


async def order(told):
    async def worker(name, ms):
        for turn in range(3):
            told(name, turn)
            await sleep_ms(ms)

    tasks = [create_task(worker(*args)) for args in (("a", 0), ("b", 0), ("c", 90), ("d", 10))]
    told("created")
    await sleep_ms(0)
    told("first turn over")
    for task in tasks:
        await task
    await asyncio.gather(*[create_task(worker(name, 5)) for name in "xyz"])


async def sleeps(told):
    for wrong in (1.5, "1", None):
        try:
            await sleep_ms(wrong)
        except TypeError:
            told("no ms:", wrong)
    await sleep_ms(-5)
    await asyncio.sleep(0.001)
    await asyncio.sleep(-1)
    told("slept")


async def wait_for(told):
    told(await asyncio.wait_for_ms(value(1, "in time"), 500))
    told(await asyncio.wait_for(value(1, "in time, s"), 0.5))
    told(await asyncio.wait_for(value(1, "no limit"), None))
    told(await caught(asyncio.wait_for_ms(value(500, "late"), 5)))
    told(await caught(asyncio.wait_for(value(500, "late"), 0.005)))
    told(await caught(asyncio.wait_for_ms(failure(1, "inner"), 500)))

    async def stubborn():
        try:
            await sleep_ms(500)
        except CancelledError:
            told("told to stop")
            await sleep_ms(5)
            told("stops")
        return "in spite of it"

    told(await caught(asyncio.wait_for_ms(stubborn(), 5)))

    async def fails_on_cancel():
        try:
            await sleep_ms(500)
        finally:
            raise KeyError("while stopping")

    told(await caught(asyncio.wait_for_ms(fails_on_cancel(), 5)))
    done = create_task(value(0, "done before"))
    await sleep_ms(5)
    told(await asyncio.wait_for_ms(done, 50))


async def wait_for_cancelled(told):
    async def inner():
        try:
            await sleep_ms(500)
        except CancelledError:
            told("inner cancelled")
            await sleep_ms(5)
            told("inner over")
            raise

    async def outer():
        try:
            await asyncio.wait_for_ms(inner(), 400)
        except CancelledError as error:
            told("outer", outcome(error))
            raise

    task = create_task(outer())
    await sleep_ms(5)
    told("cancel", task.cancel(), task.done())
    told(await caught(task))
    told("again", task.cancel(), task.done())
    await sleep_ms(20)

    async def sleeps_on():
        try:
            await asyncio.wait_for_ms(value(500, 0), 400)
        except CancelledError:
            told("on it sleeps")
            await sleep_ms(20)
            told("and wakes")

    # The end of what it waited for hits its next sleep.
    task = create_task(sleeps_on())
    await sleep_ms(5)
    task.cancel()
    told((await caught(task))[:14])


async def cancelling(told):
    never_ran = create_task(failure(0, "never"))
    told("cancel", never_ran.cancel())
    told(await caught(never_ran))

    async def swallows():
        try:
            await sleep_ms(500)
        except CancelledError:
            told("swallowed")
        await sleep_ms(1)
        return "went on"

    inner = create_task(swallows())

    async def joins():
        return "joined: " + await inner

    outer = create_task(joins())
    await sleep_ms(5)
    # Handed on to the task that it waits for.
    outer.cancel()
    told(await caught(outer), inner.done())

    async def cancels_itself():
        asyncio.current_task().cancel()

    told(await caught(create_task(cancels_itself())))
    finished = create_task(value(0, 1))
    await finished
    told("finished", finished.cancel(), finished.done(), await finished)

    async def cleans_up():
        try:
            await sleep_ms(500)
        finally:
            await sleep_ms(1)
            told("cleaned up")

    task = create_task(cleans_up())
    await sleep_ms(1)
    task.cancel()
    task.cancel()
    told(await caught(task))

    # The joined task has ended, the joiner didn't run yet: the cancelling is its own.
    async def late_joiner():
        try:
            await quick
            told("not cancelled")
        except CancelledError:
            told("joiner cancelled")

    async def ends():
        pass

    quick = create_task(ends())
    joiner = create_task(late_joiner())

    async def canceller():
        joiner.cancel()

    create_task(canceller())
    told(await caught(joiner))


async def order_of_cancelling(told):
    async def waits(name):
        try:
            await sleep_ms(500)
        except CancelledError:
            told(name)

    async def ready():
        told("ready")

    tasks = [create_task(waits(name)) for name in "abc"]
    await sleep_ms(1)
    create_task(ready())
    for task in reversed(tasks):
        task.cancel()
    await sleep_ms(5)


async def awaiting(told):
    task = create_task(failure(0, "once"))
    told(await caught(task), await caught(task))
    shared = create_task(value(5, "shared"))

    async def joins(name):
        told(name, await shared)

    for name in "pqr":
        create_task(joins(name))
    await sleep_ms(20)
    try:
        create_task(value)
    except TypeError:
        told("no coroutine")


async def gather(told):
    told(await asyncio.gather())
    told(await asyncio.gather(value(9, 1), value(3, 2), value(6, 3)))
    rest = create_task(value(20, "goes on"))
    told(await caught(asyncio.gather(value(1, 1), failure(5, "bad"), rest)))
    told(rest.done(), await rest)
    found = await asyncio.gather(value(1, 1), failure(1, "bad"), return_exceptions=True)
    told(found[0], outcome(found[1]))
    told(await caught(asyncio.gather(failure(5, "second"), failure(1, "first"))))
    done = create_task(value(0, "done"))
    failed = create_task(caught(failure(0, "bad")))
    await sleep_ms(5)
    told(await asyncio.gather(done, failed))

    async def part(name):
        try:
            await sleep_ms(500)
        except CancelledError:
            told(name, "cancelled")
            raise

    whole = create_task(both(part))
    await sleep_ms(5)
    whole.cancel()
    told(await caught(whole))
    one = create_task(part("gathered"))
    other = create_task(caught(asyncio.gather(one)))
    await sleep_ms(5)
    told(await caught(one))
    one.cancel()
    told(await other)
    one = create_task(part("joined"))
    other = create_task(caught(one))
    await sleep_ms(5)
    told(await caught(asyncio.gather(one)))
    one.cancel()
    told(await other)


async def both(part):
    return await asyncio.gather(part("one"), part("two"))


async def events(told):
    event = asyncio.Event()

    async def waits(name):
        told(name, await event.wait())

    tasks = [create_task(waits(name)) for name in "abcd"]
    await sleep_ms(1)
    tasks[1].cancel()
    event.set()
    event.clear()
    told("set and cleared", event.is_set())
    await sleep_ms(5)
    event.set()
    told(await event.wait(), event.is_set())
    event.clear()
    told(await caught(asyncio.wait_for_ms(event.wait(), 5)))
    woken = create_task(waits("e"))
    await sleep_ms(1)
    event.set()
    woken.cancel()
    told(await caught(woken))


async def locks(told):
    lock = asyncio.Lock()

    async def holds(name, ms):
        async with lock:
            told(name, "in")
            await sleep_ms(ms)
            told(name, "out")

    tasks = [create_task(holds(name, 5)) for name in "abc"]
    await sleep_ms(1)
    tasks[1].cancel()
    for task in tasks:
        await caught(task)
    told(lock.locked())
    try:
        lock.release()
    except RuntimeError as error:
        told(outcome(error))
    await lock.acquire()
    second, third = create_task(holds("second", 1)), create_task(holds("third", 1))
    await sleep_ms(1)
    lock.release()
    told("handed over", lock.locked())
    try:
        lock.release()
    except RuntimeError:
        told("not by us")
    # The lock is its already, but it didn't run: the next gets it.
    second.cancel()
    told(await caught(second), await caught(third), lock.locked())


async def flags(told):
    flag = asyncio.ThreadSafeFlag()
    flag.set()
    await flag.wait()
    told("was set")
    told(await caught(asyncio.wait_for_ms(flag.wait(), 5)))

    async def waits():
        await flag.wait()
        told("flagged")

    task = create_task(waits())
    await sleep_ms(1)
    flag.set()
    flag.clear()
    await sleep_ms(5)
    told("cleared before anyone looked", task.done())

    async def ready():
        told("ready")

    flag.set()
    create_task(ready())
    await task
    told(await caught(asyncio.wait_for_ms(flag.wait(), 5)))


def told_of(told):
    def handler(loop, context):
        told(context["message"], outcome(context["exception"]), context["future"].done())

    return handler


async def not_retrieved(told):
    loop = asyncio.get_event_loop()
    told(loop.get_exception_handler())
    loop.set_exception_handler(told_of(told))
    try:
        create_task(failure(0, "forgotten"))
        await sleep_ms(5)
        asked = create_task(failure(0, "asked later"))
        await sleep_ms(5)
        told(await caught(asked))
        cancelled = create_task(value(500, 1))
        await sleep_ms(1)
        cancelled.cancel()
        await sleep_ms(5)
        joined = create_task(failure(1, "joined"))
        told(await caught(joined))
    finally:
        loop.set_exception_handler(None)
    told("over")


async def connected(which=0):
    with open("ports.txt") as file:
        port = int(file.read().split()[which])
    return (await asyncio.open_connection("127.0.0.1", port))[0]


async def streams(told):
    stream = await connected()
    stream.write(b"echo hello\n")
    await stream.drain()
    told(await stream.readline())
    stream.write(b"echo 0123456789\n")
    await stream.drain()
    told(await stream.read(4), await stream.readexactly(3))
    buffer = bytearray(20)
    count = await stream.readinto(buffer)
    told(count, bytes(buffer[:count]))
    reader = create_task(stream.read(5))
    await sleep_ms(5)
    told("waits", not reader.done())
    stream.write(b"echo later\n")
    told(await reader, await stream.readline())
    told(await caught(asyncio.wait_for_ms(stream.read(1), 5)))
    stream.write(b"bytes 300000\n")
    await stream.drain()
    told(len(await stream.readexactly(300000)))
    stream.write(b"echo no end of line\nend\n")
    await stream.drain()
    told(await stream.read(-1))
    told(await stream.read(10), await stream.readline(), await stream.readinto(buffer))
    told(await caught(stream.readexactly(1)))
    await stream.wait_closed()


async def stream_writes(told):
    stream = await connected()
    stream.write(b"count 3000000\n")
    # More than a chip's sockets hold: what doesn't go at once is kept until drain().
    for _ in range(30):
        stream.write(bytes(100000))
    await stream.drain()
    told("kept", len(stream.out_buf))
    told(await stream.readline())
    await stream.wait_closed()


async def one_of_two_cancelled(told):
    # MicroPython 1.29 forgets a stream's reader when its writer is cancelled.
    stream = await connected()
    stream.write(b"pause\n")
    await stream.drain()
    full = 0
    # A board's radio takes some of it a moment later.
    while full < 50:
        full = 0 if stream.s.write(bytes(65536)) else full + 1
        await sleep_ms(1)

    async def writes():
        stream.write(b"x")
        await stream.drain()

    reader = create_task(stream.read(1))
    writer = create_task(writes())
    await sleep_ms(5)
    writer.cancel()
    told(await caught(writer))
    await sleep_ms(5)
    reader.cancel()
    told(await caught(asyncio.wait_for_ms(reader, 50)))
    await stream.wait_closed()


async def closed_in_wait(told):
    stream = await connected()
    reader = create_task(stream.read(1))
    await sleep_ms(5)
    stream.s.close()
    try:
        await asyncio.wait_for_ms(reader, 500)
    except OSError:
        told("no socket any more")


async def nobody_there(told):
    try:
        stream = await connected(1)
        await stream.read(1)
    except OSError as error:
        told("refused", error.errno == errno.ECONNREFUSED)


PARTS = (
    order,
    sleeps,
    wait_for,
    wait_for_cancelled,
    cancelling,
    order_of_cancelling,
    awaiting,
    gather,
    events,
    locks,
    flags,
    not_retrieved,
    streams,
    stream_writes,
    one_of_two_cancelled,
    closed_in_wait,
    nobody_there,
)


async def tell(part):
    told = Told()
    try:
        await asyncio.wait_for_ms(part(told), 5000)
    except Exception as error:
        told("ended by", outcome(error))
        sys.print_exception(error)
    for step in told.steps:
        print(f"- {part.__name__}: {step}")


def main():
    for part in PARTS:
        asyncio.run(tell(part))
    try:
        asyncio.run(failure(1, "of the main task"))
    except ValueError as error:
        print("- main:", outcome(error))
    try:
        asyncio.current_task()
    except RuntimeError as error:
        print("- main:", outcome(error))
    left = create_task(value(1, "left from before"))
    asyncio.run(sleep_twice())
    print("- main:", asyncio.run(caught(left)))
    loop = asyncio.get_event_loop()
    print("- main:", loop.run_until_complete(value(1, "by the loop")))

    async def stops():
        await sleep_ms(1)
        print("- main: stop")
        loop.stop()

    loop.create_task(stops())
    loop.run_forever()
    print("- main: stopped")
    asyncio.new_event_loop()
    print("- main:", asyncio.run(value(1, "anew")))


async def sleep_twice():
    await sleep_ms(5)
    await sleep_ms(5)


main()
