"""Faults of the board itself, and many boards at once."""

import json

ON, HARD, WATCHDOG = 1, 2, 3
# In a source of the node's: true until the first reset.
AT_POWER_ON = "__import__('machine').reset_cause() == 1"


def fail_once(one):
    """Lets the node crash at its first reading after power-on."""
    one.patch(
        "node/reporter.py",
        "value = reading.value",
        f"value = 1 // (not {AT_POWER_ON}) and reading.value",
    )


def test_broken_configuration_stays_at_the_prompt(broker, node):
    server = broker()
    one = node(server, on=False)
    one.config["identity"]["room"] = "room 5"
    one.config["wifi"]["password"] = "short"
    one.config["broker"]["port"] = 99_999
    one.config["sensors"].append({"driver": "bme680"})
    one.config["speed"] = "fast"
    one.install()
    one.on("config: the node can't start")
    one.board.wait_state("repl")
    faults = "\n".join(one.lines("config: "))
    for key in ("identity.room: 'room 5'", "broker.port: 99999", "sensors[1].driver: 'bme680'"):
        assert f"config: {key}: allowed is" in faults
    assert "config: speed: 'fast'" in faults
    assert "config: wifi.password: (hidden): allowed is" in faults
    assert len(one.lines("config: ")) == 6
    assert "short" not in faults
    assert one.board.boots == [ON]


def test_configuration_that_is_no_json(broker, node):
    one = node(broker(), on=False)
    one.board.write_files({"config.json": '{"identity": '})
    one.on("config: config.json: no valid JSON")
    one.board.wait_state("repl")


def test_no_configuration(broker, node):
    one = node(broker(), on=False)
    one.board.remove_file("config.json")
    one.on("config: config.json: not found")
    one.board.wait_state("repl")


def test_pin_the_chip_lacks_stays_at_the_prompt(broker, node):
    one = node(broker(), on=False)
    # GPIO 6 belongs to the flash chip.
    one.config["sensors"].append({"driver": "digital", "pin": 6, "name": "door"})
    one.install()
    one.on("config: sensors[1].pin: invalid pin")
    one.board.wait_state("repl")
    assert one.board.boots == [ON]


def test_more_buses_than_the_chip_has(broker, node):
    one = node(broker(), on=False)
    for number, scl in enumerate((13, 16, 25)):
        one.config["buses"][f"bus{number}"] = {"scl": scl, "sda": scl + 1}
    one.config["sensors"][0]["bus"] = "bus0"
    one.install()
    one.on("config: buses: I2C(2) doesn't exist")
    one.board.wait_state("repl")


def test_crash_is_recorded_and_reset(broker, node, subscribe, publish):
    server = broker()
    one = node(server, on=False)
    fail_once(one)
    one.tune("node/start.py", CRASH_PAUSE_S=1)
    one.on("node: crashed; reset in 1 s")
    assert "ZeroDivisionError" in one.board.console
    assert b"ZeroDivisionError" in one.board.read_file("crash.txt")
    mark = one.board.mark()
    one.wait("mqtt: online", since=mark)
    assert one.board.boots == [ON, HARD]
    replies = subscribe(server, one.of("reply"))
    publish(server, one.of("command"), "info")
    info = replies.wait_topic(one.of("reply")).data["result"]
    assert info["reset_cause"] == HARD
    assert "ZeroDivisionError" in info["crash"]


def test_crash_that_cannot_be_recorded_ends_in_a_reset_all_the_same(broker, node):
    one = node(broker(), on=False)
    fail_once(one)
    one.tune("node/start.py", CRASH_PAUSE_S=0)
    # No file can be written there: as on a flash that is full.
    one.board.write_files({"crash.txt/is-a-folder": ""})
    one.on("not recorded: ")
    mark = one.board.mark()
    one.wait("mqtt: online", since=mark)
    assert one.board.boots[:2] == [ON, HARD]


def test_a_missing_file_is_a_crash_too(broker, node):
    one = node(broker(), on=False)
    app = one.sources.pop("node/app.py")
    one.tune("node/start.py", CRASH_PAUSE_S=0)
    one.on("node: crashed")
    one.board.power_off()
    one.sources["node/app.py"] = app
    one.on()


def test_a_crash_says_goodbye_and_ctrl_c_stays(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False)
    fail_once(one)
    one.on("node: crashed; reset in 10 s")
    reader.wait_topic(one.of("status"), payload="offline")
    one.wait("node: stopped")
    one.board.interrupt()
    one.board.wait_state("repl")
    assert one.board.boots == [ON]


def test_a_second_ctrl_c_ends_a_farewell_that_hangs(broker, node):
    one = node(broker(), on=False)
    hangs = 'print("stopping"); await asyncio.Event().wait(); ('
    one.patch("node/app.py", "await self._client.stop(", hangs)
    one.on()
    one.board.interrupt()
    one.wait("stopping")
    one.board.interrupt()
    one.wait("node: no farewell")
    one.wait("node: machine.reset() starts it again")
    one.board.wait_state("repl")


def test_hung_program_is_bitten_by_the_watchdog(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, watchdog=1)
    one.tune("node/config.py", WATCHDOG_MIN=1)
    hang = f"while {AT_POWER_ON}: pass\n            return convert("
    one.patch("sensors/bme280.py", "return convert(", hang)
    one.on("node: ")
    one.wait("mqtt: online")
    assert one.board.boots == [ON, WATCHDOG]
    reader.wait_topic(one.of("temperature"))


def test_same_names_in_different_rooms(broker, node, subscribe, publish):
    server = broker()
    reader = subscribe(server)
    first = node(server, "first", identity={"room": "lab", "device": "n1"})
    second = node(server, "second", identity={"room": "office", "device": "n1"})
    first.world.set("temperature", 10.0)
    second.world.set("temperature", 30.0)
    publish(server, first.of("command"), "read")
    reader.wait_for(lambda m: m.topic == first.of("temperature") and m.data["value"] == 10.0)
    publish(server, second.of("command"), "read")
    reader.wait_for(lambda m: m.topic == second.of("temperature") and m.data["value"] == 30.0)
    assert len(reader.of(first.of("temperature"))) == 2
    first.board.power_off()
    second.board.interrupt()
    second.board.wait_state("repl")
    reader.wait_topic(second.of("status"), payload="offline")
    assert [m.payload for m in reader.of(first.of("status"))] == ["online"]


def test_eight_boards_at_once(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    sensors = [{"driver": "bme280", "interval": 0.5}]
    boards = []
    for i in range(8):
        boards.append(node(server, f"b{i}", on=False, identity={"room": f"r{i}"}, sensors=sensors))
        boards[-1].world.set("temperature", 10.0 + i)
    for one in boards:
        one.on(until=None)
    for i, one in enumerate(boards):
        fifth = reader.wait_for(
            lambda m: m.topic == one.of("temperature") and json.loads(m.payload)["seq"] == 4
        )
        assert abs(fifth.data["value"] - (10 + i)) < 0.11
        times = [m.data["time"] for m in reader.of(one.of("temperature"))][1:5]
        steps = [after - before for before, after in zip(times, times[1:], strict=False)]
        assert all(350 < step < 650 for step in steps), steps
    assert len({one.id for one in boards}) == 8
    for one in boards:
        one.board.interrupt()
    for one in boards:
        reader.wait_topic(one.of("status"), payload="offline")
