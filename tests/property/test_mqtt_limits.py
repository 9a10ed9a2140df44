"""The largest names and fields the standard allows: too large for the memory of a chip."""

import pytest

from mqtt import packet
from mqtt.topic import TopicError, check_filter, check_name, text


def test_a_text_field_has_at_most_65535_bytes():
    assert text("x" * 65_535) == b"x" * 65_535
    with pytest.raises(ValueError):
        text("x" * 65_536)
    with pytest.raises(ValueError):
        text("ü" * 32_768)


@pytest.mark.parametrize("check", [check_name, check_filter])
def test_names_and_filters_have_at_most_65535_bytes(check):
    assert len(check("ü" * 32_767 + "x")) == 65_535
    with pytest.raises(TopicError) as error:
        check("ü" * 32_768)
    assert len(str(error.value)) < 300


def test_a_will_payload_has_at_most_65535_bytes():
    packet.connect(("id", None, None, 60, True, ("t", b"x" * 65_535, 0, False)))
    with pytest.raises(ValueError):
        packet.connect(("id", None, None, 60, True, ("t", b"x" * 65_536, 0, False)))
