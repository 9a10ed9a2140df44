"""The protocol's state without I/O: identifiers, window, keep alive, resume.

The front puts what came from the socket into `space()` and calls `received` and `receive`, sends
`tx[:tx_len]` and calls `sent`, and calls `tick` when it is due. It says what time it is (`now`),
in ms of any counter that wraps at a multiple of 2**30. ProtocolError, Overdue and Refused end
the connection.
"""

from . import packet
from .packet import ProtocolError
from .topic import check_name
from .window import Window


class Overdue(Exception):
    """The server did not answer in time: close the connection. The text says what is missing."""


class Refused(Exception):
    """The server refused the connection. `code` is CONNACK's 1..5; only 3 heals by waiting."""

    def __init__(self, code):
        super().__init__(packet.refusal(code))
        self.code = code


def since(now, mark) -> int:
    """Returns the ms from `mark` to `now`, 0 if `mark` is the later. Up to six days."""
    # 2**30 is where the ESP32's counter wraps; the unix one wraps at a multiple of it.
    elapsed = (now - mark) & 0x3FFFFFFF
    return elapsed if elapsed < 0x20000000 else 0


class Session(Window):
    """MQTT 3.1.1 at QoS 0 and 1. Takes its memory at the start: two buffers and a window."""

    def __init__(
        self,
        client_id,
        user=None,
        password=None,
        keep_alive=60,
        clean=True,
        will=None,
        window=8,
        buffer=1024,
    ):
        if will:
            will = (check_name(will[0]),) + tuple(will[1:])
        self._options = (client_id, user, password, keep_alive, clean, will)
        # ms after which a PINGREQ is due: early, for an interval may never exceed it (3.1.2.10).
        self._ping_ms = keep_alive * 750
        # ms the server has for PUBACK, SUBACK, UNSUBACK and PINGRESP, and the socket for output.
        self.response_ms = min(10_000, max(2_000, keep_alive * 200)) if keep_alive else 10_000
        # ms the server has for CONNACK.
        self.connack_ms = 10_000
        # Called with (topic, payload, first byte) of a message, views that live until it returns.
        self.on_message = None
        # Called with (ticket, outcome) of an answer: None, CONNACK's session present, or
        # SUBACK's bytes.
        self.on_done = None
        # What was received and not taken yet lies in rx from _pos to _end.
        self._rx = memoryview(bytearray(buffer))
        # Packets larger than rx, passed over so far.
        self.skipped = 0
        # What CONNACK said: the server still had the session.
        self.present = False
        super().__init__(window, buffer)
        packet.connect(self.tx, *self._options)  # a wrong option shows at once

    def open(self, now, ticket=None):
        """Begins a connection: puts CONNECT into tx. CONNACK calls on_done(ticket, present)."""
        self.close()
        self._open = True
        self.request.ticket = ticket
        self._now = self._heard = now
        self._grown(packet.connect(self.tx, *self._options))

    def close(self):
        """Ends the connection, as Window.close does."""
        # True between open and close.
        self._open = False
        # Bytes still to pass over of a packet larger than rx.
        self._skip = 0
        # Bytes behind the identifier of such a packet; -1 when none is expected.
        self._rest = -1
        # When a PINGREQ without an answer was sent, or None.
        self._pinged = None
        self._pos = self._end = 0
        return super().close()

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
        """Takes the next packet. False when it needs more input, or output must go out first.

        Calls on_message and on_done. Raises ProtocolError or Refused.
        """
        self._now = now
        if self.owed or not self._open or (self._skip or self._rest >= 0) and not self._pass():
            return False
        pos = self._pos
        end = self._end
        size = packet.length(self._rx, pos + 1, end)
        if size < 0:
            return False
        start = pos + 2 + (size & 3)
        stop = start + (size >> 2)
        if stop > end:
            return stop - pos > len(self._rx) and self._oversized(start, stop)
        self._pos = stop
        first = self._rx[pos]
        if first >> 4 == 3:
            self._publish(first, start, stop)
        else:
            self._answer(first, start, stop)
        return True

    def _publish(self, first, start, stop):
        if not self.connected:
            raise ProtocolError("PUBLISH before CONNACK (3.2)")
        end = body = packet.topic_end(self._rx, start, stop, first)
        packet_id = 0
        if first & 6:
            self._check_qos(first)
            packet_id = packet.publish_id(self._rx, end)
            body += 2
        self.on_message(self._rx[start + 2 : end], self._rx[body:stop], first)
        # The handler may have closed the connection.
        if packet_id and self.connected:
            self.owed = packet_id
            self._pump()

    def _check_qos(self, first):
        # QoS 2 is a module of its own: here and in _answer (PUBREC, PUBREL, PUBCOMP) is its place.
        if first & 4:
            raise ProtocolError("PUBLISH at QoS 2, which nobody subscribed (3.8.4)")

    def _oversized(self, start, stop):
        # A PUBLISH larger than rx; a handler of pieces can come in here. Its head is passed over
        # first, then the identifier is taken, then the rest is passed over.
        pos = self._pos
        first = self._rx[pos]
        if first >> 4 != 3 or not self.connected:
            raise ProtocolError("packet 0x%02x is too long" % first)
        if self._end - start < 2:
            return False
        end = packet.topic_end(self._rx, start, stop, first)
        self._skip = stop - pos
        if first & 6:
            self._check_qos(first)
            self._skip = end - pos
            self._rest = stop - end - 2
        self.skipped += 1
        return True

    def _pass(self):
        # Passes over what is there of an oversized packet. True at its end.
        count = min(self._skip, self._end - self._pos)
        self._skip -= count
        self._pos += count
        if self._skip or self._rest < 0:
            return not self._skip
        if self._end - self._pos < 2:
            return False
        self.owed = packet.publish_id(self._rx, self._pos)
        self._pos += 2
        self._skip = self._rest
        self._rest = -1
        self._pump()
        return not self.owed and self._pass()

    def _answer(self, first, start, stop):
        rx = self._rx
        if first == 0x20:
            self._connack(packet.connack(rx, start, stop))
        elif not self.connected:
            raise ProtocolError("a packet before CONNACK (3.2)")
        elif first == 0x40:
            # Late, doubled and unknown ones do no harm.
            packet_id = packet.identifier(rx, start, stop)
            slot = self.slots[packet_id % self._window]
            if packet_id and slot.id == packet_id:
                self.on_done(self._release(slot), None)
        elif first == 0x90:
            self._answered(first, start, packet.suback(rx, start, stop))
        elif first == 0xB0:
            packet.identifier(rx, start, stop)
            self._answered(first, start, None)
        elif first == 0xD0 and start == stop:
            self._pinged = None
        else:
            raise ProtocolError("packet 0x%02x, which no server sends" % first)

    def _connack(self, answer):
        if self.connected:
            raise ProtocolError("a second CONNACK (3.2)")
        if answer & 255:
            raise Refused(answer & 255)
        self.present = answer != 0
        if self.present and self._options[4]:
            raise ProtocolError("session present after a clean start (3.2.2.2)")
        self.connected = True
        ticket = self.request.free()
        self._pump()
        self.on_done(ticket, self.present)

    def _answered(self, first, start, outcome):
        # SUBACK is 0x90 for 0x82, UNSUBACK 0xB0 for 0xA2. Those that answer nothing do no harm.
        request = self.request
        packet_id = self._rx[start] << 8 | self._rx[start + 1]
        if packet_id == request.id and request.first ^ first == 0x12:
            if outcome and len(outcome) != len(request.topic):
                raise ProtocolError("SUBACK with another count than SUBSCRIBE (3.9.3)")
            self._unsent -= not request.sends
            self.on_done(request.free(), outcome)

    # Time

    def tick(self, now):
        """Does what is due and returns the ms, at most `response_ms`, until it is due again.

        Puts PINGREQ into tx, repeats once what is not acknowledged. Raises Overdue.
        """
        self._now = now
        left = self.response_ms
        if self._ping_ms:
            # Looked at as often as a ping may be due, also while something else is awaited.
            left = min(left, self._ping_ms)
        if not self._open:
            return left
        if not self.connected:
            return min(left, self._left(self.connack_ms, self._sent, "CONNACK"))
        if self._pinged is not None:
            left = min(left, self._left(self.response_ms, self._pinged, "PINGRESP"))
        elif self._ping_ms and not self.tx_len:
            # Also when only sending or only receiving: either way a dead link shows.
            quiet = max(since(now, self._sent), since(now, self._heard))
            if quiet < self._ping_ms:
                left = min(left, self._ping_ms - quiet)
            else:
                self._grown(packet.empty(self.tx, 0, 0xC0))
                self._pinged = now
        for slot in self.slots:
            if slot.sends:
                left = min(left, self._unanswered(slot))
        if self.tx_len:
            left = min(left, self._left(self.response_ms, self._sent, "room for output"))
        return left

    def _left(self, limit, mark, what):
        left = limit - since(self._now, mark)
        if left <= 0:
            raise Overdue("no %s within %d ms" % (what, limit))
        return left

    def _unanswered(self, slot):
        # One repeat on the same connection, then the link is given up.
        limit = self.response_ms
        if slot.sends > 1:
            return self._left(limit, slot.mark, "acknowledgement")
        left = limit - since(self._now, slot.mark)
        if left <= 0:
            left = limit
            if not self.tx_len:
                self._send(slot)
        return left
