"""Events are QoS 1: none may be lost while a broker is somewhere, or comes back."""

import json
import threading
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion


@pytest.fixture
def ledger(wait_until):
    """ledger(broker, topic): what a paho client with a session of its own was sent."""
    clients = []

    def start(server, topic):
        client = paho.Client(
            CallbackAPIVersion.VERSION2, "ledger", clean_session=False, protocol=paho.MQTTv311
        )
        client.events = []
        ready = threading.Event()
        client.on_message = lambda c, _, m: c.events.append(json.loads(m.payload))
        client.on_connect = lambda c, *_: c.subscribe(topic, qos=1)
        client.on_subscribe = lambda *_: ready.set()
        client.reconnect_delay_set(1, 1)
        client.connect(server.host, server.port)
        client.loop_start()
        clients.append(client)
        assert ready.wait(5)
        return client

    yield start
    for client in clients:
        client.disconnect()
        client.loop_stop()


def move_door(one, times):
    """Opens or closes the door so many times, as fast as its contact and debouncing allow.

    On a busy machine two moves may become none, so the last one is set apart. Returns from when
    on (ms since 1970) its event must be.
    """
    for left in reversed(range(times)):
        # The contact bounces for 5 ms, a level counts after 10 ms.
        time.sleep(0.03 if left else 0.3)
        one.world.set("door", not one.world.door("door"))
    return time.time() * 1000 - 20


def complete(events, last):
    """Whether the event of the last move has come."""
    return any(event["time"] and event["time"] >= last for event in list(events))


def deduplicated(events):
    """Returns the events in the order of their first coming."""
    return list({event["seq"]: event for event in events}.values())


def assert_whole(events, one, least):
    """Every number, in order; the states in turn; the last one is the door's."""
    events = deduplicated(events)
    assert len(events) > least
    assert [event["seq"] for event in events] == list(range(len(events)))
    states = [event["value"] for event in events]
    assert states == [("closed", "open")[i % 2] for i in range(len(events))]
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert (states[-1] == "open") == one.world.door("door")


def test_events_are_acknowledged(broker, node, ledger, door_sensor, wait_until):
    server = broker()
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, sensors=[door_sensor])
    last = move_door(one, 5)
    wait_until(lambda: complete(reader.events, last), what="the last event")
    assert_whole(reader.events, one, 2)
    sent = server.log.count(f"Received PUBLISH from {one.id} (d0, q1, r0")
    assert sent == len(reader.events)
    # And two for the birth: status and faults.
    wait_until(lambda: server.log.count(f"Sending PUBACK to {one.id}") == sent + 2)


def test_no_event_is_lost_over_a_broker_restart(broker, node, ledger, door_sensor, wait_until):
    server = broker("persistence true")
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor])
    one.hurry()
    one.on()
    move_door(one, 10)
    # In the midst of events it goes, and stays away for some more.
    server.stop()
    move_door(one, 20)
    one.wait("again in")
    server.start()
    last = move_door(one, 10)
    wait_until(lambda: complete(reader.events, last), 20, "the last event")
    assert_whole(reader.events, one, 20)


def test_no_event_is_lost_while_the_broker_is_frozen(
    broker, node, ledger, door_sensor, wait_until
):
    server = broker()
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor], broker={"keep_alive": 10})
    one.hurry()
    one.on()
    wait_until(lambda: reader.events)
    mark = one.board.mark()
    server.freeze()
    last = move_door(one, 10)
    line = one.wait("again in", since=mark)
    assert "no acknowledgement within 2000 ms" in line
    server.thaw()
    one.wait("mqtt: online", since=mark)
    wait_until(lambda: complete(reader.events, last), what="the last event")
    assert_whole(reader.events, one, 5)
    # What the broker already had came again, marked as a repeat (3.3.1.1).
    assert f"Received PUBLISH from {one.id} (d1, q1" in server.log


def test_no_event_is_lost_without_wifi(broker, node, air, ledger, door_sensor, wait_until):
    server = broker()
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor])
    one.hurry()
    one.on()
    mark = one.board.mark()
    air.access_points["fieldpost"].up = False
    move_door(one, 10)
    one.wait("wifi: lost", since=mark)
    last = move_door(one, 10)
    air.access_points["fieldpost"].up = True
    one.wait("mqtt: online", since=mark)
    wait_until(lambda: complete(reader.events, last), what="the last event")
    assert_whole(reader.events, one, 10)


def test_more_events_than_there_is_room_for_are_counted(
    broker, node, ledger, subscribe, publish, door_sensor, wait_until
):
    server = broker("persistence true")
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor])
    one.hurry()
    one.on()
    wait_until(lambda: reader.events)
    server.stop()
    one.wait("again in")
    mark = one.board.mark()
    last = move_door(one, 70)
    while not one.lines("outbox: full"):
        last = move_door(one, 10)
    one.wait("outbox: full, the oldest of 64 was dropped", since=mark)
    server.start()
    wait_until(lambda: complete(reader.events, last), what="the last event")
    dropped = len(one.lines("outbox: full"))
    replies = subscribe(server, one.of("reply"))
    publish(server, one.of("command"), "info")
    assert replies.wait_topic(one.of("reply")).data["result"]["dropped"] == dropped
    numbers = [event["seq"] for event in deduplicated(reader.events)]
    # The first one had been sent before.
    assert numbers == [0, *range(dropped + 1, dropped + 65)]
