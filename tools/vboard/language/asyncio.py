# MicroPython's asyncio for CPython: its names, its Stream, its rules of cancelling and waiting.
#
# One loop a board, kept between calls of run(): after a ctrl-C the tasks are still there, as on
# the chip. tests/vboard/asyncio_rules.py holds it against the real one.

import sys
from time import ticks_add, ticks_diff, ticks_ms

import _board
from _host import select

POLLIN, POLLOUT, POLLNVAL = select.POLLIN, select.POLLOUT, select.POLLNVAL


class CancelledError(BaseException):
    pass


class TimeoutError(Exception):
    pass


# The task that runs now.
cur_task = None
# Tasks that are ready or sleep: (ticks when due, order, task), unsorted: a board has few.
_queue = []
_order = 0
# Tasks that aren't done, so that a board that loses its power can forget them.
_alive = set()


class _Suspend:
    # Leaves the task; whoever is to wake it was told before.
    def __await__(self):
        yield


class Task:
    def __init__(self, coro):
        self.coro = coro
        # The exception to throw at its next step, None to go on.
        self._error = None
        # Where it waits: what remove(task) takes it from, the task it joins, None in the queue.
        self._place = None
        self._done = False
        # Its outcome: (value, exception), and whether somebody asked for it.
        self._outcome = None
        self._asked = False
        self._joiners = []
        # gather()'s function(task, exception), called instead of waking joiners.
        self._callback = None
        _alive.add(self)

    def __repr__(self):
        return "<Task>"

    def done(self):
        return self._done

    def cancel(self):
        if self._done:
            return False
        if self is cur_task:
            raise RuntimeError("can't cancel self")
        # Whoever joins another task hands the cancelling on to it.
        while isinstance(self._place, Task):
            self = self._place
        if self._place is not None:
            self._place.remove(self)
            _push(self)
        else:
            _hasten(self)
        self._error = CancelledError()
        return True

    def __await__(self):
        if self._callback:
            raise RuntimeError("can't wait")
        self._asked = True
        while not self._done:
            self._joiners.append(cur_task)
            cur_task._place = self
            yield
        value, error = self._outcome
        if error is not None:
            raise error
        return value


def _push(task, due=None):
    global _order
    _order += 1
    task._error = task._place = None
    _queue.append((ticks_ms() if due is None else due, _order, task))


def _hasten(task):
    # What is due keeps its place in the queue.
    for entry in _queue:
        if entry[2] is task and ticks_diff(entry[0], ticks_ms()) > 0:
            _queue.remove(entry)
            _push(task)
            return


def _first():
    # The entry that is due first or, of several, came first; None when the queue is empty.
    now = ticks_ms()
    return min(_queue, key=lambda entry: (ticks_diff(entry[0], now), entry[1]), default=None)


def create_task(coro):
    if not hasattr(coro, "send"):
        raise TypeError("coroutine expected")
    task = Task(coro)
    _push(task)
    return task


def _promote(awaitable):
    return awaitable if isinstance(awaitable, Task) else create_task(awaitable)


def current_task():
    if cur_task is None:
        raise RuntimeError("no running event loop")
    return cur_task


def run(coro):
    return _run_until_complete(create_task(coro))


def _run_until_complete(main):
    global cur_task
    main._asked = True
    while not main._done:
        first = _first()
        wait = max(0, ticks_diff(first[0], ticks_ms())) if first else None
        # Sockets first and always: tasks that are ready all the time must not starve them.
        _waiting.poll(wait)
        first = _first()
        if first and ticks_diff(first[0], ticks_ms()) <= 0:
            _queue.remove(first)
            cur_task = first[2]
            try:
                _step(cur_task)
            finally:
                cur_task = None
    value, error = main._outcome
    if error is not None:
        raise error
    return value


def _step(task):
    if task._done:
        _tell(task)
        return
    error, task._error = task._error, None
    try:
        if error is None:
            task.coro.send(None)
        else:
            task.coro.throw(error)
    except StopIteration as stop:
        _finish(task, stop.value, None)
    except (CancelledError, Exception) as failure:
        _finish(task, None, failure)


def _finish(task, value, error):
    task._done, task._outcome = True, (value, error)
    _alive.discard(task)
    if task._callback:
        task._callback(task, error)
        task._callback, task._asked = None, True
    for joiner in task._joiners:
        _push(joiner)
    task._joiners = []
    if error is not None and not isinstance(error, CancelledError) and not task._asked:
        # Somebody may still ask: told at its next turn, when nobody did by then.
        _push(task)


def _tell(task):
    if not task._asked:
        Loop.call_exception_handler(
            {
                "message": "Task exception wasn't retrieved",
                "exception": task._outcome[1],
                "future": task,
            }
        )


