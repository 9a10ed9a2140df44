# Topics and payloads of readings.

import json

from node import reporter
from node.topics import Topics


class Clock:
    def __init__(self, offset):
        self.offset = offset

    def at(self, uptime):
        return None if self.offset is None else self.offset + uptime


class Reading:
    def __init__(self, value, unit="°C", decimals=1, level="temperature", uptime=500, seq=17):
        self.level = level
        self.value = value
        self.unit = unit
        self.decimals = decimals
        self.uptime = uptime
        self.seq = seq


def made(kind="json", offset=1_763_800_000_000):
    return reporter.Reporter(Topics({"company": "acme", "device": "n1"}), Clock(offset), kind)


def test_topic():
    assert made().topic(Reading(1)) == "acme/n1/temperature"


def test_json_in_this_order():
    payload = made().payload(Reading(22.5, "hPa"))
    assert payload == b'{"value":22.5,"unit":"hPa","time":1763800000500,"seq":17}'


def test_json_without_time():
    payload = made(offset=None).payload(Reading(22.5, "hPa"))
    assert payload == b'{"value":22.5,"unit":"hPa","time":null,"seq":17}'


def test_units_beyond_ascii():
    assert json.loads(made().payload(Reading(22.5)))["unit"] == "°C"


def test_the_clock_is_asked_when_the_payload_is_made():
    one = made(offset=None)
    one._clock.offset = 1000
    assert b'"time":1500,' in one.payload(Reading(1))


def test_json_of_words_and_truth():
    assert b'"value":"open","unit":null,' in made().payload(Reading("open", None, None))
    assert b'"value":true,' in made().payload(Reading(True, None, None))
    told = made().payload(Reading('a"b\\', None, None))
    assert json.loads(told)["value"] == 'a"b\\'


def test_bare_values():
    one = made("value")
    assert one.payload(Reading(22.5)) == b"22.5"
    assert one.payload(Reading("open", None, None)) == b"open"
    assert one.payload(Reading(-61, "dBm", 0)) == b"-61"
    assert one.payload(Reading("zu", None, None)) == b"zu"


def test_decimals_are_fixed():
    for value, decimals, text in (
        (22.46, 1, b"22.5"),
        (22, 1, b"22.0"),
        (22.4, 0, b"22"),
        (-0.25, 2, b"-0.25"),
        (1013.25, 2, b"1013.25"),
        (81_920, 0, b"81920"),
        (7, None, b"7"),
    ):
        assert made("value").payload(Reading(value, decimals=decimals)) == text
        assert b'{"value":' + text + b"," in made().payload(Reading(value, decimals=decimals))


def test_whole_numbers_stay_whole():
    # Beyond what single precision holds.
    assert made("value").payload(Reading(20_000_001, "s", 0)) == b"20000001"


class Notice:
    level = "faults"

    def payload(self, at):
        return "since %d" % at(500)


def test_what_has_a_payload_of_its_own():
    for kind in ("json", "value"):
        assert made(kind).payload(Notice()) == b"since 1763800000500"
        assert made(kind).topic(Notice()) == "acme/n1/faults"


def test_a_little_below_zero_is_zero():
    assert made("value").payload(Reading(-0.04)) == b"0.0"
    assert made("value").payload(Reading(-0.06)) == b"-0.1"
