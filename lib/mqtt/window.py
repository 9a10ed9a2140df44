"""What a session sends: the output buffer, and the window of packets in flight."""

from . import packet


class Slot:
    """A packet that waits for its acknowledgement."""

    def __init__(self):
        # Place in the order of all packets, which a resend keeps (4.6).
        self.order = 0
        # When it went out last.
        self.mark = 0
        # 8 once it went out on any connection: the DUP flag of the next time (3.3.1.1).
        self.dup = 0
        self.free()

    def free(self):
        """Empties the slot and returns its ticket."""
        ticket = getattr(self, "ticket", None)
        # Packet identifier; 0 in a free slot.
        self.id = 0
        # First byte of the packet, without DUP.
        self.first = 0
        # How often it went out on this connection: 0, 1 or, repeated, 2.
        self.sends = 0
        # Topic of a PUBLISH, or the (filter, qos) pairs of a SUBSCRIBE or UNSUBSCRIBE.
        self.topic = b""
        # The caller's own payload: it stays as it is until it is acknowledged.
        self.payload = b""
        # The front's own object for it, handed back by on_done.
        self.ticket = None
        return ticket


class Window:
    """Half of a session: takes packets, puts them into `tx` in order, keeps them for a resend."""

    def __init__(self, window, buffer):
        # What waits to be sent, and how much of it.
        self.tx = bytearray(buffer)
        self.tx_len = 0
        # Publishes in flight: an identifier lies in the slot of its remainder. The last slot
        # is for the one SUBSCRIBE or UNSUBSCRIBE.
        self._window = window
        self.slots = [Slot() for _ in range(window + 1)]
        self.request = self.slots[window]
        self._order = self._last_id = 0
        # Publishes in flight.
        self.used = 0
        # The time at the last call.
        self._now = 0
        self.close()

    def close(self):
        """Ends the connection. Publishes in flight stay for the next one.

        Returns the ticket of a request that will have no answer now, or None.
        """
        # True from CONNACK until the connection ends.
        self.connected = False
        # Identifier of a received PUBLISH whose PUBACK waits for room; 0 for none. Until it
        # has gone out nothing more is received.
        self.owed = 0
        self.tx_len = 0
        # Rest of a payload that did not fit into tx: until its end tx is full.
        self._body = b""
        for slot in self.slots:
            slot.sends = 0
        # Packets that have still to go out on this connection.
        self._unsent = self.used
        return self.request.free()

    def publish(self, topic, payload, qos, retain, now, ticket=None):
        """Takes a message; `topic` and `payload` are bytes, the topic checked.

        QoS 1 is taken without a connection too, and its payload must stay as it is until it is
        acknowledged. Returns its identifier (1 with QoS 0), or 0 if there is no room: try
        again after output or an acknowledgement. Raises ValueError if it can never be sent.
        """
        self._now = now
        first = 0x31 if retain else 0x30
        if len(topic) + 9 > len(self.tx):
            raise ValueError("a topic longer than the buffer")
        if not qos:
            if self._unsent or not self.connected:
                return 0
            return self._put(first, topic, 0, payload)
        if self.used == self._window:
            return 0
        # Consecutive identifiers reach each slot, so a free one is found (2.3.1).
        while True:
            packet_id = self._next_id()
            slot = self.slots[packet_id % self._window]
            if not slot.id:
                break
        self.used += 1
        self._enter(slot, packet_id, first | 2, topic, payload, ticket)
        return packet_id

    def ask(self, first, filters, now, ticket=None):
        """Puts SUBSCRIBE (`first` 0x82) or UNSUBSCRIBE (0xA2) of (filter, qos) on the way.

        One at a time: returns False while another waits. Raises ValueError if it is too long.
        """
        self._now = now
        if packet.request_size(filters) > len(self.tx):
            raise ValueError("more filters than fit into the buffer")
        if self.request.id or not self.connected:
            return False
        self._enter(self.request, self._next_id(), first, filters, None, ticket)
        return True

    def disconnect(self):
        """Puts DISCONNECT into tx (3.14), if there is room."""
        if self.tx_len + 2 <= len(self.tx):
            self._grown(packet.empty(self.tx, self.tx_len, 0xE0))

    def forget(self, ticket):
        """Gives up the publish in flight of that ticket; a late PUBACK does no harm."""
        for slot in self.slots[:-1]:
            if slot.id and slot.ticket is ticket:
                self._release(slot)

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
        if self.owed or self._unsent:
            self._pump()

    def _next_id(self):
        # 1..65535, never one in use (2.3.1).
        while True:
            self._last_id = new = self._last_id % 65535 + 1
            if new != self.request.id and new != self.slots[new % self._window].id:
                return new

    def _enter(self, slot, packet_id, first, topic, payload, ticket):
        self._order += 1
        slot.order = self._order
        slot.id = packet_id
        slot.first = first
        slot.topic = topic
        slot.payload = payload
        slot.ticket = ticket
        slot.dup = 0
        if self._unsent or not self.connected or not self._send(slot):
            self._unsent += 1

    def _release(self, slot):
        self.used -= 1
        if not slot.sends:
            self._unsent -= 1
        return slot.free()

    def _put(self, first, topic, packet_id, payload):
        # A packet larger than tx is begun in an empty one and goes out in pieces.
        pos = self.tx_len
        size = len(payload)
        if pos and pos + len(topic) + size + 9 > len(self.tx):
            return 0
        start = packet.publish(self.tx, pos, first, topic, packet_id, size)
        end = start + size
        if end > len(self.tx):
            self._body = memoryview(payload)
            self.tx_len = start
            self._fill()
            end = self.tx_len
        else:
            self.tx[start:end] = payload
        self._grown(end)
        return 1

    def _fill(self):
        # Later a file or generator of known length can stand here.
        start = self.tx_len
        body = self._body
        piece = min(len(body), len(self.tx) - start)
        self.tx_len = end = start + piece
        self.tx[start:end] = body[:piece]
        self._body = body[piece:] or b""

    def _grown(self, end):
        self.tx_len = end
        # When something was put into tx, or the socket took something.
        self._sent = self._now

    def _send(self, slot):
        pos = self.tx_len
        if slot.first & 0x80:
            if pos + packet.request_size(slot.topic) > len(self.tx):
                return False
            self._grown(packet.request(self.tx, pos, slot.first, slot.id, slot.topic))
        elif not self._put(slot.first | slot.dup, slot.topic, slot.id, slot.payload):
            return False
        slot.sends += 1
        slot.dup = 8
        slot.mark = self._now
        return True

    def _pump(self):
        # Puts into tx what waits for room, in the first order of all packets (4.4, 4.6).
        if self.owed and self.tx_len + 4 <= len(self.tx):
            self._grown(packet.puback(self.tx, self.tx_len, self.owed))
            self.owed = 0
        while self._unsent and self.connected:
            first = None
            for slot in self.slots:
                if slot.id and not slot.sends and (first is None or slot.order < first.order):
                    first = slot
            if not self._send(first):
                break
            self._unsent -= 1
