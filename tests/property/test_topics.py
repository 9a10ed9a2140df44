"""Any identity makes topics that obey every rule, or a TopicError that says what is wrong."""

import unicodedata

from hypothesis import example, given, strategies as st

from mqtt.topic import TopicError
from node import topics

# What tends to go wrong, beside any text at all.
TRICKY = st.text(
    st.sampled_from("aZ9 /+#$\0\t\n\x7f\x85\xa0\u2003\u3000\ud800\ufeffü東😀"), max_size=8
)
GOOD = st.text(st.sampled_from("abcXYZ0189-_.ü東😀"), min_size=1, max_size=60)
LEVEL = st.one_of(GOOD, GOOD, TRICKY, st.text(max_size=12))
ANYTHING = st.one_of(LEVEL, LEVEL, st.none(), st.integers(), st.booleans(), st.lists(st.text()))
IDENTITY = st.fixed_dictionaries(
    {"company": LEVEL, "device": LEVEL},
    optional={name: ANYTHING for name in topics.LEVELS if name not in topics.REQUIRED},
)


def assert_rules(topic, longest):
    raw = topic.encode()  # well-formed: a lone surrogate would raise
    assert 0 < len(raw) <= longest
    levels = topic.split("/")
    assert 3 <= len(levels) <= 7
    for level in levels:
        assert level and level[0] != "$"
        for character in level:
            assert character not in "+#" and not character.isspace()
            assert unicodedata.category(character) not in ("Cc", "Cs"), repr(character)


@given(IDENTITY, LEVEL, st.sampled_from((256, 256, 65_535, 40)))
@example({"company": "a", "device": "b"}, "c", 256)
@example({"company": "a\ud800", "device": "b"}, "c", 256)
def test_rules_hold_or_topic_error(identity, sensor, longest):
    try:
        made = topics.Topics(identity, longest)
        topic = made.of(sensor)
    except TopicError as error:
        assert str(error)
        return
    for one in (topic, made.status, made.command, made.reply):
        assert_rules(one, longest)
    given_levels = [identity[name] for name in topics.LEVELS if identity.get(name)]
    assert topic.split("/") == [*given_levels, sensor]


@given(st.lists(GOOD, min_size=2, max_size=6))
def test_good_levels_are_taken(levels):
    names = ("company", *topics.LEVELS[1 : len(levels) - 1], "device")
    made = topics.Topics(dict(zip(names, levels, strict=True)), 65_535)
    assert made.device == "/".join(levels)


@given(st.one_of(ANYTHING, st.binary(), st.dictionaries(st.text(), st.text())))
def test_level_fault_never_raises(level):
    fault = topics.level_fault(level)
    assert isinstance(fault, str)
    assert bool(fault) or isinstance(level, str)