class _Waiting:
    # Tasks that wait for a socket or a ThreadSafeFlag.

    def __init__(self):
        # id of the stream -> [task that waits to read, task that waits to write, stream].
        self._streams = {}

    def add(self, stream, kind):
        entry = self._streams.setdefault(id(stream), [None, None, stream])
        index = 0 if kind == POLLIN else 1
        if entry[index]:
            raise RuntimeError("two tasks wait for the same stream")
        entry[index] = cur_task
        cur_task._place = self

    def remove(self, task):
        # As in MicroPython 1.29: the whole stream goes, so that a task that waits for its other
        # direction is never woken. Code that cancels one of two has to live with it there, too.
        for key, (reader, writer, _) in list(self._streams.items()):
            if task is reader or task is writer:
                del self._streams[key]

    def poll(self, timeout_ms):
        poller = select.poll()
        keys = {}
        for key, (reader, writer, stream) in self._streams.items():
            fd = stream.fileno()
            if fd < 0:
                # A flag that is set, or a socket that was closed.
                timeout_ms = 0 if _flagged(stream) else timeout_ms
            else:
                keys[fd] = key
                poller.register(fd, (reader and POLLIN or 0) | (writer and POLLOUT or 0))
        events = {keys[fd]: event for fd, event in _board.wait(poller, timeout_ms)}
        for key, entry in list(self._streams.items()):
            event = events.get(key, 0) if entry[2].fileno() >= 0 else _flagged(entry[2])
            self._wake(key, entry, event)

    def _wake(self, key, entry, event):
        # An error or a hang-up wakes both.
        for index, other in ((0, POLLOUT), (1, POLLIN)):
            if event & ~other and entry[index]:
                _push(entry[index])
                entry[index] = None
        if entry[0] is entry[1] is None:
            self._streams.pop(key, None)


def _flagged(stream):
    if isinstance(stream, ThreadSafeFlag):
        return POLLIN if stream.state else 0
    return POLLNVAL


_waiting = _Waiting()


async def _ready(stream, kind):
    # Waits until a stream can be read or written.
    _waiting.add(stream, kind)
    await _Suspend()


class _Sleep:
    def __init__(self, ms):
        self._due = ticks_add(ticks_ms(), max(0, ms))

    def __await__(self):
        _push(cur_task, self._due)
        yield


def sleep_ms(ms):
    return _Sleep(ms)


def sleep(seconds):
    return _Sleep(int(seconds * 1000))


async def wait_for(awaitable, timeout, sleep=sleep):
    task = _promote(awaitable)
    if timeout is None:
        return await task
    watcher = create_task(_watch(task, cur_task))
    try:
        await sleep(timeout)
    except CancelledError as cancelled:
        if not cancelled.args:
            # By somebody else.
            watcher.cancel()
            raise
        error, value = cancelled.args
        if error is not None:
            raise error from None
        return value
    # A task that ends in spite of its cancelling is late all the same.
    watcher.cancel()
    await watcher
    raise TimeoutError


async def _watch(task, waiter):
    # Ends the waiter's sleep when a task is done. (As in MicroPython 1.29, it can hit the sleep
    # of a waiter that was cancelled, caught that and sleeps again.)
    try:
        found = (None, await task)
    except (CancelledError, Exception) as error:
        found = (error, None)
    if waiter._place is None and waiter._error is None and waiter.cancel():
        waiter._error = CancelledError(*found)


def wait_for_ms(awaitable, timeout):
    return wait_for(awaitable, timeout, sleep_ms)


class _Gathered:
    # Where a task waits for gather(): nothing to be taken from.
    def remove(self, task):
        pass


async def gather(*awaitables, return_exceptions=False):
    tasks = [_promote(awaitable) for awaitable in awaitables]
    me, place = cur_task, _Gathered()
    left, failure, cancelled = 0, None, False

    def done(task, error):
        nonlocal left, failure
        if me._place is not place:
            # Cancelled, or woken by another's failure.
            return
        left -= 1
        if error is not None and not return_exceptions:
            failure = error
        if failure or not left:
            _push(me)

    for task in tasks:
        if task._callback or task._joiners:
            raise RuntimeError("can't gather")
        if not task._done:
            task._callback = done
            left += 1
    hopeless = not return_exceptions and any(t._done and t._outcome[1] for t in tasks)
    if left and not hopeless:
        me._place = place
        try:
            await _Suspend()
        except CancelledError as error:
            failure, cancelled = error, True
    for task in tasks:
        if task._callback is done:
            task._callback = None
            if cancelled:
                task.cancel()
        elif task._outcome[1] and not return_exceptions:
            failure = failure or task._outcome[1]
    if failure:
        raise failure
    return [task._outcome[1] or task._outcome[0] for task in tasks]


class Event:
    def __init__(self):
        self.state = False
        self.waiting = []

    def is_set(self):
        return self.state

    def set(self):
        for task in self.waiting:
            _push(task)
        self.waiting.clear()
        self.state = True

    def clear(self):
        self.state = False

    async def wait(self):
        if not self.state:
            self.waiting.append(cur_task)
            cur_task._place = self.waiting
            await _Suspend()
        return True


