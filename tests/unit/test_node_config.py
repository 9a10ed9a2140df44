# The configuration: what is taken, what is filled in, and what each fault says.

import json

from node import config
from raises import raises

GOOD = {
    "identity": {"company": "acme", "room": "lab", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 22, "sda": 21}},
    "sensors": [{"driver": "bme280"}, {"driver": "digital", "pin": 4, "name": "door"}],
}


def changed(*path, **last):
    """Returns GOOD with keys changed in the object at `path`; the value "GONE" takes one away."""
    made = json.loads(json.dumps(GOOD))
    inner = made
    for key in path:
        inner = inner[key]
    for key in last:
        if last[key] == "GONE":
            del inner[key]
        else:
            inner[key] = last[key]
    return made


def faults(data):
    error = raises(config.ConfigError, config.check, data)
    assert "; ".join(error.faults) == str(error)
    return error.faults


def only_fault(data, *parts):
    found = faults(data)
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0], (part, found[0])


def test_defaults_are_filled_in():
    made = config.check(GOOD)
    assert made["broker"]["port"] == 1883
    assert made["broker"]["keep_alive"] == 60
    assert made["broker"]["user"] is None and made["broker"]["client_id"] is None
    assert made["payload"] == "json"
    assert made["time_server"] == "pool.ntp.org"
    assert made["watchdog"] == 120
    assert made["identity"]["floor"] is None
    assert made["buses"]["main"]["frequency"] == 100_000
    first, second = made["sensors"]
    assert first["interval"] == 60 and first["bus"] == "main"
    assert first["options"] == {"address": 0x76}
    assert first["levels"] == ["temperature", "humidity", "pressure"]
    assert second["pull"] == "up" and second["levels"] == ["door"]
    assert second["options"] == {"device_class": "none", "invert": False, "debounce_ms": 50}


def test_what_was_handed_in_stays_as_it_was():
    data = changed()
    config.check(data)
    assert data == GOOD


def test_a_name_goes_before_each_of_many_quantities():
    made = config.check(changed("sensors", 0, name="attic"))
    assert made["sensors"][0]["levels"] == [
        "attic-temperature",
        "attic-humidity",
        "attic-pressure",
    ]


def test_an_address_may_be_hexadecimal():
    made = config.check(changed("sensors", 0, address="0x77"))
    assert made["sensors"][0]["options"] == {"address": 0x77}
    only_fault(changed("sensors", 0, address="0xzz"), "sensors[0].address: '0xzz'", "0x76, 0x77")
    only_fault(changed("sensors", 0, address="119"), "sensors[0].address: '119'")


def test_each_fault_has_a_line():
    data = changed("broker", port=0, host="GONE")
    data["identity"]["company"] = "a b"
    data["wifi"]["password"] = "short"
    found = faults(data)
    assert len(found) == 4
    text = "\n".join(found)
    assert "broker.port: 0: allowed is a whole number from 1 to 65535" in text
    assert "broker.host: missing: needed is a name or an address" in text
    assert "identity.company: 'a b': allowed is text without space" in text
    assert "wifi.password: (hidden): allowed is text of 8 to 64 bytes or none" in text


def test_no_password_in_a_fault():
    for path in ("wifi", "broker"):
        for secret in (["s3cret"], {"s3cret": 1}, 53121, "s3cret" * 100):
            data = changed(path, password=secret)
            data["broker"]["user"] = "lab"
            for line in faults(data):
                assert "s3cret" not in line and "53121" not in line, line


def test_a_mistyped_password_key_hides_its_value_too():
    for key in ("Password", "passwort", "pass", "pasword"):
        data = changed("wifi", **{key: "s3cret"})
        only_fault(data, "wifi.%s: " % key, "one of these keys: password, ssid")
        assert "s3cret" not in faults(data)[0]


def test_a_mistyped_section_shows_nothing_of_its_inside():
    for data in (changed(wi_fi=GOOD["wifi"]), [GOOD], changed(wifi=["net", "long-enough"])):
        found = "\n".join(faults(data))
        assert "long-enough" not in found, found


def test_unknown_keys_are_told_with_those_there_are():
    only_fault(changed(speed=1), "speed: 1", "broker", "payload", "time_server")
    only_fault(changed("broker", adress="x"), "broker.adress: 'x'", "host, keep_alive")
    only_fault(changed("sensors", 0, pin=4), "sensors[0].pin: 4", "address, align, bus")


def test_missing_sections():
    for name in ("identity", "wifi", "broker", "sensors"):
        assert name in faults(changed(**{name: "GONE"}))[0]
    # No bus is needed as long as no sensor asks for one.
    config.check(changed(buses="GONE", sensors=[{"driver": "chip"}]))


