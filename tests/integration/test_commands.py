"""Commands, sent by mosquitto_pub and by paho."""

import json
import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from vboard.devices.bh1750 import BH1750

SDA = 19


@pytest.fixture
def site(broker, node, subscribe, door_sensor, bme280_sensor):
    """A broker, a node that has told its first readings and a subscriber to all of it."""
    server = broker()
    first = subscribe(server)
    one = node(server, sensors=[bme280_sensor, door_sensor])
    for sensor in ("temperature", "humidity", "pressure", "door"):
        first.wait_topic(one.of(sensor))
    reader = subscribe(server, one.topic + "/#")
    reader.wait_topic(one.of("status"))
    return server, one, reader


@pytest.fixture
def ask(site, publish):
    """ask(payload, *options): the answer to a command."""
    server, one, reader = site

    def send(payload, *options):
        known = len(reader.of(one.of("reply")))
        publish(server, one.of("command"), payload, *options)
        reader.wait_for(lambda _: len(reader.of(one.of("reply"))) > known)
        reply = reader.of(one.of("reply"))[known]
        assert (reply.qos, reply.retain) == (1, 0)
        return reply.data

    return send


def test_read_all(site, ask):
    _, one, reader = site
    one.world.set("temperature", 33.0)
    answer = ask("read")
    names = ["temperature", "humidity", "pressure", "door"]
    assert answer == {"command": "read", "ok": True, "result": names}
    reader.wait_for(lambda m: m.topic == one.of("temperature") and m.data["value"] == 33.0)


def test_read_one(site, ask):
    _, one, reader = site
    assert ask('{"command": "read", "sensor": "door"}')["result"] == ["door"]
    state = reader.wait_topic(one.of("door"))
    assert state.data["value"] == "closed" and state.qos == 0
    assert not reader.of(one.of("temperature"))


def test_interval(site, ask):
    _, one, reader = site
    command = {"command": "interval", "sensor": "temperature", "seconds": 0.1}
    assert ask(json.dumps(command)) == {"command": "interval", "ok": True, "result": 0.1}
    reader.wait_for(lambda m: m.topic == one.of("humidity") and m.data["seq"] >= 8, timeout=3)


@pytest.mark.parametrize("seconds", [None, 0, -1, 0.01, 86_401, "5", True, [1]])
def test_interval_that_is_none(ask, seconds):
    answer = ask(json.dumps({"command": "interval", "seconds": seconds}))
    assert not answer["ok"]
    assert "0.1 to 86400" in answer["error"]


def test_info(ask):
    answer = ask("info")["result"]
    assert answer["uptime"] < 30
    assert (answer["reset_cause"], answer["dropped"], answer["crash"]) == (1, 0, "")


def test_scan(site, ask):
    _, one, _ = site
    one.bus.attach(BH1750(one.world))
    answer = ask("scan")
    assert answer["result"] == {"main": {"0x23": "bh1750", "0x76": "bme280, bmp280"}}
    one.board.hardware.pins[SDA].drive(0)
    assert ask("scan")["result"]["main"].startswith("bus main: SDA (pin 19) is held low")
    assert one.board.boots == [1]


def test_restart(site, ask):
    _, one, reader = site
    mark = one.board.mark()
    assert ask("restart")["ok"]
    one.wait("mqtt: online", since=mark)
    assert one.board.boots == [1, 2]
    reader.wait_for(lambda _: len(reader.of(one.of("status"))) == 3)
    assert [m.payload for m in reader.of(one.of("status"))] == ["online", "offline", "online"]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("dance", "there are info, interval, read, restart, scan"),
        ('{"command": "dance"}', "no command 'dance'"),
        ('{"command": ', "neither a word nor JSON"),
        ('{"sensor": "door"}', "no command in it"),
        ('{"command": 5}', "no command in it"),
        ("{}", "no command in it"),
        ('{"command": "read", "sensor": "garden"}', "there are door, humidity"),
        (" ", "no command ''"),
    ],
)
def test_what_is_no_command_is_answered(site, ask, payload, told):
    answer = ask(payload)
    assert not answer["ok"] and told in answer["error"]
    assert "Traceback" not in site[1].board.console


def test_bytes_that_are_no_text(site):
    server, one, reader = site
    publisher = paho.Client(CallbackAPIVersion.VERSION2)
    publisher.connect(server.host, server.port)
    publisher.loop_start()
    publisher.publish(one.of("command"), b"\xff\xfe{", qos=1).wait_for_publish(5)
    publisher.publish(one.of("command"), b"x" * 100_000, qos=1).wait_for_publish(5)
    publisher.publish(one.of("command"), b"info", qos=1).wait_for_publish(5)
    publisher.disconnect()
    publisher.loop_stop()
    reader.wait_for(lambda m: m.topic == one.of("reply") and m.data["command"] == "info")
    answers = [message.data["ok"] for message in reader.of(one.of("reply"))]
    assert answers == [False, True]


def test_retained_command_is_refused(site, publish):
    server, one, reader = site
    mark = one.board.mark()
    publish(server, one.of("command"), "restart", "-r")
    # To who is subscribed already it is a fresh one, and carried out.
    one.wait("mqtt: online", since=mark)
    # Kept by the broker it comes again to the fresh subscription, now marked as retained.
    refused = reader.wait_for(lambda m: m.topic == one.of("reply") and not m.data["ok"])
    assert "without -r" in refused.data["error"]
    assert one.board.boots == [1, 2]


def test_answer_reaches_paho(site):
    server, one, _ = site
    answered = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, "desk")
    client.on_message = lambda c, _, m: (client.answers.append(m.payload), answered.set())
    client.on_subscribe = lambda c, *_: c.publish(one.of("command"), "info", qos=1)
    client.answers = []
    client.connect(server.host, server.port)
    client.subscribe(one.of("reply"), qos=1)
    client.loop_start()
    assert answered.wait(5)
    client.disconnect()
    client.loop_stop()
    assert json.loads(client.answers[0])["ok"]
