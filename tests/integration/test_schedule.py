"""When readings are taken, and how they are published."""

FAST = {"driver": "bme280", "interval": 0.1}


def test_readings_at_multiples_of_the_interval(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, sensors=[dict(FAST, interval=1, align=True)])
    # The first is taken at once; a busy machine may be late now and then.
    topic = one.of("temperature")
    reader.wait_for(lambda _: sum(m.data["time"] % 1000 < 250 for m in reader.of(topic)) >= 4, 15)
    times = [message.data["time"] for message in reader.of(topic)]
    assert times[-1] - times[-4] >= 2_700


def test_a_sensor_s_qos_and_the_last_value(broker, node, subscribe, door_sensor):
    server = broker()
    reader = subscribe(server)
    one = node(server, sensors=[dict(FAST, qos=1, retain=True), dict(door_sensor, qos=0)])
    topic, door = one.of("temperature"), one.of("door")
    reader.wait_for(lambda _: len(reader.of(topic)) >= 3)
    one.world.set("door", True)
    reader.wait_for(lambda m: m.topic == door and m.data["value"] == "open")
    assert {message.qos for message in reader.of(topic)} == {1}
    assert {message.qos for message in reader.of(door)} == {0}
    one.board.power_off()
    late = subscribe(server, topic, door)
    message = late.wait_topic(topic)
    assert message.retain and message.data["seq"] >= 2 and not late.of(door)
