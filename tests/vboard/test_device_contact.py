"""The reed contact: levels by the door, and bounces."""

import pytest

from vboard.devices.contact import BOUNCE_MS, MOST_BOUNCES, Contact
from vboard.world import World


def made(normally_closed=False):
    script = {"doors": {"door": {"changes": [[10, "open"], [20, "closed"]]}}}
    return Contact(World(script=script), "door", normally_closed)


def test_a_closed_door_pulls_the_pin_low():
    assert [made().level_at(t) for t in (0, 10, 19, 20)] == [0, 1, 1, 0]


def test_normally_closed_is_the_other_way_round():
    assert [made(True).level_at(t) for t in (0, 10, 19, 20)] == [1, 0, 0, 1]


def test_follows_a_door_that_is_set():
    contact = made()
    contact.world.set("door", True)
    assert contact.level_at(0) == contact.level(True) == 1


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0)])
def test_bounces_for_some_ms_and_ends_at_the_new_level(before, after):
    contact = made()
    for _ in range(200):
        edges = contact.edges(before, after)
        assert edges[0] == (0.0, after) and edges[-1][1] == after
        offsets = [offset for offset, _ in edges]
        assert offsets == sorted(offsets) and offsets[-1] <= BOUNCE_MS
        levels = [level for _, level in edges]
        assert all(a != b for a, b in zip(levels, levels[1:], strict=False))
        assert 3 <= len(edges) <= 1 + MOST_BOUNCES


def test_no_change_no_edges():
    assert made().edges(1, 1) == []


def test_bounces_are_the_same_in_every_run():
    assert made().edges(0, 1) == made().edges(0, 1)
