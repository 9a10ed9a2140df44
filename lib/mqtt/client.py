"""The asyncio client: a supervised connection to an MQTT 3.1.1 broker."""

import asyncio
import random
import sys
from time import ticks_ms

from .packet import ProtocolError, request_size
from .sender import Delivery, NotConnected, Sender, Timeout
from .session import Overdue, Refused, Session, since
from .topic import Router
from .transport import tcp

_EARLY = " before CONNACK: check port and credentials"


def _filters(routes):
    return [(route.filter, route.qos) for route in routes]


class Client(Sender):
    """A connection that `run()` keeps up for ever. Attributes in ms may be set before it."""

    def __init__(
        self,
        client_id,
        host,
        port=1883,
        user=None,
        password=None,
        keep_alive=60,
        clean=True,
        will=None,
        window=8,
        buffer=1024,
    ):
        self.host = host
        self.port = port
        super().__init__(
            Session(client_id, user, password, keep_alive, clean, will, window, buffer)
        )
        self.session.on_message = self._on_message
        # How to connect: async (host, port, timeout_ms) -> socket.
        self.transport = tcp
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
        # Pause before attempt n: random from 0 to min(cap, base * 2**n).
        self.backoff_base_ms = 2_000
        self.backoff_cap_ms = 300_000
        # Coroutine handlers at work at a time; nothing is received while all are.
        self.handlers = 8
        self._router = Router()
        # Attempts since a link was steady.
        self._attempt = 0
        # When the link stood; None while it does not.
        self._stood = None
        # The tasks of a link: the way up, and reading.
        self._starter = self._reader = None
        self._busy = 0
        self._stopping = False
        self._over = asyncio.Event()
        self._asking = asyncio.Lock()

    # What the application calls

    def subscribe_always(self, topic_filter, handler, qos=0):
        """Registers handler(topic, payload, retain), a function or coroutine function.

        `payload` is a memoryview that lives until a function returns (a coroutine has its own
        copy). Subscribed in each connect. Raises TopicError, ValueError.
        """
        if qos not in (0, 1):
            raise ValueError("QoS is 0 or 1")
        return self._router.add(topic_filter, handler, qos)

    async def subscribe(self, topic_filter, handler, qos=0):
        """Like subscribe_always, and at once. Returns the QoS granted, 0x80 if refused."""
        route = self.subscribe_always(topic_filter, handler, qos)
        await self._ask(0x82, [route])
        return route.granted

    async def unsubscribe(self, topic_filter):
        """Ends a subscription, also that of subscribe_always. Raises NotConnected, Timeout."""
        await self._ask(0xA2, [self._router.remove(topic_filter)])

    def drop(self, reason):
        """Closes the link at once; run() goes on after the pause."""
        self._end(reason)

    def retry(self):
        """Ends the pause before the next attempt: the network is back. Else does nothing."""
        if self._reason is not None:
            self._attempt = 0
            self._over.set()

    async def stop(self, farewell=None, timeout_ms=2000):
        """Publishes farewell (topic, payload, qos, retain), disconnects; run() returns."""
        self._stopping = True
        if self.connected:
            self._reader = self._reader or asyncio.create_task(self._read(self._sock))
            try:
                if farewell:
                    await self.publish(*farewell, timeout_ms=timeout_ms)
            except Exception as error:
                self._report(error)
            self.session.disconnect()
            self._flush()
        self._end("stopped")
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
            self._reason = None
            self._starter = asyncio.create_task(self._start())
            self._wake(ticks_ms())
            try:
                await self._over.wait()
                if not self._stopping:
                    await self._pause()
            except asyncio.CancelledError:
                self._end("run() was cancelled")
                raise

    # The way up

    async def _start(self):
        try:
            if self.gate:
                began = ticks_ms()
                await self.gate()
                if since(ticks_ms(), began) > 100:
                    self._attempt = 0
            self._sock = sock = await self.transport(self.host, self.port, self.connect_ms)
            answer = Delivery(None)
            self.session.open(ticks_ms(), answer)
            self._reader = asyncio.create_task(self._read(sock))
            self._wake(ticks_ms())
            self._flush()
            await answer.wait()
            self._stood = ticks_ms()
            await self._subscribe_all()
            self.connected = True
            if self.on_connected:
                await self.on_connected(self.session.present)
        except Exception as error:
            self._fail(error)
        self._starter = None

    async def _subscribe_all(self):
        # Also when the session is present, for the board may have forgotten what it asked for.
        routes = self._router.routes
        while routes:
            count = min(8, len(routes))  # AWS takes eight filters a packet
            while count > 1 and request_size(_filters(routes[:count])) > len(self.session.tx):
                count -= 1
            await self._ask(0x82, routes[:count])
            for route in routes[:count]:
                if route.granted == 128:
                    self._report(NotConnected("subscription refused: " + route.name))
            routes = routes[count:]

    async def _ask(self, first, routes):
        # One SUBSCRIBE or UNSUBSCRIBE at a time.
        async with self._asking:
            delivery = Delivery(None)
            if not self.session.ask(first, _filters(routes), ticks_ms(), delivery):
                raise self._absent()
            self._flush()
            outcome = await delivery.wait()
        if outcome:
            for route, code in zip(routes, outcome):
                route.granted = code

    # The end of a link

    def _fail(self, error):
        text = str(error)
        if isinstance(error, Refused) and error.code != 3:
            self._attempt += 2  # waiting does not heal it
        elif isinstance(error, OSError):
            explain = getattr(self.transport, "explain", None)
            known = explain and explain(error)
            text = "%s:%s: %s" % (self.host, self.port, known or error)
            if self._stood is None and not known:
                text += ": no connection, check host, port and network"
        elif not isinstance(error, (ProtocolError, Overdue, Refused, NotConnected, Timeout)):
            self._report(error)
            text = "error: %r" % error
        self._end(text)

    def _report(self, error):
        try:
            self.on_error(error)
        except Exception as another:
            sys.print_exception(another)

    def _end(self, reason):
        # Does nothing when the link has ended already.
        if self._reason is not None:
            return
        self._reason = reason
        self.connected = False
        me = asyncio.current_task()
        for task in (self._starter, self._reader, self._writer):
            if task and task is not me:
                task.cancel()
        self._starter = self._reader = self._writer = None
        if self._sock:
            self._sock.close()
            self._sock = None
        asked = self.session.close()
        if asked:
            asked.finish(NotConnected(reason))
        for entry in self._line[:]:
            if not entry[2]:
                self._line.remove(entry)
                entry[4].finish(NotConnected(reason))
        self._over.set()

    async def _pause(self):
        if self._stood is not None and since(ticks_ms(), self._stood) >= self.steady_ms:
            self._attempt = 0
        self._stood = None
        limit = min(self.backoff_cap_ms, self.backoff_base_ms << min(self._attempt, 20))
        self._attempt += 1
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

    # Receiving

    async def _read(self, sock):
        session = self.session
        stream = asyncio.StreamReader(sock)
        try:
            while sock is self._sock:
                count = await stream.readinto(session.space())
                if count == 0:
                    early = "" if session.connected else _EARLY
                    self._end("the broker closed the connection" + early)
                elif count:
                    session.received(count, ticks_ms())
                    await self._take()
        except Exception as error:
            self._fail(error)
        finally:
            if sock is self._sock:  # killed by a KeyboardInterrupt: stop() starts it again
                self._reader = None

    async def _take(self):
        session = self.session
        # While input is at hand answers gather, to go out in one write.
        while session.receive(ticks_ms()) or session.owed:
            if session.owed:
                self._flush()
            while session.owed and self._writer or self._busy >= self.handlers:
                await asyncio.sleep_ms(5)
        self._flush()

    def _on_message(self, topic, payload, first):
        self._router.route(topic, payload, bool(first & 1), self._call)

    def _call(self, route, topic, payload, retain):
        try:
            result = route.handler(topic, payload, retain)
            if hasattr(result, "send"):
                # A coroutine, not begun yet: once more, with a copy that outlives the buffer.
                result.close()
                result = route.handler(topic, memoryview(bytes(payload)), retain)
                self._busy += 1
                asyncio.create_task(self._handle(result))
        except Exception as error:
            self._report(error)

    async def _handle(self, coroutine):
        try:
            await coroutine
        except Exception as error:
            self._report(error)
        finally:
            self._busy -= 1
