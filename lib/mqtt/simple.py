"""The blocking client: umqtt.simple's class, names and meaning, but no call hangs.

A program for umqtt.simple needs only another import: `from mqtt.simple import MQTTClient`. What
fails raises OSError after `timeout` seconds at most, and `sock` is None then: connect() again.
"""

import select
import socket
from errno import EINPROGRESS, ENOTCONN, ETIMEDOUT
from time import ticks_diff, ticks_ms

from .packet import Refused, received_name
from .session import Session
from .topic import check_filter, check_name, data

# The broker refuses. Its args: CONNACK's code 1..5 or SUBACK's 0x80, and what to do.
MQTTException = Refused


class MQTTClient:
    """A connection. For messages larger than `buffer` bytes see large.py; else they are skipped.

    `window` is how many publishes at QoS 1 `publish_many` has in flight.
    """

    # How long, in s, a call waits for the broker: set it, or connect(timeout=...).
    timeout = 10

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None,
        ssl_params={}, window=8, buffer=1024,  # noqa: B006 - umqtt's, and never changed
    ):  # fmt: skip
        self.server = server
        self.port = port or (8883 if ssl else 1883)
        self.ssl = ssl
        self.ssl_params = ssl_params
        # None without a connection. It never blocks: time limits are those of `_poll`.
        self.sock: callable = None
        self._poll: callable = None
        self.set_callback(None)
        if not user:
            user = password = None
        # Its window has no end, for the callback can't wait: `window` is held to here.
        session: callable = Session(
            client_id, user, password, keepalive, True, None, 65535, buffer
        )
        self.session = session
        self.window = window
        session.on_message = self._on_message
        session.on_done = self._on_done
        self._answer_ms = session.response_ms
        # QoS by filter: what a new session at the broker has to be told.
        self._subscribed = {}
        # Name checked last, and its bytes: it is checked once when one topic repeats.
        self._topic = self._name = None
        # Topic received last: it is checked once when one topic repeats.
        self._seen = bytearray()
        # True in the callback, where nothing may be received.
        self._inside = False
        # Identifier of the publish or request that was waited for last.
        self._wanted = 0
        # What is to be raised when it can be; and first byte of the PUBLISH received last.
        self._error = self._op = None

    def set_callback(self, f, views=False):
        """f(topic, msg) gets bytes.

        With `views` f(topic, msg, retain, dup, qos) gets views that live until it returns.
        """
        self.cb = f
        self._views = views

    def set_last_will(self, topic, msg, retain=False, qos=0):
        """Sets the will of the next connect(). Raises TopicError."""
        self.session.options[5] = (check_name(topic), msg, qos, retain)

    def connect(self, clean_session=True, timeout=None):
        """Connects; returns if the broker still had the session. Raises OSError, MQTTException."""
        self._drop()
        self.timeout = timeout or self.timeout
        session = self.session
        session.connack_ms = ms = int(self.timeout * 1000)
        # One repeat, and the answer to it, in time.
        session.response_ms = min(self._answer_ms, ms // 2)
        session.options[4] = clean_session
        session.open(ticks_ms())
        try:
            self._link(ms)
            while not session.connected:
                self._serve(ms)
        finally:
            if not session.connected:
                self._drop()
        if not session.present:
            for name, qos in list(self._subscribed.items()):
                self._ask(0x82, name, qos)
        return session.present

    def disconnect(self):
        """Waits until all is acknowledged, says goodbye and closes. Raises OSError."""
        try:
            if self.sock:
                self._await(0)
                self.session.disconnect()
                self._flush()
        finally:
            self._drop()

    def ping(self):
        """Asks for a sign of life. With `keepalive` the other calls do it when it is due."""
        self._flush()
        self.session.ping(ticks_ms())
        self._flush()

    def publish(self, topic, msg, retain=False, qos=0):
        """Publishes; at QoS 1 returns when it is acknowledged, in the callback at once.

        It is kept then when OSError is raised: connect() sends it again.
        """
        if qos:
            self._post(topic, msg, retain, qos)
            self._flush()
            self._await()
            return
        if topic is not self._topic:
            self._check(topic)
        if not isinstance(msg, bytes):
            msg = data(msg)
        try:
            while not self.session.publish(self._name, msg, 0, retain, ticks_ms()):
                self._flush()
        except OSError:
            self._drop()  # also if a Source broke within the packet
            raise
        self._flush()

    def publish_many(self, messages, retain=False, qos=1):
        """Publishes (topic, msg) pairs with the window full; returns when all are acknowledged."""
        last = self.window - 1
        self._await(last)
        for topic, msg in messages:
            (self._post if qos else self.publish)(topic, msg, retain, qos)
            # Now and not before the next, which would be lost with the link.
            self._await(last)
        self._await(0)

    def subscribe(self, topic, qos=0):
        """Subscribes; in the callback it does not wait. Raises MQTTException if refused."""
        if not self.cb or qos not in (0, 1):
            raise ValueError("set_callback first; QoS is 0 or 1")
        name = check_filter(topic)
        self._ask(0x82, name, qos)
        self._subscribed[name] = qos

    def unsubscribe(self, topic):
        """Ends a subscription; in the callback it does not wait."""
        name = check_filter(topic)
        self._subscribed.pop(name, None)
        self._ask(0xA2, name, 0)

    def wait_msg(self):
        """Takes one packet. Returns a PUBLISH's first byte, else None.

        After `timeout` of silence it pings: the answer ends the wait, too. Raises OSError.
        """
        self._op = None
        ms = self.session.connack_ms
        if not self._inside and not self._serve(ms, True):
            self.ping()
            self._serve(ms, True)
        return self._op

    def check_msg(self):
        """Takes what is there without waiting. Returns what wait_msg does, of the last one."""
        self._op = None
        if not self._inside:
            self._serve(0)
        return self._op

    # Sending

    def _check(self, topic):
        self._name = check_name(topic)
        self._topic = topic

    def _post(self, topic, msg, retain, qos):
        # Hands a message at QoS 1 to the session as soon as there is room.
        if qos != 1:
            raise ValueError("QoS is 0 or 1")
        if topic is not self._topic:
            self._check(topic)
        msg = data(msg)
        if not isinstance(msg, bytes) and not hasattr(msg, "open"):
            msg = bytes(msg)  # it stays as it is until it is acknowledged; a Source does
        self._open()
        self._await(self.window - 1)
        try:
            self._want(self.session.publish(self._name, msg, 1, retain, ticks_ms()))
        except OSError:
            self._drop()
            raise

    def _ask(self, first, name, qos):
        self._want(self.session.ask(first, ((name, qos),), ticks_ms(), name))
        self._flush()
        self._await()

    def _want(self, packet_id):
        if not self._inside:
            self._wanted = packet_id

    def _open(self):
        if not self.sock:
            raise OSError(ENOTCONN)

    def _flush(self):
        # Sends all that is ready.
        sock = self.sock or self._open()
        session = self.session
        try:
            while session.tx_len:
                count = sock.write(session.tx, session.tx_len)
                if count:
                    session.sent(count, ticks_ms())
                else:
                    self._ready(select.POLLOUT, session.connack_ms)
        except OSError:
            self._drop()
            raise

    # Receiving

    def _await(self, count=-1):
        # Serves until no more are in flight, or until that wanted is answered. The callback
        # can't. The first in flight has its time, whatever else comes without end.
        session = self.session
        flight = session.flight
        first = None
        start = left = 0
        while not self._inside and (
            session.find(self._wanted) >= 0 if count < 0 else len(flight) > count
        ):
            now = ticks_ms()
            if first is None and not self.ssl:
                self._hurry(True)
            if flight[0] is not first:
                first = flight[0]
                start = now
            elif left <= 0:
                self._drop()
                raise OSError(ETIMEDOUT)
            # Without patience it still takes what came meanwhile.
            left = session.connack_ms - ticks_diff(now, start)
            self._serve(max(0, left))
        if first and self.sock and not self.ssl:
            self._hurry(False)
        if not self._inside:
            self._raise()

    def _serve(self, patience, single=False):
        # Takes one packet, or all that came with it; False if none came within `patience` ms.
        try:
            taken = self._take(patience, single)
            if self.session.tx_len:
                self._flush()
        except Exception:
            self._drop()
            raise
        self._raise()
        return taken

    def _raise(self):
        error = self._error
        if error:
            self._error = None
            raise error

    def _take(self, patience, single):
        self._open()
        session = self.session
        start = now = ticks_ms()
        taken = False
        while True:
            while self._receive(now):
                taken = True
                if single or self._error:
                    return True
            if session.tx_len:
                # What is owed may need its room, and the next packet, too.
                self._flush()
                continue
            if taken:
                return True
            count = self.sock.readinto(session.space())
            if count:
                session.received(count, ticks_ms())
            elif count == 0:
                raise OSError(-1, "the broker closed the connection")
            else:
                # Only now, for what is at hand may be the answer that seemed overdue.
                left = min(session.tick(now), patience - ticks_diff(now, start))
                if session.tx_len:
                    self._flush()
                if left <= 0:
                    return False
                self._ready(select.POLLIN, left)
            now = ticks_ms()

    def _receive(self, now):
        self._inside = True
        try:
            return self.session.receive(now)
        finally:
            self._inside = False

    def _on_message(self, topic, msg, first):
        self._op = first
        if topic != self._seen:
            received_name(topic)
            self._seen = bytearray(topic)
        if not self.cb:
            return
        try:
            if self._views:
                self.cb(topic, msg, first & 1, first >> 3 & 1, first >> 1 & 3)
            else:
                self.cb(bytes(topic), bytes(msg))
        except MemoryError:
            raise  # it ends the link, so the message is not acknowledged (4.8)
        except Exception as error:
            self._error = error

    def _on_done(self, name, outcome):
        if isinstance(outcome, OSError) and self.session.connected:
            self._error = outcome  # a Source broke, and nothing else
        if outcome == b"\x80":
            self._subscribed.pop(name, None)
            self._error = MQTTException(0x80, "subscription refused: %s" % name)

    # The link

    def _link(self, ms):
        # The name is resolved each time, and each address has its share of the time.
        found = socket.getaddrinfo(self.server, self.port, 0, socket.SOCK_STREAM)
        for info in found:
            try:
                return self._dial(info, ms // len(found))
            except OSError as error:
                self.sock.close()
                if info is found[-1]:
                    raise error

    def _dial(self, info, ms):
        self._poll = None
        self.sock = sock = socket.socket(*info[:3])
        sock.setblocking(False)
        self._hurry(self.ssl)
        try:
            sock.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                raise error
        if self._ready(select.POLLOUT, ms) & (select.POLLERR | select.POLLHUP):
            sock.read(1)  # raises what made it fail
        # No handshake yet: it goes on under the time limit of CONNECT.
        if self.ssl is True:
            import ssl

            params: callable = dict(self.ssl_params, do_handshake=False)
            self.sock = ssl.wrap_socket(sock, **params)
        elif self.ssl:
            self.sock = self.ssl.wrap_socket(
                sock, server_hostname=self.server, do_handshake_on_connect=False
            )
        self._poll = None

    def _hurry(self, now):
        # IPPROTO_TCP and TCP_NODELAY: what is waited for, and TLS, goes at once. Of other packets
        # those that come while one is on its way share a segment (Nagle's algorithm).
        self.sock.setsockopt(6, 1, 1 if now else 0)

    def _ready(self, mask, ms):
        # Waits for the socket and returns its events. Output has to go; input need not come.
        poll = self._poll
        if not poll:
            self._poll = poll = select.poll()
        poll.register(self.sock, mask)
        for _, events in poll.ipoll(ms):
            return events
        if mask == select.POLLOUT:
            raise OSError(ETIMEDOUT)

    def _drop(self):
        # Ends the link. Publishes at QoS 1 stay, requests don't.
        if self.sock:
            self.sock.close()
            self.sock = None
        self.session.close()
