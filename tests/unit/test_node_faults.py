# Which sensors are at fault: what is published of it.

import json

from node import faults, status


def at(uptime):
    return 1_763_800_000_000 + uptime


def told(box, at=at):
    return json.loads(box.notice().payload(at))


def test_no_fault_looks_as_a_node_without_any_tells_it():
    box = faults.Faults("faults")
    assert box.notice().payload(at) == status.NO_FAULTS
    box.note("attic", "is cold", 5)
    box.note("attic", "", 6)
    assert box.notice().payload(at) == status.NO_FAULTS


def test_a_fault_has_its_words_and_since_when():
    box = faults.Faults("faults")
    box.note("attic", 'no "answer"', 5)
    box.note("door", "its driver has a fault", 7)
    assert told(box) == {
        "count": 2,
        "sensors": {
            "attic": {"fault": 'no "answer"', "since": 1_763_800_000_005},
            "door": {"fault": "its driver has a fault", "since": 1_763_800_000_007},
        },
    }
    box.note("attic", "", 9)
    assert sorted(told(box)["sensors"]) == ["door"] and told(box)["count"] == 1


def test_another_fault_goes_on_since_the_first():
    box = faults.Faults("faults")
    box.note("attic", "no answer", 5)
    box.note("attic", "SDA is held low", 900)
    assert told(box)["sensors"]["attic"] == {"fault": "SDA is held low", "since": at(5)}


def test_without_a_clock_nobody_knows_since_when():
    box = faults.Faults("faults")
    box.note("attic", "no answer", 5)
    assert told(box, lambda uptime: None)["sensors"]["attic"]["since"] is None


def test_a_message_is_bounded():
    box = faults.Faults("faults")
    for i in range(40):
        box.note("sensor-%d" % i, "x" * 1000, i)
    found = told(box)
    assert found["count"] == 40
    assert sorted(found["sensors"]) == sorted("sensor-%d" % i for i in range(8))
    assert len(box.notice().payload(at)) < 2200


def test_a_notice_tells_what_is_true_when_it_is_sent():
    box = faults.Faults("faults")
    first = box.notice()
    assert (first.level, first.qos, first.retain) == ("faults", 1, True)
    box.note("attic", "no answer", 5)
    assert "attic" in first.payload(at)
    assert box.notice() is not first
