"""The asyncio client: a supervised connection to an MQTT 3.1.1 broker."""

import asyncio
import random
import sys
from time import ticks_ms

from .packet import MQTTError, Refused, since
from .router import Route, route
from .sender import Delivery, NotConnected, Sender, Timeout  # noqa: F401
from .session import Session
from .transport import tcp


class Client(Sender):
    """A connection that `run()` keeps up for ever. Attributes in ms may be set before it.

    `host` may be several brokers in order: a list of names or (name, port) pairs. `options` are
    those of a Session: user, password, keep_alive=60, clean=True, will, window=8, buffer=1024.
    """

    def __init__(self, client_id, host, port=1883, **options):
        hosts = (host,) if isinstance(host, str) else host
        self._brokers = [(one, port) if isinstance(one, str) else one for one in hosts]
        # Place in _brokers of that tried now, and that itself.
        self._broker = 0
        self.host = self.port = None
        super().__init__(Session(client_id, **options))
        self.session.on_message = self._on_message
        # How to connect: async (host, port, timeout_ms) -> socket.
        self.transport = tcp
        # Whether what waits may go out behind CONNECT, before CONNACK; off for a broker that
        # forbids it. It does not so behind an attempt or link that failed at once.
        self.early = True
        # Coroutine function awaited before each attempt, for instance until there is a network.
        self.gate: callable = None
        # Coroutine function of (session present), run after the subscriptions: the birth.
        self.on_connected: callable = None
        # Function of (reason as text, ms until the next attempt).
        self.on_disconnected: callable = None
        # Function of (exception of a handler or hook); it may not be None.
        self.on_error = sys.print_exception
        # Time limit of a connect, and how long a link stands to be taken for good.
        self.connect_ms = 10_000
        self.steady_ms = 60_000
        # Pause n: random up to min(cap, base * 2**(n - 1)); pause 0, behind the first attempt or
        # a link that was steady, up to a twentieth of base.
        self.backoff_base_ms = 2_000
        self.backoff_cap_ms = 300_000
        # Coroutine handlers at work at a time. Beyond, one a second is begun, but while a
        # publish is in flight, whose answer they may await, as many as come.
        self.handlers = 8
        # Replaced by a new list at each change, so a handler may change it while it is walked.
        self._routes = []
        # The tasks of a link: it, and its way up behind CONNACK.
        self._reader = self._starter = None
        # Attempts since a link was steady, and coroutine handlers at work.
        self._attempt = self._busy = 0
        # When the link stood; None while it does not. And whether the last failed at once.
        self._stood = None
        self._failed = False
        # Set when a link ends, or the pause behind it.
        self._over = asyncio.Event()
        self._stopping = False

    # What the application calls

    def subscribe_always(self, topic_filter, handler, qos=0):
        """Registers handler(topic, payload, retain, dup, qos), a function or coroutine function.

        `payload` is a memoryview that lives until a function returns (a coroutine has its own
        copy). Subscribed in each connect. Raises TopicError, ValueError.
        """
        if qos not in (0, 1):
            raise ValueError("QoS is 0 or 1")
        new = Route(topic_filter, handler, qos)
        self._forget(new.filter)
        self._routes.append(new)
        return new

    async def subscribe(self, topic_filter, handler, qos=0):
        """Like subscribe_always, and at once. Returns the QoS granted, 0x80 if refused."""
        new = self.subscribe_always(topic_filter, handler, qos)
        await self._ask(0x82, [new])
        return new.granted

    async def unsubscribe(self, topic_filter):
        """Ends a subscription, also that of subscribe_always. Raises NotConnected, Timeout."""
        gone = Route(topic_filter, None, 0)
        self._forget(gone.filter)
        await self._ask(0xA2, [gone])

    def drop(self, reason):
        """Closes the link at once; run() goes on after the pause."""
        self._end(reason)

    def retry(self):
        """Ends the pause before the next attempt, and lets the pauses begin anew: to be called
        when the network is back.
        """
        self._attempt = 0
        if self._reason is not None:
            self._over.set()

    async def stop(self, farewell=None, timeout_ms=2000):
        """Publishes farewell (topic, payload, qos, retain), disconnects; run() returns."""
        self._stopping = True
        if self.connected:
            # It may have been ended by a KeyboardInterrupt.
            if self._reader.done():
                self._reader = asyncio.create_task(self._read())
            try:
                if farewell:
                    await self.publish(*farewell, timeout_ms=timeout_ms)
            except Exception as error:
                self._report(error)
            self.session.disconnect()
            self._flush()
        self._end("stopped")
        for entry in self.session.flight[:]:
            self._give_up(entry[4], NotConnected("stopped"))
        self._over.set()

    def run(self):
        """Connects, serves and reconnects until stop(): to be awaited or made a task."""
        # Here and not in the coroutine: a stop() before its first step counts.
        self._stopping = False
        return self._run()

    async def _run(self):
        self._attempt = 0
        while not self._stopping:
            self._over.clear()
            self._reason = self._stood = None
            self._reader = asyncio.create_task(self._link())
            self._wake(ticks_ms())
            try:
                await self._over.wait()
                if not self._stopping:
                    await self._pause()
            except asyncio.CancelledError:
                self._end("run() was cancelled")
                raise

    async def _pause(self):
        n = self._attempt
        stood = -1 if self._stood is None else since(ticks_ms(), self._stood)
        self._failed = stood < min(1000, self.steady_ms)
        if self._failed:
            # The next broker, and a pause only behind the last.
            self._broker = (self._broker + 1) % len(self._brokers)
        else:
            self._broker = 0
            if stood >= self.steady_ms:
                n = 0
        base = self.backoff_base_ms
        limit = base // 20
        if not self._broker:
            if n:
                limit = min(self.backoff_cap_ms, base << min(n - 1, 20))
            n += 1
        self._attempt = n
        pause = random.randint(0, limit)
        if self.on_disconnected:
            try:
                self.on_disconnected(self._reason, pause)
            except Exception as error:
                self._report(error)
        self._over.clear()
        try:
            await asyncio.wait_for_ms(self._over.wait(), pause)
        except asyncio.TimeoutError:
            pass

    # A link

    async def _link(self):
        try:
            if self.gate:
                await self.gate()
            self.host, self.port = self._brokers[self._broker]
            self._sock = await self.transport(self.host, self.port, self.connect_ms)
            self._hurry = 1
            self.session.early = self.early and not self._failed
            self.session.open(ticks_ms())
            self._flush()
            self._wake(ticks_ms())
        except Exception as error:
            self._fail(error)
            return
        await self._read()

    async def _read(self):
        sock = self._sock
        session = self.session
        stream = asyncio.StreamReader(sock)
        try:
            while sock is self._sock:
                space = session.space()
                if self._writer:
                    # What is at hand may wait for room in the output, so this may not wait.
                    count = sock.readinto(space) if len(space) else None
                    if count is None:
                        await asyncio.sleep_ms(5)
                else:
                    count = await stream.readinto(space)
                if count == 0:
                    early = "" if session.connected else " before CONNACK: check port, credentials"
                    raise MQTTError("the broker closed the connection" + early)
                if count:
                    session.received(count, ticks_ms())
                # While input is at hand answers gather, to go out in one write.
                while True:
                    if not session.receive(ticks_ms()):
                        if not session.tx_len or self._writer:
                            break
                        self._flush()
                    for _ in range(200):
                        if self._busy < self.handlers or session.flight:
                            break
                        await asyncio.sleep_ms(5)
        except Exception as error:
            self._fail(error)

    def _on_done(self, ticket, outcome):
        if ticket:
            ticket.finish(outcome)
        else:
            self._starter = asyncio.create_task(self._rise(outcome))

    async def _rise(self, present):
        # From CONNACK on. Subscribes also when the session is present, for the board may have
        # forgotten what it asked for.
        self._stood = ticks_ms()
        try:
            routes = self._routes
            while routes:
                await self._ask(0x82, routes[:8])  # AWS takes eight filters a packet
                for one in routes[:8]:
                    if one.granted == 128:
                        self._report(NotConnected("subscription refused: " + one.name))
                routes = routes[8:]
            self.connected = True
            if self.on_connected:
                await self.on_connected(present)
        except Exception as error:
            self._fail(error)

    async def _ask(self, first, routes):
        delivery = Delivery(None)
        filters = [(one.filter, one.qos) for one in routes]
        if not self.session.ask(first, filters, ticks_ms(), delivery):
            raise self._absent()
        self._flush()
        outcome = await delivery.wait()
        if outcome:
            for one, code in zip(routes, outcome):
                one.granted = code

    def _fail(self, error):
        if isinstance(error, Refused) and error.args[0] != 3:
            self._attempt += 2  # waiting does not heal it
        text = None
        try:
            from .advice import link_fault

            text = link_fault(error, self)
            if not text:
                self._report(error)
        finally:
            # Whatever happens, for instance that there is no memory.
            self._end(text or "error: %r" % error)

    def _end(self, reason):
        # Does nothing when the link has ended already.
        if self._reason is not None:
            return
        self._reason = reason
        self.connected = False
        me = asyncio.current_task()
        for task in (self._reader, self._starter, self._writer):
            if task and task is not me:
                task.cancel()
        self._starter = self._writer = None
        if self._sock:
            self._sock.close()
            self._sock = None
        for delivery in self.session.close():
            if delivery:
                delivery.finish(NotConnected(reason))
        self._over.set()

    def _report(self, error):
        try:
            self.on_error(error)
        except Exception as another:
            sys.print_exception(another)

    # Messages

    def _forget(self, topic_filter):
        self._routes = [one for one in self._routes if one.filter != topic_filter]

    def _on_message(self, topic, payload, first):
        route(self._routes, topic, payload, first, self._call)

    def _call(self, one, topic, payload, first):
        retain = first & 1
        dup = first >> 3 & 1
        qos = first >> 1 & 3
        try:
            result = one.handler(topic, payload, retain, dup, qos)
            if hasattr(result, "send"):
                # A coroutine, not begun yet: once more, with a copy that outlives the buffer.
                result.close()
                result = one.handler(topic, memoryview(bytes(payload)), retain, dup, qos)
                self._busy += 1
                asyncio.create_task(self._handle(result))
        except MemoryError:
            raise  # it ends the link, so the message is not acknowledged (4.8)
        except Exception as error:
            self._report(error)

    async def _handle(self, coroutine):
        try:
            await coroutine
        except Exception as error:
            self._report(error)
        finally:
            self._busy -= 1
