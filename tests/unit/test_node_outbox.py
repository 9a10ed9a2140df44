# What waits to be sent: which of it stays when there is no room or no link.

import asyncio
import sys

try:
    import mqtt.client as client
except ImportError:
    # Needs MicroPython's asyncio; of it the outbox needs two exceptions only.
    client = type(sys)("mqtt.client")
    client.NotConnected = type("NotConnected", (Exception,), {})
    client.Timeout = type("Timeout", (Exception,), {})
    sys.modules["mqtt.client"] = client
    from node.outbox import Outbox

    del sys.modules["mqtt.client"]
else:
    from node.outbox import Outbox


class Reading:
    def __init__(self, level, seq, qos=0, retain=False):
        self.level = level
        self.seq = seq
        self.qos = qos
        self.retain = retain


class Reporter:
    def topic(self, reading):
        return "n1/" + reading.level

    def payload(self, reading):
        return b"%d" % reading.seq


class Over(Exception):
    """Ends run(), which goes on for ever by itself."""


class Client:
    """Takes messages; then raises what is in `faults`, one a message."""

    def __init__(self, *faults):
        self.sent = []
        self.faults = list(faults)
        # Called with each message, before it is taken.
        self.meanwhile = None

    async def publish(self, topic, payload, qos, retain):
        if self.meanwhile:
            self.meanwhile(topic)
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append((topic, payload, qos, retain))


def made(events, size=4, client=None):
    lines = []
    box = Outbox(client or Client(), Reporter(), events, size, lines.append)
    return box, lines


def put(box, *readings):
    for reading in readings:
        box.put(Reading(*reading))


def waiting(box):
    return [(reading.level, reading.seq) for reading in box._waiting]


def run(box, turns):
    """Lets the outbox send so many messages."""

    async def ready():
        nonlocal turns
        turns -= 1
        if turns < 0:
            raise Over

    # One ready() more than messages: the last one ends it.
    box.put(Reading("last", 0))
    try:
        asyncio.run(box.run(ready))
    except Over:
        pass


def test_events_keep_order_and_number():
    box, lines = made(True)
    put(box, ("door", 0), ("door", 1), ("leak", 0), ("door", 2))
    assert waiting(box) == [("door", 0), ("door", 1), ("leak", 0), ("door", 2)]
    assert not lines and box.dropped == 0


def test_the_oldest_event_goes_when_there_is_no_room():
    box, lines = made(True)
    put(box, *[("door", i) for i in range(6)])
    assert waiting(box) == [("door", i) for i in range(2, 6)]
    assert box.dropped == 2
    assert lines == ["outbox: full, the oldest of 4 was dropped"] * 2


def test_telemetry_keeps_the_newest_of_each_topic():
    box, lines = made(False)
    put(box, ("temperature", 0), ("humidity", 0), ("temperature", 1), ("temperature", 2))
    assert waiting(box) == [("humidity", 0), ("temperature", 2)]
    assert not lines and box.dropped == 0


def test_telemetry_is_bounded_too():
    box, lines = made(False, size=2)
    put(box, ("a", 0), ("b", 0), ("c", 0))
    assert waiting(box) == [("b", 0), ("c", 0)]
    assert box.dropped == 1 and len(lines) == 1


def test_sends_in_order_and_as_each_reading_says():
    for events in (True, False):
        client = Client()
        box, _ = made(events, client=client)
        put(box, ("a", 1), ("b", 2, 1), ("c", 3, 0, True))
        run(box, 3)
        assert client.sent == [
            ("n1/a", b"1", 0, False),
            ("n1/b", b"2", 1, False),
            ("n1/c", b"3", 0, True),
        ]
        assert waiting(box) == [("last", 0)]


def test_a_reading_replaced_while_it_is_sent_is_not_lost():
    client = Client()
    box, _ = made(False, client=client)

    def replace(topic):
        client.meanwhile = None
        box.put(Reading("a", 2))

    client.meanwhile = replace
    put(box, ("a", 1))
    run(box, 1)
    assert waiting(box) == [("last", 0), ("a", 2)]


def test_an_event_dropped_while_it_is_sent_does_no_harm():
    client = Client()
    box, _ = made(True, size=2, client=client)

    def overflow(topic):
        client.meanwhile = None
        put(box, ("door", 8), ("door", 9))

    client.meanwhile = overflow
    put(box, ("door", 7))
    run(box, 1)
    assert waiting(box) == [("door", 8), ("door", 9)]


def test_what_waits_may_be_forgotten_while_the_link_is_away():
    # A door's state, repeated, waits in the one lane; its event comes and goes into the other.
    client = Client()
    states, _ = made(False, client=client)
    events, _ = made(True, client=client)

    async def away():
        if not client.sent:
            events.put(Reading("door", 2, 1))
            states.forget("door")

    async def there():
        pass

    async def both():
        lanes = [asyncio.create_task(states.run(away)), asyncio.create_task(events.run(there))]
        for _ in range(20):
            await asyncio.sleep(0)
        # The lane that was emptied takes what comes.
        put(states, ("door", 3))
        for _ in range(20):
            await asyncio.sleep(0)
        for lane in lanes:
            lane.cancel()

    put(states, ("door", 1))
    asyncio.run(both())
    assert [(payload, qos) for _, payload, qos, _ in client.sent] == [(b"2", 1), (b"3", 0)]
    assert not waiting(states) and not waiting(events)
