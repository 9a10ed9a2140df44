"""The sending half of the asyncio client: messages on their way to the socket."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from .packet import MQTTError
from .topic import check_name, data


class NotConnected(MQTTError):
    """There is no connection: a QoS 0 message or a subscription cannot wait for the next one."""


class Timeout(MQTTError):
    """No acknowledgement in time. The message may have arrived; it is not sent again."""


class Delivery:
    """A message or subscription on its way: `await wait()` for its end."""

    def __init__(self, deadline):
        # When it is given up, in ticks; None for never.
        self.deadline = deadline
        # None, SUBACK's outcomes, or the exception it ended with.
        self.result = None
        self._done = asyncio.Event()

    def finish(self, result):
        self.result = result
        self._done.set()

    def done(self) -> bool:
        """Tells if it has ended, well or not."""
        return self._done.is_set()

    async def wait(self):
        """Returns SUBACK's outcomes or None. Raises Timeout or NotConnected."""
        await self._done.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Handed:
    # What publish returns when nothing is left to wait for: awaiting it allocates nothing.

    def __init__(self):
        self.end = StopIteration()

    def __iter__(self):
        return self

    __await__ = __iter__

    def __next__(self):
        self.end.__traceback__ = None
        raise self.end

    def send(self, _):
        self.__next__()


HANDED = Handed()


async def turn():
    await asyncio.sleep_ms(0)


class Sender:
    """Hands messages to a session and its output to the socket. Half of a Client."""

    def __init__(self, session):
        self.session = session
        session.on_done = self._on_done
        # Time limit of a publish at QoS 1.
        self.publish_ms = 30_000
        # True from the answer to the subscriptions until the link ends.
        self.connected = False
        # Why the link ended; None while an attempt or a link goes on.
        self._reason = "not started"
        self._sock: callable = None
        # The task that writes when the socket is full, or None.
        self._writer = None
        # Name checked last, and its bytes: it is checked once when one topic repeats.
        self._topic = self._name = None
        # 1 while small packets go out at once, as those of a new link do.
        self._hurry = 1
        # Publishes at QoS 0 since the loop last had its turn.
        self._burst = 0
        # The task that does what is due, and until when it sleeps.
        self._timer = None
        self._alarm = 0

    def publish(self, topic, payload, qos=0, retain=False, timeout_ms=None):
        """Publishes str or bytes: to be awaited. QoS 0: done when handed to the socket.

        QoS 1: done when acknowledged, over reconnects; `payload` must stay as it is until
        then. Raises NotConnected (QoS 0 only), Timeout, TopicError, ValueError.
        """
        if qos:
            return self._finished(self.post(topic, payload, qos, retain, timeout_ms))
        if not self._now(topic, payload, retain):
            return self._later(topic, payload, retain)
        self._burst += 1
        # A tight loop must not keep the others from their turn.
        return HANDED if self._burst & 31 else turn()

    def post(self, topic, payload, qos=1, retain=False, timeout_ms=None):
        """Like publish at QoS 1, but returns a Delivery at once."""
        if qos != 1:
            raise ValueError("QoS is 0 or 1")
        if timeout_ms is None:
            timeout_ms = self.publish_ms
        now = ticks_ms()
        delivery = Delivery(ticks_add(now, timeout_ms))
        if topic is not self._topic:
            self._check(topic)
        try:
            self.session.publish(self._name, data(payload), 1, retain, now, delivery)
        except OSError as error:
            self._fail(error)  # a Source broke within the packet
            raise
        self._flush()
        self._wake(delivery.deadline)
        return delivery

    def _check(self, topic):
        self._name = check_name(topic)
        self._topic = topic

    def _absent(self):
        return NotConnected(self._reason or "not connected yet")

    def _now(self, topic, payload, retain):
        # The short way of QoS 0: no Delivery, one write.
        if self.connected:
            if topic is not self._topic:
                self._check(topic)
            try:
                if not self.session.publish(self._name, data(payload), 0, retain, ticks_ms()):
                    return False
            except OSError as error:
                self._fail(error)
                raise
            self._flush()
        if not self.connected:
            raise self._absent()
        return True

    async def _later(self, topic, payload, retain):
        # There was no room, or what goes first has none.
        while not self._now(topic, payload, retain):
            await asyncio.sleep_ms(5)

    async def _finished(self, delivery):
        try:
            await delivery.wait()
        except asyncio.CancelledError:
            self.session.forget(delivery)
            raise

    def _flush(self):
        # Writes what is ready, in one write; the rest of a short write is the writer's.
        session = self.session
        sock = self._sock
        try:
            hurry = 1 if session.flight else 0
            if hurry != self._hurry and hasattr(sock, "setsockopt"):
                # IPPROTO_TCP and TCP_NODELAY: what is waited for goes at once; of QoS 0 what
                # comes while one is on its way shares a segment (Nagle's algorithm).
                self._hurry = hurry
                sock.setsockopt(6, 1, hurry)
            while session.tx_len and self._sock and not self._writer:
                offered = session.tx_len
                count = sock.write(session.tx, offered) or 0
                if count:
                    session.sent(count, ticks_ms())
                if count < offered:
                    # TLS wants these bytes again and no more: they are encrypted already.
                    self._writer = asyncio.create_task(self._write(offered - count))
        except OSError as error:
            self._fail(error)

    async def _write(self, count):
        session = self.session
        stream = asyncio.StreamWriter(self._sock)
        try:
            while count:
                stream.write(memoryview(session.tx)[:count])
                await stream.drain()
                session.sent(count, ticks_ms())
                count = session.tx_len
            self._writer = None
        except Exception as error:
            self._writer = None
            self._fail(error)

    def _wake(self, deadline):
        # Sees to it that the timer looks again by then.
        if not self._timer:
            self._alarm = ticks_ms()
            self._timer = asyncio.create_task(self._watch())
        elif ticks_diff(self._alarm, deadline) > 0 and self._timer is not asyncio.current_task():
            self._timer.cancel()  # only its sleep is cut short by it

    async def _watch(self):
        try:
            while self._reason is None or self.session.flight:
                now = ticks_ms()
                ms = self._due(now)
                self._alarm = ticks_add(now, ms)
                try:
                    await asyncio.sleep_ms(ms)
                except asyncio.CancelledError:
                    pass
        finally:
            self._timer = None

    def _due(self, now):
        # Does what is due, and returns the ms until it is to be called again.
        ms = self.session.response_ms
        try:
            ms = self.session.tick(now)
        except Exception as error:
            self._fail(error)
        self._flush()
        for entry in self.session.flight[:]:
            delivery = entry[4]
            if delivery and delivery.deadline is not None:
                left = ticks_diff(delivery.deadline, now)
                if left > 0:
                    ms = min(ms, left)
                else:
                    self._give_up(delivery, Timeout("no acknowledgement in time"))
        return ms

    def _give_up(self, delivery, error):
        self.session.forget(delivery)
        delivery.finish(error)

    def _on_done(self, ticket, outcome):
        ticket.finish(outcome)

    def _fail(self, error) -> None:
        raise error  # a Client ends the link
