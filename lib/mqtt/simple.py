"""The blocking client: umqtt.simple's class, names and meaning, but no call hangs.

A program for umqtt.simple needs only another import: `from mqtt.simple import MQTTClient`. What
fails raises OSError after `timeout` seconds at most, and `sock` is None then: connect() again.
"""

import select
import socket
from errno import EINPROGRESS, ENOTCONN, ETIMEDOUT
from time import ticks_diff, ticks_ms

from .packet import ProtocolError, data, empty, well_formed
from .session import Overdue, Refused, Session, since
from .topic import check_filter, check_name


class MQTTException(Exception):
    """The broker refuses. Its args: CONNACK's code 1..5 or SUBACK's 0x80, and what to do."""


class MQTTClient:
    """A connection. Messages received that are larger than `buffer` bytes are skipped."""

    # How long, in s, a call waits for the broker: set it, or connect(timeout=...).
    timeout = 10

    def __init__(
        self,
        client_id,
        server,
        port=0,
        user=None,
        password=None,
        keepalive=0,
        ssl=None,
        ssl_params={},  # noqa: B006 - umqtt's, and never changed
        window=8,
        buffer=1024,
    ):
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
        session: callable = Session(
            client_id, user, password, keepalive, True, None, window, buffer
        )
        self._session = session
        session.on_message = self._on_message
        session.on_done = self._on_done
        self._answer_ms = session.response_ms
        self._will = None
        # QoS by filter: what a new session at the broker has to be told.
        self._subscribed = {}
        # What waits for room: (first byte, filter, QoS), or (topic, payload, retain) of QoS 1.
        self._line = []
        # Number of the last publish at QoS 1, and the ticket waited for: 0 for any, or None.
        self._ticket = 0
        self._waiting = None
        # Name checked last, and its bytes: it is checked once when one topic repeats.
        self._topic = self._name = None
        # True in the callback, where nothing may be received.
        self._inside = False
        # What the callback raised or a broker refused, until it can be raised; and the first
        # byte of the PUBLISH received last.
        self._error = self._op = None

    def set_callback(self, f, views=False):
        """f(topic, msg) gets bytes; with `views` f(topic, msg, retain) views, until it returns."""
        self.cb = f
        self._views = views

    def set_last_will(self, topic, msg, retain=False, qos=0):
        """Sets the will of the next connect(). Raises TopicError."""
        self._will = (check_name(topic), msg, qos, retain)

    def connect(self, clean_session=True, timeout=None):
        """Connects; returns if the broker still had the session. Raises OSError, MQTTException."""
        self._drop()
        self.timeout = timeout or self.timeout
        session = self._session
        session.connack_ms = ms = int(self.timeout * 1000)
        # One repeat, and the answer to it, in time.
        session.response_ms = min(self._answer_ms, ms // 2)
        session._options = session._options[:4] + (clean_session, self._will)
        session.open(ticks_ms(), 0)
        try:
            self._link(ms)
            self._await(0)
        finally:
            if not session.connected:
                self._drop()
        if not session.present:
            for pair in list(self._subscribed.items()):
                self._ask((0x82,) + pair)
        return session.present

    def disconnect(self):
        """Waits until all is acknowledged, says goodbye and closes. Raises OSError."""
        try:
            if self.sock:
                self.publish_many(())
                self._session.disconnect()
                self._flush()
        finally:
            self._drop()

    def ping(self):
        """Asks for a sign of life. With `keepalive` the other calls do it when it is due."""
        self._flush()
        session = self._session
        session._now = now = ticks_ms()
        session._pinged = session._pinged or now
        session._grown(empty(session.tx, session.tx_len, 0xC0))
        self._flush()

    def publish(self, topic, msg, retain=False, qos=0):
        """Publishes; at QoS 1 returns when it is acknowledged, in the callback at once.

        A QoS 1 message is kept when OSError is raised: connect() sends it again.
        """
        if qos:
            self._post(topic, msg, retain, qos)
            self._flush()
            if not self._inside:
                self._await(self._ticket)
            return
        if topic is not self._topic:
            self._name = check_name(topic)
            self._topic = topic
        if not isinstance(msg, bytes):
            msg = data(msg)
        while not self._session.publish(self._name, msg, 0, retain, ticks_ms()):
            self._flush()
        self._flush()

    def publish_many(self, messages, retain=False, qos=1):
        """Publishes (topic, msg) pairs with the window full; returns when all are acknowledged."""
        self._until(self._session._window - 1)
        for topic, msg in messages:
            (self._post if qos else self.publish)(topic, msg, retain, qos)
            # Now and not before the next, which would be lost with the link.
            self._until(self._session._window - 1)
        self._until(0)
        self._finish()

    def subscribe(self, topic, qos=0):
        """Subscribes; in the callback it does not wait. Raises MQTTException if refused."""
        if not self.cb or qos not in (0, 1):
            raise ValueError("set_callback first; QoS is 0 or 1")
        name = check_filter(topic)
        self._ask((0x82, name, qos))
        self._subscribed[name] = qos

    def unsubscribe(self, topic):
        """Ends a subscription; in the callback it does not wait."""
        name = check_filter(topic)
        self._subscribed.pop(name, None)
        self._ask((0xA2, name, 0))

    def wait_msg(self):
        """Takes one packet. Returns a PUBLISH's first byte, else None.

        After `timeout` of silence it pings: the answer ends the wait, too. Raises OSError.
        """
        self._op = None
        ms = self._session.connack_ms
        if not self._inside and not self._serve(ms, True):
            self.ping()
            self._serve(ms, True)
        self._finish()
        return self._op

    def check_msg(self):
        """Takes what is there without waiting. Returns what wait_msg does, of the last one."""
        self._op = None
        if not self._inside:
            self._serve(0)
        return self._op

    # Sending

    def _post(self, topic, msg, retain, qos):
        # Hands a message at QoS 1 to the session as soon as there is room.
        if topic is not self._topic:
            self._name = check_name(topic)
            self._topic = topic
        if qos != 1:
            raise ValueError("QoS is 0 or 1")
        name = self._name
        msg = bytes(data(msg))  # it stays as it is until it is acknowledged
        if self._inside:
            self._line.append((name, msg, retain))
            return
        if not self.sock:
            raise OSError(ENOTCONN)
        self._until(self._session._window - 1)
        ticket = self._ticket + 1
        self._session.publish(name, msg, 1, retain, ticks_ms(), ticket)
        self._ticket = ticket

    def _until(self, used):
        # Waits until no more are in flight; the callback can't.
        while not self._inside and (self._session.used > used or self._line):
            self._await(0)

    def _ask(self, request):
        self._line.append(request)
        self._flush()
        if not self._inside:
            self._await(request)

    def _flush(self):
        # Sends all that is ready.
        if not self.sock:
            raise OSError(ENOTCONN)
        if self._line:
            self._pump()
        session = self._session
        try:
            while session.tx_len:
                count = self.sock.write(session.tx, session.tx_len)
                if count:
                    session.sent(count, ticks_ms())
                else:
                    left = session.connack_ms - since(ticks_ms(), session._sent)
                    self._ready(select.POLLOUT, left)
        except OSError:
            self._drop()
            raise

    def _finish(self):
        if self._session.tx_len:
            self._flush()

    def _pump(self):
        # Hands over what waits in line, while there is room.
        session = self._session
        line = self._line
        while line:
            a, b, c = line[0]
            ask = isinstance(a, int)
            if session.request.id if ask else session.used == session._window:
                break
            request = line.pop(0)
            if ask:
                session.ask(a, ((b, c),), ticks_ms(), request)
            else:
                session.publish(a, b, 1, c, ticks_ms(), 0)

    # Receiving

    def _serve(self, patience, single=False):
        # Takes one packet, or all that came with it; False if none came within `patience` ms.
        try:
            taken = self._take(patience, single)
        except Exception as error:
            self._drop()
            if isinstance(error, Refused):
                raise MQTTException(error.code, str(error))
            if isinstance(error, (Overdue, ProtocolError)):
                raise OSError(ETIMEDOUT if isinstance(error, Overdue) else -1, str(error))
            raise error
        error = self._error
        if error:
            self._error = None
            self._finish()
            raise error
        return taken

    def _take(self, patience, single):
        session = self._session
        start = now = ticks_ms()
        taken = False
        while True:
            while session.receive(now):
                taken = True
                if single or self._error:
                    return taken
            # What is owed waits for room, and the next packet for it.
            owed = session.owed
            if session.tx_len or self._line or not (taken or self.sock):
                self._flush()
            if owed:
                continue
            if taken:
                return taken
            count = self.sock.readinto(session.space())
            if count:
                session.received(count, ticks_ms())
            elif count == 0:
                raise OSError(-1, "the broker closed the connection")
            else:
                # Only now, for what is at hand may be the answer that seemed overdue.
                left = min(session.tick(now), patience - ticks_diff(now, start))
                self._finish()
                if left <= 0:
                    return taken
                self._ready(select.POLLIN, left)
            now = ticks_ms()

    def _await(self, ticket):
        # Serves until that one is answered.
        self._waiting = ticket
        start = ticks_ms()
        while self._waiting is not None:
            left = self._session.connack_ms - ticks_diff(ticks_ms(), start)
            if left <= 0:
                self._drop()
                raise OSError(ETIMEDOUT)
            self._serve(left)
        self._finish()

    def _on_message(self, topic, msg, first):
        self._op = first
        if not self.cb:
            return
        if not (self._views or well_formed(topic)):
            raise ProtocolError("a topic that is not UTF-8 (1.5.3)")
        self._inside = True
        try:
            if self._views:
                self.cb(topic, msg, bool(first & 1))
            else:
                self.cb(bytes(topic), bytes(msg))
        except Exception as error:
            self._error = error
        finally:
            self._inside = False

    def _on_done(self, ticket, outcome):
        if not self._waiting or ticket == self._waiting:
            self._waiting = None
        if outcome == b"\x80":
            self._subscribed.pop(ticket[1], None)
            self._error = MQTTException(0x80, "subscription refused: %s" % ticket[1])

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
        self.sock = sock = socket.socket(info[0], info[1], info[2])
        sock.settimeout(0)
        # IPPROTO_TCP and TCP_NODELAY: else Nagle's algorithm adds 40 ms to each exchange.
        sock.setsockopt(6, 1, 1)
        try:
            sock.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                raise error
        self._poll = select.poll()
        self._poll.register(self.sock, select.POLLOUT)
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
        self._poll = select.poll()
        self._poll.register(self.sock, select.POLLOUT)

    def _ready(self, mask, ms):
        # Waits for the socket and returns its events. Output has to go; input need not come.
        if ms > 0:
            self._poll.modify(self.sock, mask)
            for _, events in self._poll.ipoll(ms):
                return events
        if mask == select.POLLOUT:
            raise OSError(ETIMEDOUT)

    def _drop(self):
        # Ends the link. Publishes at QoS 1 stay, requests don't.
        if self.sock:
            self.sock.close()
            self.sock = None
        self._session.close()
        self._line = [one for one in self._line if not isinstance(one[0], int)]
