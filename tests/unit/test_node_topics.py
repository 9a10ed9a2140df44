# The topic hierarchy, to the letter.

from mqtt.topic import TopicError
from node import topics
from raises import raises

FULL = {
    "company": "acme",
    "location": "north",
    "building": "b2",
    "floor": "1",
    "room": "lab",
    "device": "n1",
}


def without(*names, **changes):
    identity = {name: FULL[name] for name in FULL if name not in names}
    identity.update(changes)
    return topics.Topics(identity)


def test_all_levels():
    made = topics.Topics(FULL)
    assert made.device == "acme/north/b2/1/lab/n1"
    assert made.of("temperature") == "acme/north/b2/1/lab/n1/temperature"
    assert made.status == "acme/north/b2/1/lab/n1/status"
    assert made.command == "acme/north/b2/1/lab/n1/command"
    assert made.reply == "acme/north/b2/1/lab/n1/reply"
    assert made.faults == "acme/north/b2/1/lab/n1/faults"


def test_levels_may_be_left_out():
    assert without("floor").device == "acme/north/b2/lab/n1"
    assert without("location", "building", "floor", "room").device == "acme/n1"
    assert without(floor=None).device == "acme/north/b2/lab/n1"


def test_company_and_device_are_needed():
    for name in ("company", "device"):
        error = raises(TopicError, without, name)
        assert name in str(error)
        raises(TopicError, without, **{name: None})


def test_levels_that_are_refused():
    wrong = ["", " ", "a b", "a/b", "/a", "+", "a+", "#", "a\0", "a\t", "a\n", "\x7f", "$a"]
    wrong += ["a\xa0", "a\u2003b", "a\u3000", "a\x85b", 5, 1.5, True, [], {}]
    for level in wrong:
        error = raises(TopicError, without, room=level)
        assert "room" in str(error) and topics.ALLOWED in str(error), repr(level)
        raises(TopicError, topics.Topics(FULL).of, level)


def test_levels_that_are_taken():
    for level in ("Lab-3", "a$b", "Küche", "東京", "😀", "a.b_c:d", "№", "%", "*", "'", '"', "\\"):
        assert without(room=level).device == "acme/north/b2/1/%s/n1" % level


def test_case_is_kept():
    assert without(room="LaB").device == "acme/north/b2/1/LaB/n1"


def test_longest_topic():
    made = without(room="x" * (256 - len("acme/north/b2/1//n1/temperature")))
    assert len(made.of("temperature")) == 256
    error = raises(TopicError, made.of, "temperatures")
    assert "257" in str(error) and "256" in str(error)


def test_length_counts_bytes():
    # Two bytes each in UTF-8.
    raises(TopicError, without, room="ü" * 120)
    assert without(room="ü" * 110)
    assert topics.Topics(dict(FULL, room="ü" * 120), longest=65_535)


def test_own_topics_must_fit_too():
    # "command" is the longest of them.
    room = "x" * (256 - len("acme/north/b2/1//n1/command"))
    assert without(room=room)
    raises(TopicError, without, room=room + "x")