class ThreadSafeFlag:
    # Set by interrupt handlers; the loop looks at it as at a socket, when it polls.
    def __init__(self):
        self.state = 0

    def fileno(self):
        return -1

    def set(self):
        self.state = 1

    def clear(self):
        self.state = 0

    async def wait(self):
        if not self.state:
            await _ready(self, POLLIN)
        self.state = 0


class Lock:
    def __init__(self):
        # False, True, or the task that it was handed to and that didn't run yet.
        self.state = False
        self.waiting = []

    def locked(self):
        return self.state is True

    def release(self):
        if self.state is not True:
            raise RuntimeError("Lock not acquired")
        self.state = False
        if self.waiting:
            self.state = self.waiting.pop(0)
            _push(self.state)

    async def acquire(self):
        if self.state is not False:
            self.waiting.append(cur_task)
            cur_task._place = self.waiting
            try:
                await _Suspend()
            except CancelledError:
                if self.state is cur_task:
                    # Handed over at the moment of the cancelling: on to the next.
                    self.state = True
                    self.release()
                raise
        self.state = True
        return True

    async def __aenter__(self):
        return await self.acquire()

    async def __aexit__(self, exc_type, exc, tb):
        self.release()


class Stream:
    def __init__(self, s, e=None):
        self.s = s
        self.e = e or {}
        # Bytes that the socket didn't take at once.
        self.out_buf = b""

    def get_extra_info(self, name):
        return self.e[name]

    def close(self):
        pass

    async def wait_closed(self):
        self.s.close()

    async def read(self, n=-1):
        result = b""
        while True:
            await _ready(self.s, POLLIN)
            part = self.s.read(n)
            if part is not None:
                if n >= 0:
                    return part
                if not part:
                    return result
                result += part

    async def readinto(self, buf):
        await _ready(self.s, POLLIN)
        return self.s.readinto(buf)

    async def readexactly(self, n):
        result = b""
        while n:
            await _ready(self.s, POLLIN)
            part = self.s.read(n)
            if part is not None:
                if not part:
                    raise EOFError
                result += part
                n -= len(part)
        return result

    async def readline(self):
        line = b""
        while True:
            await _ready(self.s, POLLIN)
            part = self.s.readline()
            if part is not None:
                line += part
                if not part or line.endswith(b"\n"):
                    return line

    def write(self, buf):
        if not self.out_buf:
            count = self.s.write(buf)
            if count == len(buf):
                return
            buf = buf[count or 0 :]
        self.out_buf += bytes(buf)

    async def drain(self):
        if not self.out_buf:
            await sleep_ms(0)
            return
        left = memoryview(self.out_buf)
        while left:
            await _ready(self.s, POLLOUT)
            left = left[self.s.write(left) or 0 :]
        self.out_buf = b""


StreamReader = StreamWriter = Stream


async def open_connection(host, port, ssl=None, server_hostname=None):
    import socket
    from errno import EINPROGRESS

    family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    s = socket.socket(family, kind, protocol)
    s.setblocking(False)
    try:
        s.connect(address)
    except OSError as error:
        if error.errno != EINPROGRESS:
            raise
    if ssl:
        s = ssl.wrap_socket(
            s, server_hostname=server_hostname or host, do_handshake_on_connect=False
        )
        s.setblocking(False)
    await _ready(s, POLLOUT)
    stream = Stream(s)
    return stream, stream


class Loop:
    _exc_handler = None
    # The task whose end ends run_forever(); None while that doesn't run.
    _stopper = None

    def create_task(coro):
        return create_task(coro)

    def run_until_complete(awaitable):
        return _run_until_complete(_promote(awaitable))

    def run_forever():
        async def nothing():
            pass

        Loop._stopper = Task(nothing())
        _run_until_complete(Loop._stopper)

    def stop():
        if Loop._stopper:
            _push(Loop._stopper)
            Loop._stopper = None

    def close():
        pass

    def set_exception_handler(handler):
        Loop._exc_handler = handler

    def get_exception_handler():
        return Loop._exc_handler

    def default_exception_handler(loop, context):
        future = context["future"]
        print(context["message"], file=sys.stderr)
        print("future:", future, "coro=", future.coro, file=sys.stderr)
        sys.print_exception(context["exception"], sys.stderr)

    def call_exception_handler(context):
        (Loop._exc_handler or Loop.default_exception_handler)(Loop, context)


def get_event_loop(runq_len=0, waitq_len=0):
    return Loop


def new_event_loop():
    global _waiting
    _queue.clear()
    _waiting = _Waiting()
    return Loop


def abandon():
    # Forgets all tasks and returns their coroutines, for a board that is off or reset.
    new_event_loop()
    coros = [task.coro for task in _alive]
    _alive.clear()
    return coros