def test_what_is_no_object():
    for data in (None, 5, "text", [], [GOOD], True):
        only_fault(data, "configuration: ", "no object")
    for name in ("identity", "wifi", "broker", "buses"):
        for value in (5, "x", True):
            line = "%s: %r: allowed is an object" % (name, value)
            assert line in "\n".join(faults(changed(**{name: value})))
        assert name + ": a list: " in faults(changed(**{name: []}))[0]


def test_sensors_that_are_no_list():
    for value in (5, "x"):
        only_fault(changed(sensors=value), "sensors: %r: " % (value,), "at least one")
    only_fault(changed(sensors={}), "sensors: an object: ")
    only_fault(changed(sensors=[]), "sensors: a list: ")
    for value in (5, None, [], "bme280"):
        names = ", ".join(config.sensors.names())
        only_fault(changed(sensors=[value]), "sensors[0].driver: None", names)
    only_fault(
        changed(sensors=[{"drive": "chip"}]), "sensors[0].driver: missing: needed is", names
    )


def test_numbers_true_and_text_are_different():
    for value in (True, "1883", 1883.0):
        only_fault(changed("broker", port=value), "broker.port: %r" % (value,))
    for value in (1, 0, "true"):
        only_fault(changed("sensors", 1, invert=value), "sensors[1].invert: %r" % value)
    # Seconds may be whole or not.
    assert config.check(changed("sensors", 0, interval=5))["sensors"][0]["interval"] == 5


def test_limits():
    config.check(changed("broker", port=65_535, keep_alive=1))
    only_fault(changed("broker", port=65_536), "broker.port")
    only_fault(changed("broker", keep_alive=0), "broker.keep_alive: 0", "1 to 65535")
    only_fault(changed("sensors", 0, interval=0.01), "interval: 0.01", "0.1 to 86400")
    only_fault(changed("wifi", ssid="x" * 33), "wifi.ssid")
    config.check(changed("wifi", ssid="x" * 32, password=""))


def test_how_readings_are_published():
    plain = config.check(GOOD)["sensors"][0]
    assert (plain["qos"], plain["retain"], plain["align"]) == (None, False, False)
    made = config.check(changed("sensors", 1, qos=0, retain=True, align=True))["sensors"][1]
    assert (made["qos"], made["retain"], made["align"]) == (0, True, True)
    for qos in (2, -1, 1.0, True, "1"):
        only_fault(changed("sensors", 0, qos=qos), "sensors[0].qos: %r" % qos, "from 0 to 1")
    for name in ("retain", "align"):
        for value in (1, 0, "true"):
            data = changed("sensors", 0, **{name: value})
            only_fault(data, "sensors[0].%s: %r" % (name, value), "false, true")


def test_client_identifier():
    config.check(changed("broker", client_id="Node_1-a"))
    for value in ("", "a" * 24, "a b", "ä", "a/b", 5):
        only_fault(changed("broker", client_id=value), "broker.client_id: %r" % value)


def test_a_password_needs_a_user():
    only_fault(changed("broker", password="word"), "broker.user", "broker.password")
    config.check(changed("broker", password="word", user="lab"))
    config.check(changed("broker", user="lab"))


def test_what_passes_fits_into_connect():
    from mqtt import packet

    user, password = "u" * 256, "p" * 384
    config.check(changed("broker", user=user, password=password))
    will = ("t" * 256, "offline", 1, True)
    packet.connect(("c" * 23, user, password, 60, True, will))
    only_fault(changed("broker", user="u" * 257), "broker.user")
    only_fault(changed("broker", user="u", password="p" * 385), "broker.password: (hidden)")
    only_fault(changed("broker", user="a\0b"), "broker.user")


def test_names_of_sensors():
    for name in ("a b", "", "a/b", "$a", 5, [], ["a"], {}):
        for i in (0, 1):
            only_fault(changed("sensors", i, name=name), "sensors[%d].name: " % i, "without space")
    for name in ("status", "command", "reply", "faults"):
        told = "sensors[1].name: '%s'" % name, "command, reply, faults"
        only_fault(changed("sensors", 1, name=name), *told)


def test_two_sensors_of_one_name():
    only_fault(changed("sensors", 1, name="humidity"), "sensors[1].name: 'humidity'", "sensors[0]")
    twice = changed(sensors=[{"driver": "chip"}, {"driver": "chip"}])
    assert len(faults(twice)) == 5


def test_buses():
    two = changed("buses", side={"scl": 1, "sda": 2})
    only_fault(two, "sensors[0].bus: missing: needed is main, side")
    two["sensors"][0]["bus"] = "side"
    assert config.check(two)["sensors"][0]["bus"] == "side"
    two["sensors"][0]["bus"] = "third"
    only_fault(two, "sensors[0].bus: 'third'", "main, side")
    only_fault(changed(buses={}), "sensors[0].bus: missing: needed is a bus defined under buses")
    only_fault(changed("buses", "main", scl=99), "buses.main.scl: 99", "0 to 48")


