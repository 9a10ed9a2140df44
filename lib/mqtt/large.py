"""Messages larger than the buffer: received in pieces or passed over, sent out of a file.

Loaded when the first one comes, or by a program that sends from a Source.
"""

from .packet import MQTTError, received_name


class Large:
    """A PUBLISH on its way through a session's buffer that can't hold it."""

    def __init__(self, session, name, end, body, stop):
        # Positions in the session's buffer: where the topic begins and ends, the payload begins
        # and the packet ends.
        self._session = session
        begin = session._pos
        self._name = name - begin
        self._end = end - begin
        self._body = body - begin
        self._size = stop - begin
        # How much of the packet is gone, its identifier if it has one, and its topic.
        self._gone = self._id = 0
        self._topic = None

    def take(self):
        """Takes what the buffer holds of it. Returns False when it needs more."""
        session = self._session
        pos = session._pos
        count = min(self._size - self._gone, session._end - pos)
        piece = session._rx[pos : pos + count]
        if session.on_piece and not self._gone and self._body <= len(session._rx):
            # The topic first, whole.
            if count < self._body:
                return False
            self._topic = received_name(piece[self._name : self._end])
        elif not count:
            return False
        if session.tx_len + 4 > len(session.tx) and self._body > self._end:
            return False  # no room for its PUBACK
        for place in range(self._end, self._body):
            if 0 <= place - self._gone < count:
                self._id = self._id << 8 | piece[place - self._gone]
        offset = self._gone - self._body
        self._gone += count
        session._pos += count
        if self._gone == self._size:
            session._large = None
            if self._body > self._end:
                session._ack(self._id)
        if self._topic is not None and self._gone > self._body:
            piece = piece[max(0, -offset) :]
            session.on_piece(self._topic, piece, max(0, offset), self._size - self._body)
        return True


class Source:
    """A payload that needs not be in memory: publish it in place of bytes.

    `begin()` returns an open binary file or an iterator of bytes that gives `size` bytes. It is
    called each time the message is sent: at QoS 1 that may be more than once. What ends early or
    raises OSError ends the link and is not sent again: its publish raises that. Raises
    ValueError if no packet can be so large.
    """

    def __init__(self, size, begin):
        if not 0 <= size < 268_435_456 - 65_539:  # 2.2.3
            raise ValueError("a payload of 0 to 268369916 bytes")
        self._size = size
        self._begin = begin
        # What it broke with.
        self.error = None

    def __len__(self):
        return self._size

    def open(self, session):
        """Returns what a session sends from."""
        if self.error:
            raise self.error
        return _Reader(self, session, self._begin())


class _Reader:
    def __init__(self, owner, session, source):
        self._owner = owner
        self._session = session
        self._left = len(owner)
        self._source = source
        # What an iterator gave and was not asked for yet.
        self._rest = b""

    def __len__(self):
        return self._left

    def __getitem__(self, part):
        # A session asks for the next [:n], then for what is behind them, [n:].
        if part.start is not None:
            self._left -= part.start
            if not self._left:
                self.close()
            return self
        size = part.stop
        out = bytearray(size)
        done = 0
        while done < size:
            if not self._rest:
                self._rest = self._more(size - done)
            count = min(size - done, len(self._rest))
            out[done : done + count] = self._rest[:count]
            self._rest = self._rest[count:]
            done += count
        return out

    def close(self):
        # At the end of the payload, or of the link.
        if hasattr(self._source, "close"):
            self._source.close()

    def _more(self, size):
        source = self._source
        error = MQTTError("a payload ended before its size")
        try:
            more = source.read(size) if hasattr(source, "read") else next(source)
            if more:
                return memoryview(more)
        except StopIteration:
            pass
        except OSError as caught:
            error = caught
        # Nothing may follow within the packet, and it can't be sent again.
        owner = self._owner
        session = self._session
        owner.error = error
        session.close()
        for entry in session.flight:
            if entry[3] is owner:
                session.on_done(session._take(session.find(entry[0]))[4], error)
                break
        raise error
