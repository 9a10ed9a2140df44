"""Online and offline, as a subscriber and the broker's log see it."""

import time

# Mosquitto looks for silent clients every few seconds only: that much a will can be late.
GRAIN_S = 5


def log_lines(broker, text):
    return [line for line in broker.log.splitlines() if text in line]


def test_late_subscriber_gets_the_retained_online(broker, node, subscribe):
    server = broker()
    one = node(server)
    status = subscribe(server, "acme/#").wait_topic(one.of("status"))
    assert (status.payload, status.qos, status.retain) == ("online", 1, 1)


def test_birth_comes_after_will_and_subscription(broker, node):
    server = broker()
    one = node(server)
    connect = log_lines(server, f"as {one.id} (p2, c1, k60)")
    assert len(connect) == 1
    after = server.log[server.log.index(connect[0]) :].splitlines()
    assert "Will message specified (7 bytes) (r1, q1)." in after[1]
    assert after[2].strip().endswith(one.of("status"))
    received = [line for line in after if f"from {one.id}" in line]
    assert "Received SUBSCRIBE" in received[0]
    assert "Received PUBLISH" in received[1]
    assert f"q1, r1, m2, '{one.of('status')}', ... (6 bytes)" in received[1]
    assert f"{one.of('command')} (QoS 1)" in server.log


def test_power_cut_brings_the_will(broker, node, subscribe):
    server = broker()
    one = node(server, broker={"keep_alive": 2})
    reader = subscribe(server, one.of("status"))
    cut = time.monotonic()
    one.board.power_off()
    reader.wait_topic(one.of("status"), timeout=15, payload="offline")
    took = time.monotonic() - cut
    print(f"offline {took:.1f} s after the power cut, keep alive 2 s")
    # Not before: a board without power says nothing, its broker must miss it.
    assert 1 < took < 1.5 * 2 + GRAIN_S
    assert f"Client {one.id} has exceeded timeout, disconnecting" in server.log
    assert subscribe(server, one.of("status")).wait_topic(one.of("status")).payload == "offline"


def test_clean_stop_says_offline_at_once(broker, node, subscribe, wait_until):
    server = broker()
    one = node(server)
    reader = subscribe(server, one.of("status"))
    began = time.monotonic()
    one.board.interrupt()
    said = reader.wait_topic(one.of("status"), timeout=2, payload="offline")
    assert time.monotonic() - began < 1
    assert said.qos == 1
    one.board.wait_state("repl")
    wait_until(lambda: f"Client {one.id} disconnected." in server.log)
    assert f"Received DISCONNECT from {one.id}" in server.log
    assert one.lines("node: stopped")
    # The farewell, not the will beside it.
    assert [m.payload for m in reader.messages] == ["online", "offline"]
    assert subscribe(server, one.of("status")).wait_topic(one.of("status")).payload == "offline"


def test_stop_without_a_broker_ends_too(broker, node):
    server = broker()
    one = node(server)
    server.stop()
    one.wait("mqtt: ")
    one.wait("again in")
    one.board.interrupt()
    one.board.wait_state("repl", timeout=4)
    assert one.lines("node: stopped")


def test_idle_node_pings_and_stays(broker, node, wait_until):
    server = broker()
    one = node(server, broker={"keep_alive": 2})
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 3 * 2 + 0.5)
    assert len(log_lines(server, f"Received PINGREQ from {one.id}")) >= 3
    assert len(log_lines(server, f"Sending PINGRESP to {one.id}")) >= 3
    assert len(one.lines("mqtt: ")) == 1
    assert len(log_lines(server, f"as {one.id} ")) == 1
    assert "exceeded timeout" not in server.log


def test_restart_by_reset_button_comes_back(broker, node, subscribe):
    server = broker()
    one = node(server)
    reader = subscribe(server, one.of("status"))
    mark = one.board.mark()
    one.board.press_reset()
    one.wait("mqtt: online", since=mark)
    # The same identifier again: the broker ends the old connection, its will comes in between.
    reader.wait_for(lambda _: len(reader.messages) >= 3)
    assert [m.payload for m in reader.messages] == ["online", "offline", "online"]