def test_topic_that_is_too_long():
    data = changed("identity", room="x" * 250)
    assert "256 at most" in faults(data)[0]
    assert faults(data)[0].startswith("identity: ")


def test_the_file(name="no-such-file.json"):
    error = raises(config.ConfigError, config.load, name)
    assert name in str(error) and "not found" in str(error)


def test_keys_that_are_no_text():
    # MicroPython's json takes {1: 2}.
    data = changed()
    data["buses"][1] = {"scl": 4, "sda": 5}
    data[2] = 3
    assert [fault.split(":")[0] for fault in faults(data)] == ["configuration", "buses"]


def test_a_pin_is_used_once():
    data = changed()
    data["sensors"].append({"driver": "digital", "pin": 22, "name": "window"})
    only_fault(data, "sensors[2].pin: 22", "another than buses.main.scl")
    only_fault(changed("buses", "main", sda=22), "buses.main.sda: 22", "buses.main.scl")


def on_one_wire(*roms):
    """Returns GOOD with a DS18B20 on pin 5 for each ROM code; None: without."""
    data = changed()
    for i, rom in enumerate(roms):
        entry = {"driver": "ds18b20", "pin": 5, "name": "pipe-%d" % i}
        data["sensors"].append(dict(entry, rom=rom) if rom else entry)
    return data


def test_one_wire_sensors_share_a_pin():
    first, second = "28ff641e8516037c", "28FF000000000099"
    made = config.check(on_one_wire(first, second))
    assert made["sensors"][2]["options"] == {"rom": first, "resolution": 12}
    assert made["sensors"][3]["pin"] == 5
    made = config.check(on_one_wire(None))
    assert made["sensors"][2]["options"]["rom"] is None


def test_one_wire_sensors_on_a_pin_have_a_rom_code_each():
    code = "28ff641e8516037c"
    for roms in ((None, code), (code, None), (None, None)):
        only_fault(on_one_wire(*roms), "sensors[3].rom: each on pin 5 needs one")
    only_fault(on_one_wire(code, code.upper()), "sensors[3].rom: ", "another than sensors[2].rom")
    only_fault(on_one_wire("28ff"), "sensors[2].rom: '28ff'", "16 hexadecimal digits")


def test_a_one_wire_pin_is_nobody_else_s():
    data = on_one_wire("28ff641e8516037c", "28ff000000000099")
    data["sensors"].append({"driver": "digital", "pin": 5, "name": "window"})
    only_fault(data, "sensors[4].pin: 5", "another than sensors[2].pin")
    data["sensors"].pop()
    data["buses"]["main"]["scl"] = 5
    only_fault(data, "sensors[2].pin: 5", "another than buses.main.scl")


def test_an_adc_pin_has_an_attenuation():
    entry = {"driver": "voltage", "pin": 34}
    made = config.check(changed(sensors=[entry]))["sensors"][0]
    assert made["attenuation"] == 11 and "pull" not in made
    for value in (0, 2.5, 6, 11, 11.0):
        config.check(changed(sensors=[dict(entry, attenuation=value)]))
    for value in (12, "11dB", True):
        only_fault(changed(sensors=[dict(entry, attenuation=value)]), "attenuation: ", "0, 2.5, 6")


def test_an_echo_has_two_pins():
    entry = {"driver": "hcsr04", "pin": 34, "trigger": 5}
    assert config.check(changed(sensors=[entry]))["sensors"][0]["trigger"] == 5
    told = "sensors[0].trigger: 34", "another than sensors[0].pin"
    only_fault(changed(sensors=[dict(entry, trigger=34)]), *told)


def test_a_driver_may_need_an_option():
    entry = {"driver": "moisture", "pin": 34, "dry": 2.1}
    only_fault(changed(sensors=[entry]), "sensors[0].wet: missing: needed is 0.0 to 5.5")
    made = config.check(changed(sensors=[dict(entry, wet=1)]))
    assert made["sensors"][0]["options"] == {"samples": 20, "dry": 2.1, "wet": 1}


def test_an_address_is_used_once_on_a_bus():
    data = changed()
    data["sensors"].append({"driver": "bme280", "name": "roof"})
    only_fault(data, "sensors[2].address: 0x76", "another than sensors[0].address")
    data["sensors"][2]["address"] = "0x77"
    config.check(data)


def test_hosts():
    for host in ("mqtt://broker", "broker:1883", " broker", "me@broker", ""):
        only_fault(changed("broker", host=host), "broker.host: ", "without mqtt:// and port")


def test_a_watchdog_bites_no_resolving():
    for seconds in (0, 30, 3600):
        assert config.check(dict(changed(), watchdog=seconds))["watchdog"] == seconds
    only_fault(dict(changed(), watchdog=5), "watchdog: 5", "0 or a whole number from 30 to 3600")


def test_what_is_missing_is_said_so():
    only_fault(changed(broker="GONE"), "broker: missing: needed is an object")
