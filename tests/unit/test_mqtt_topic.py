"""Topic names, filters, matching and routing (MQTT 3.1.1, 4.7)."""

from mqtt.packet import ProtocolError
from mqtt.router import Route, matches, route
from mqtt.topic import TopicError, check_filter, check_name
from raises import raises


def matching(topic_filter, topic):
    return matches(topic_filter.split("/"), topic.split("/"))


def test_the_standards_own_examples():
    for topic in (
        "sport/tennis/player1",
        "sport/tennis/player1/ranking",
        "sport/tennis/player1/x/y",
    ):
        assert matching("sport/tennis/player1/#", topic)
    assert matching("sport/#", "sport")
    assert matching("#", "sport") and matching("#", "a/b/c")
    assert matching("sport/tennis/+", "sport/tennis/player1")
    assert not matching("sport/tennis/+", "sport/tennis/player1/ranking")
    assert not matching("sport/+", "sport") and matching("sport/+", "sport/")
    assert matching("+/+", "/finance") and matching("/+", "/finance")
    assert not matching("+", "/finance")


def test_no_wildcard_matches_a_leading_dollar():
    for topic_filter in ("#", "+", "+/monitor/Clients", "+/#"):
        assert not matching(topic_filter, "$SYS/monitor/Clients")
        assert not matching(topic_filter, "$SYS")
    assert matching("$SYS/#", "$SYS/monitor/Clients")
    assert matching("$SYS/monitor/+", "$SYS/monitor/Clients")
    assert matching("a/#", "a/$b") and matching("a/+", "a/$b")


def test_empty_levels_are_levels():
    assert matching("/", "/") and not matching("/", "//") and not matching("/", "a/")
    assert matching("a//b", "a//b") and not matching("a//b", "a/b")
    assert matching("a/+/b", "a//b") and matching("+//+", "a//b")
    assert matching("/#", "/") and matching("/#", "/a") and not matching("/#", "a")


def test_case_and_prefixes_do_not_match():
    assert not matching("Sport", "sport") and not matching("sport", "sport2")
    assert not matching("sport/a", "sport") and not matching("sport", "sport/a")
    assert not matching("a/#", "ab")


def test_filters_checked():
    for good in ("#", "+", "a/#", "+/a/+", "/", "//#", "ü/+", "a b"):
        assert check_filter(good) == good.encode()
    for bad in ("", "a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+", "##", "+#", "a\0"):
        raises(TopicError, check_filter, bad)
    raises(TopicError, check_filter, b"\xff/#")


def test_names_checked():
    for good in ("a", "/", "a//b", "$SYS/x", "ü", "a b", b"bytes"):
        assert check_name(good) == (good if isinstance(good, bytes) else good.encode())
    for bad in ("", "a/+", "#", "a#b", "a\0b", b"\xed\xa0\x80"):
        raises(TopicError, check_name, bad)


def test_a_topic_error_is_a_value_error_and_names_the_topic():
    error = raises(ValueError, check_name, "room/+/x")
    assert "room/+/x" in str(error)


def routed(filters, topic):
    """The filters that match and the name handed on, in the order of the calls."""
    calls = []

    def call(one, name, payload, first):
        assert payload == b"p" and first == 0x31
        calls.append((one.name, name))

    routes = [Route(name, None, 0) for name in filters]
    route(routes, memoryview(topic), b"p", 0x31, call)
    return calls


def test_routing_to_each_filter_that_matches_in_their_order():
    filters = ("a/b", "a/+", "#", "c")
    assert routed(filters, b"a/b") == [("a/b", "a/b"), ("a/+", "a/b"), ("#", "a/b")]
    assert routed(filters, b"c") == [("#", "c"), ("c", "c")]
    assert routed(filters, b"$SYS/x") == []
    assert routed(("ü", "+"), "ü".encode()) == [("ü", "ü"), ("+", "ü")]


def test_a_forbidden_topic_from_the_server_is_a_violation():
    for filters in ((), ("a",), ("#",)):
        for topic in (b"a/+", b"a#", b"a\0", b"\xff", b"\xed\xa0\x80"):
            raises(ProtocolError, routed, filters, topic)
