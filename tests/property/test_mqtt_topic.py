"""Matching against a regular expression made from the filter, and the checks of names."""

import contextlib
import re

from hypothesis import given, strategies as st

from mqtt.router import matches
from mqtt.topic import TopicError, check_filter, check_name

levels = st.sampled_from(["", "a", "b", "ab", "$SYS", "$", "ü", "a b"])
topics = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(levels | st.just("+"), max_size=4), st.sampled_from([[], ["#"], ["+"]]))
    .map(lambda parts: "/".join(parts[0] + parts[1]))
    .filter(bool)
)


def oracle(topic_filter, topic):
    """Section 4.7 as one regular expression."""
    if topic[0] == "$" and topic_filter[0] in "+#":
        return False
    pattern = re.escape(topic_filter).replace(r"\+", "[^/]*")
    if pattern == r"\#":
        pattern = ".*"
    elif pattern.endswith(r"/\#"):
        pattern = pattern[:-3] + "(/.*)?"
    return re.fullmatch(pattern, topic, re.DOTALL) is not None


@given(filters, topics)
def test_matching_agrees_with_the_oracle(topic_filter, topic):
    assert check_filter(topic_filter) == topic_filter.encode()
    assert matches(topic_filter.split("/"), topic.split("/")) == oracle(topic_filter, topic)


@given(topics)
def test_a_name_matches_itself_and_its_own_wildcards(topic):
    parts = topic.split("/")
    assert matches(parts, parts)
    if not topic.startswith("$"):
        assert matches(["#"], parts) and matches(["+"] * len(parts), parts)
    assert matches(parts + ["#"], parts)


@given(st.text(st.sampled_from("ab/+#\0$ü"), max_size=8))
def test_names_and_filters_are_taken_exactly_when_allowed(text):
    name_is_good = bool(text) and not set(text) & set("+#\0")
    filter_is_good = (
        bool(text)
        and "\0" not in text
        and bool(re.fullmatch(r"(([^/+#]*|\+)/)*([^/+#]*|\+|#)", text))
    )
    for check, good in ((check_name, name_is_good), (check_filter, filter_is_good)):
        try:
            assert check(text) == text.encode()
        except TopicError:
            assert not good
        else:
            assert good


@given(st.text(max_size=10) | st.binary(max_size=10))
def test_no_text_makes_the_checks_raise_anything_else(value):
    for check in (check_name, check_filter):
        with contextlib.suppress(TopicError):
            check(value)
