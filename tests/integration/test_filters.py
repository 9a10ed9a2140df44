"""A node with reading filters publishes what they make of what its sensor measures."""

import re

from fieldpost.firmware import GONE

CHAIN = {
    "driver": "bme280",
    "interval": 0.1,
    "derive": ["dew_point"],
    "filters": {
        "temperature": [{"offset": -0.5}, {"median": 3}, {"convert": "°F"}, {"round": 2}],
        "humidity": [{"clamp": {"high": 50}}, {"delta": 5}],
        "pressure": [{"throttle": 3600}],
    },
}


def test_a_node_publishes_what_filters_make(broker, node, subscribe):
    server = broker()
    reader = subscribe(server)
    one = node(server, on=False, sensors=[CHAIN])
    one.board.heap = one.board.profile.budget
    one.world.set("temperature", 22.5)
    one.world.set("humidity", 40)
    one.on()

    message = reader.wait_topic(one.of("temperature"))
    # (22.5 - 0.5) * 1.8 + 32, as far as the emulated chip's noise lets it.
    assert re.fullmatch(r'\{"value":71\.\d\d,"unit":"°F",.*', message.payload)
    dew_point = reader.wait_topic(one.of("dew_point")).data
    assert 8.1 < dew_point["value"] < 8.4 and dew_point["unit"] == "°C"

    one.world.set("humidity", 80)
    reader.wait_for(lambda m: m.topic == one.of("humidity") and m.data["value"] == 50)
    found = [message.data for message in reader.of(one.of("humidity"))]
    assert [humidity["seq"] for humidity in found] == [0, 1]
    reader.wait_for(lambda m: m.topic == one.of("temperature") and m.data["seq"] > 5)
    assert len(reader.of(one.of("pressure"))) == 1
    assert one.lines("temperature: ") == [] and one.board.boots == [1]


def test_what_judges_the_configuration_is_unloaded(broker, node):
    one = node(broker(), on=False, sensors=[CHAIN])
    made = "node = made()\n"
    one.patch("node/start.py", made, made + '        print("loaded:", " ".join(sys.modules))\n')
    one.on()
    loaded = one.wait("loaded: ").split()
    assert {"node.app", "node.filters", "sensors.bme280"} < set(loaded)
    assert not {*GONE, "node.filter_rules"} & set(loaded)


def test_who_has_no_filters_needs_no_code_of_theirs(broker, node):
    one = node(broker(), on=False)
    del one.sources["node/filters.py"], one.sources["node/filter_rules.py"]
    one.on()
    one.board.power_off()
    one.config["sensors"] = [CHAIN]
    one.install()
    one.on(until=None)
    line = one.wait("config: sensors[0].derive: a list: ")
    assert line.endswith(
        "allowed is none, for this build has no filters: deploy this configuration"
    )
