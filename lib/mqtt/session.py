"""The protocol's state without I/O: identifiers, window, keep alive, resume.

The front puts what came from the socket into `space()` and calls `received` and `receive`, sends
`tx[:tx_len]` and calls `sent`, and calls `tick` when it is due. `now` is in ms of any counter that
wraps at a multiple of 2**30. ProtocolError, Overdue and Refused end the connection.
"""

from errno import ETIMEDOUT

from .packet import Overdue, Refused, connect, put_length, request, since, violation


class Session:
    """MQTT 3.1.1 at QoS 0 and 1, with two buffers and a window of packets in flight."""

    def __init__(
        self, client_id, user=None, password=None, keep_alive=60, clean=True, will=None,
        window=8, buffer=1024,
    ):  # fmt: skip
        self.options = [client_id, user, password, keep_alive, clean, will]
        connect(self.options)  # a wrong one shows at once; a will is (topic, payload, qos, retain)
        # How many packets go out before the first is answered.
        self.window = window
        # Whether those in flight go out behind CONNECT, before CONNACK (3.1.4).
        self.early = False
        # ms the server has for CONNACK; for other answers, or for taking output.
        self.connack_ms = 10_000
        self.response_ms = min(10_000, max(2_000, keep_alive * 200)) if keep_alive else 10_000
        # Called with (topic, payload, first byte), views that live until it returns; (ticket,
        # None, session present or SUBACK's bytes); (topic, piece, offset, size) if it is set.
        self.on_message = self.on_done = self.on_piece = None
        # What CONNACK said: the server still had the session.
        self.present = False
        # What waits to be sent, up to tx_len.
        self.tx = bytearray(buffer)
        # Packets that wait for their answer, in order (4.6): (identifier, first byte, topic,
        # payload, ticket), or of a request (.., no topic, whole packet, ticket, filters).
        self.flight = []
        # How many of them went out in this session: the next time it is with DUP (3.3.1.1).
        self._known = 0
        self._last_id = 0
        # What was received and not taken lies in rx from _pos to _end.
        self._rx = memoryview(bytearray(buffer))
        self._body: callable = b""
        self.close()

    def open(self, now, ticket=None):
        """Begins a connection: puts CONNECT into tx. CONNACK calls on_done(ticket, present)."""
        self.close()
        self._now = self._heard = self._sent = now
        self._limit = self.window + 1 if self.early else 1
        if self.options[4]:
            self._known = 0
        self._first(0, 0x12, connect(self.options), ticket, None)

    def close(self):
        """Ends the connection. Returns the tickets that get no answer now; publishes stay."""
        # True from CONNACK until the connection ends.
        self.connected = False
        # How many of those in flight may go out, and how many did, on this connection.
        self._limit = self._next = 0
        self.tx_len = self._pos = self._end = 0
        if hasattr(self._body, "close"):
            self._body.close()
        self._body = b""  # rest of a payload that did not fit into tx: until its end tx is full
        # A message larger than rx that is on its way through it, or None.
        self._large = None
        # When a PINGREQ without an answer was sent, or None.
        self._pinged = None
        gone = []
        for entry in self.flight[:]:
            if entry[1] >> 4 != 3:
                gone.append(self._take(self.flight.index(entry))[4])
        return gone

    # Sending

    def publish(self, topic, payload, qos, retain, now, ticket=None):
        """Takes a message; `topic` and `payload` are bytes, the topic checked.

        A payload at QoS 1 must stay as it is until it is acknowledged. Returns an identifier (1
        with QoS 0), or 0 if QoS 0 has no room now or would overtake.
        """
        self._now = now
        first = 0x31 if retain else 0x30
        if len(topic) + 9 > len(self.tx):
            raise ValueError("a topic longer than the buffer")
        if not qos:
            if self._next < len(self.flight) or not self.connected:
                return 0
            return self._put(first, topic, 0, payload)
        packet_id = self._new_id()
        self.flight.append((packet_id, first | 2, topic, payload, ticket))
        self._pump()
        return packet_id

    def ask(self, first, filters, now, ticket=None):
        """Takes SUBSCRIBE (0x82) or UNSUBSCRIBE (0xA2) of (filter, qos); returns its id."""
        self._now = now
        if not self.connected:
            return 0
        packet_id = self._new_id()
        raw = request(first, packet_id, filters)
        return self._first(packet_id, first, raw, ticket, len(filters))

    def ping(self, now):
        """Puts PINGREQ into tx (3.12), if there is room."""
        self._now = now
        if self._put(0, b"", 0, b"\xc0\0") and self._pinged is None:
            self._pinged = now

    def disconnect(self):
        """Puts DISCONNECT into tx (3.14), if there is room."""
        self._put(0, b"", 0, b"\xe0\0")

    def forget(self, ticket):
        """Gives up the publish in flight of that ticket; a late PUBACK does no harm."""
        for entry in self.flight:
            if entry[4] is ticket:
                self._take(self.find(entry[0]))
                return self._pump()

    def find(self, packet_id):
        """Returns the place in flight of an identifier, or -1."""
        place = 0
        for entry in self.flight:
            if entry[0] == packet_id:
                return place
            place += 1  # noqa: SIM113 - enumerate allocates
        return -1

    def sent(self, count, now):
        """The socket took `count` bytes of tx: moves the rest to its start, and fills up."""
        self._now = self._sent = now
        left = self.tx_len - count
        if left:
            view = memoryview(self.tx)
            view[:left] = view[count : self.tx_len]
        self.tx_len = left
        if self._body:
            self._fill()
            self._mark = now  # all answers have their time from the end of a long packet
            if self._pinged is not None:
                self._pinged = now
        if self.flight:
            self._pump()

    def _new_id(self):
        # 1..65535, never one in use (2.3.1).
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self.find(self._last_id) < 0:
                return self._last_id

    def _first(self, packet_id, first, raw, ticket, filters):
        # Puts a request before the publishes that have not gone out.
        self._known += self._next < self._known
        self.flight.insert(self._next, (packet_id, first, b"", raw, ticket, filters))
        self._pump()
        return packet_id

    def _take(self, place):
        # Takes a packet out of those in flight.
        self._next -= place < self._next
        self._known -= place < self._known
        if not place:  # the next has its own time from here on, and its own repeat
            self._mark = self._now
            self._again = False
        return self.flight.pop(place)

    def _pump(self):
        # Puts into tx what may go out and has room, in order (4.4, 4.6).
        while self._next < self._limit and self._next < len(self.flight):
            try:
                if not self._send(self._next):
                    break
            except OSError as error:  # a Source that broke: if within the packet it closed
                if not self._limit:
                    raise
                self.on_done(self._take(self._next)[4], error)
                continue
            self._next += 1
            self._known = max(self._known, self._next)

    def _send(self, place):
        if not place:
            self._mark = self._now
        entry = self.flight[place]
        dup = 8 if place < self._known else 0
        return self._put(entry[1] | dup, entry[2], entry[0], entry[3])

    def _put(self, first, topic, packet_id, payload):
        # A whole packet has no topic. One larger than tx is begun in an empty one.
        tx = self.tx
        pos = self.tx_len
        width = len(topic)
        size = len(payload)
        if pos and pos + width + size + 9 > len(tx):
            return 0
        if topic:
            tx[pos] = first
            rest = size + width + (4 if packet_id else 2)
            if rest < 128:  # spares a call
                tx[pos + 1] = rest
                pos += 2
            else:
                pos = put_length(tx, pos + 1, rest)
            tx[pos] = width >> 8
            tx[pos + 1] = width & 255
            end = pos + 2 + width
            tx[pos + 2 : end] = topic
            pos = end
            if packet_id:
                tx[pos] = packet_id >> 8
                tx[pos + 1] = packet_id & 255
                pos += 2
        end = pos + size
        self._sent = self._now  # also when the socket took something
        try:
            if end <= len(tx):
                tx[pos:end] = payload
                self.tx_len = end
                return 1
            self._body = memoryview(payload)
        except (TypeError, NotImplementedError):
            self._body = payload.open(self)  # a Source: see large.py
        self.tx_len = pos
        self._fill()
        return 1

    def _fill(self):
        start = self.tx_len
        body = self._body
        self.tx_len = end = min(start + len(body), len(self.tx))
        self.tx[start:end] = body[: end - start]
        self._body = body[end - start :]

    # Receiving

    def space(self):
        """Returns the free part of the receive buffer: read from the socket into it."""
        left = self._end - self._pos
        if left and self._pos:
            self._rx[:left] = self._rx[self._pos : self._end]
        self._pos, self._end = 0, left
        return self._rx[left:] if left else self._rx

    def received(self, count, now):
        """So many bytes came into `space()`."""
        self._end += count
        self._heard = now

    def receive(self, now):
        """Takes a packet; False if it needs more input or room. Raises ProtocolError, Refused."""
        self._now = now
        rx = self._rx
        pos = self._pos
        if self._large:
            return self._large.take()
        size = shift = 0
        start = pos + 1
        while True:
            if start >= self._end:
                return False
            byte = rx[start]
            start += 1
            size |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 21:
                raise violation(223)
        first = rx[pos]
        stop = start + size
        large = stop - pos > len(rx)
        publish = first >> 4 == 3
        if self.connected == (first == 0x20) or (large if not publish else size < 2):
            raise violation(310, first)
        if stop > self._end and not (large and start + 2 <= self._end):
            return False
        if publish:
            return self._publish(first, start, stop, large)
        self._pos = stop
        self._answer(first, start, size)
        return True

    def _publish(self, first, start, stop, large):
        # The place of QoS 2, a module of its own, is here and in _answer.
        rx = self._rx
        qos = first & 6
        if qos > 2 or first & 8 and not qos:
            raise violation(331, first)
        end = body = start + 2 + (rx[start] << 8 | rx[start + 1])
        if qos:
            body += 2
        if end == start + 2 or body > stop:
            raise violation(332)
        if qos and self.tx_len + 4 > len(self.tx):
            return False  # no room for its PUBACK
        if large:
            from .large import Large

            self._large = Large(self, start + 2, end, body, stop)
            return True
        self._pos = stop
        if qos:
            self._ack(rx[end] << 8 | rx[end + 1])
        self.on_message(rx[start + 2 : end], rx[body:stop], first)
        return True

    def _ack(self, packet_id):
        # There is room, and it goes out before what a handler sends.
        if not packet_id:
            raise violation(231)
        tx = self.tx
        pos = self.tx_len
        tx[pos] = 0x40
        tx[pos + 1] = 2
        tx[pos + 2] = packet_id >> 8
        tx[pos + 3] = packet_id & 255
        self.tx_len = pos + 4
        self._sent = self._now

    def _answer(self, first, start, size):
        rx = self._rx
        outcome: callable = None
        if first == 0xD0 and not size:
            self._pinged = None
            return
        if first not in b"\x20\x40\x90\xb0" or (size < 3 if first == 0x90 else size != 2):
            raise violation(220, first)
        packet_id = rx[start] << 8 | rx[start + 1]
        if first == 0x90:
            outcome = bytes(rx[start + 2 : start + size])
            for code in outcome:
                if code > 2 and code != 128:
                    raise violation(393, code)
        if first == 0x20:
            code = packet_id & 255
            self.present = outcome = packet_id > 255
            if code > 5 or packet_id > 256 or outcome and self.options[4]:
                raise violation(322, packet_id)
            if code:
                from .advice import refusal

                raise Refused(code, refusal(code))
            self.connected = True
            self._limit = self.window
            if not outcome:
                self._known = self._next  # to a new session all is new (3.1.2.4)
            packet_id = 0
        # Late, doubled and unknown ones do no harm.
        place = self.find(packet_id)
        if place >= 0 and (self.flight[place][1] & 254) + 14 == first:
            if first == 0x90 and len(outcome) != self.flight[place][5]:
                raise violation(384)
            ticket = self._take(place)[4]
            self._pump()
            self.on_done(ticket, outcome)

    # Time

    def tick(self, now):
        """Does what is due; returns the ms until it is due again. Raises Overdue."""
        self._now = now
        limit = self.response_ms
        ping = self.options[3] * 750  # early: never may it be later than the keep alive (3.1.2.10)
        left = min(limit, ping or limit)
        if not self._limit:
            return left
        if not self.connected:
            return min(left, self._left(self.connack_ms, self._sent, "CONNACK"))
        if self._pinged is not None:
            left = min(left, self._left(limit, self._pinged, "PINGRESP"))
        elif ping and not self.tx_len:
            quiet = max(since(now, self._sent), since(now, self._heard))
            if quiet < ping:
                left = min(left, ping - quiet)
            else:
                self.ping(now)
        if self._next:
            wait = limit - since(now, self._mark)
            if wait > 0:
                left = min(left, wait)
            elif self._again:  # one repeat on a connection, then it is given up
                self._left(limit, self._mark, "acknowledgement")
            elif not self.tx_len:
                self._again = True
                self._send(0)
        if self.tx_len:
            left = min(left, self._left(limit, self._sent, "room for output"))
        return left

    def _left(self, limit, mark, what):
        left = limit - since(self._now, mark)
        if left <= 0:
            raise Overdue(ETIMEDOUT, "no %s within %d ms" % (what, limit))
        return left
