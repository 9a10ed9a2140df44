"""Events are QoS 1: none may be lost while a broker is somewhere, or comes back."""

import json
import threading
import time

import paho.mqtt.client as paho
import pytest


@pytest.fixture
def ledger(wait_until):
    """ledger(broker, topic): what a paho client with a session of its own was sent."""
    clients = []

    def start(server, topic):
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, "ledger", clean_session=False, protocol=paho.MQTTv311
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
    """Opens or closes the door so many times, as fast as its contact and debouncing allow."""
    for _ in range(times):
        one.world.set("door", not one.world.door("door"))
        # The contact bounces for 5 ms, a level counts after 10 ms.
        time.sleep(0.03)


def complete(events, count):
    """Whether the first `count` events have all come."""
    return {event["seq"] for event in events} >= set(range(count))


def deduplicated(events):
    """Returns the events in the order of their first coming."""
    return list({event["seq"]: event for event in events}.values())


def assert_whole(events, one):
    """Every number, in order; the states in turn; the last one is the door's."""
    events = deduplicated(events)
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
    move_door(one, 5)
    wait_until(lambda: complete(reader.events, 6), what="6 events")
    assert_whole(reader.events, one)
    sent = server.log.count(f"Received PUBLISH from {one.id} (d0, q1, r0")
    assert sent == 6
    # And one for the birth.
    wait_until(lambda: server.log.count(f"Sending PUBACK to {one.id}") == 7)


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
    move_door(one, 10)
    wait_until(lambda: complete(reader.events, 41), 20, "41 events")
    assert_whole(reader.events, one)


def test_no_event_is_lost_while_the_broker_is_frozen(
    broker, node, ledger, door_sensor, wait_until
):
    server = broker()
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor], broker={"keep_alive": 10})
    one.hurry()
    one.on()
    wait_until(lambda: complete(reader.events, 1))
    mark = one.board.mark()
    server.freeze()
    move_door(one, 10)
    line = one.wait("again in", since=mark)
    assert "no acknowledgement within 2000 ms" in line
    server.thaw()
    one.wait("mqtt: online", since=mark)
    wait_until(lambda: complete(reader.events, 11), what="11 events")
    assert_whole(reader.events, one)
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
    move_door(one, 10)
    air.access_points["fieldpost"].up = True
    one.wait("mqtt: online", since=mark)
    wait_until(lambda: complete(reader.events, 21), what="21 events")
    assert_whole(reader.events, one)


def test_more_events_than_there_is_room_for_are_counted(
    broker, node, ledger, subscribe, publish, door_sensor, wait_until
):
    server = broker("persistence true")
    reader = ledger(server, "acme/lab/n1/door")
    one = node(server, on=False, sensors=[door_sensor])
    one.hurry()
    one.on()
    wait_until(lambda: complete(reader.events, 1))
    server.stop()
    one.wait("again in")
    move_door(one, 70)
    server.start()
    wait_until(lambda: reader.events[-1]["seq"] == 70, what="the last event")
    dropped = len(one.lines("outbox: full"))
    assert dropped == 6
    replies = subscribe(server, one.of("reply"))
    publish(server, one.of("command"), "info")
    assert replies.wait_topic(one.of("reply")).data["result"]["dropped"] == dropped
    assert [event["seq"] for event in deduplicated(reader.events)] == [0, *range(7, 71)]
