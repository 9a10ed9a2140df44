"""What a deploy does, case by case: boards as they are found, and the steps that come of it."""

import pytest

from board_model import Model
from fieldpost import plan as plans

APP = {"node/start.mpy": b"start", "node/app.mpy": b"app", "sensors/chip.mpy": b"chip"}
ROOT = {"boot.py": b"our boot", "main.py": b"our main"}
SLOT_A = {f"a/{path}": data for path, data in APP.items()}
SLOT_B = {f"b/{path}": data for path, data in APP.items()}
UP_TO_DATE = {**SLOT_A, **ROOT, "slot": b"a", "config.json": b"{}"}


def told(files, app=APP, root=ROOT):
    """Returns the plan's steps as text, in the order in which they are done."""
    return [f"{step.action} {step.path}" for step in Model(files).plan(app, root).steps]


def test_nothing_to_do():
    plan = Model(UP_TO_DATE).plan(APP, ROOT)
    assert (plan.steps, plan.slot, set(plan.kept)) == ([], "a", set(APP))
    assert told({**UP_TO_DATE, "log.txt": b"data", "data/x": b"more"}) == []


def test_a_blank_board():
    assert told({}) == [
        "mkdir a",
        "mkdir a/node",
        "mkdir a/sensors",
        "send a/node/app.mpy",
        "send a/node/start.mpy",
        "send a/sensors/chip.mpy",
        "verify a",
        "send boot.py",
        "send slot",
        "send main.py",
    ]


def test_one_driver_is_sent_and_the_others_copied_on_the_board():
    app = {**APP, "sensors/chip.mpy": b"mended"}
    assert told(UP_TO_DATE, app) == [
        "mkdir b",
        "mkdir b/node",
        "mkdir b/sensors",
        "copy b/node/app.mpy",
        "copy b/node/start.mpy",
        "send b/sensors/chip.mpy",
        "verify b",
        "send slot",
    ]


def test_what_the_other_slot_has_of_it_stays():
    app = {**APP, "sensors/chip.mpy": b"mended"}
    before = {**UP_TO_DATE, **SLOT_B}
    assert told(before, app) == [
        "remove b/sensors/chip.mpy",
        "send b/sensors/chip.mpy",
        "verify b",
        "send slot",
    ]
    # It is whole already: nothing is left but the pointer.
    now = {**before, "b/sensors/chip.mpy": b"mended"}
    assert told(now, app) == ["verify b", "send slot"]


def test_a_file_that_moved_is_copied_from_where_it_was():
    app = {"node/start.mpy": b"start", "node/app.mpy": b"app", "node/chip.mpy": b"chip"}
    (copied,) = [
        step for step in Model(UP_TO_DATE).plan(app, ROOT).steps if step.path == "b/node/chip.mpy"
    ]
    assert (copied.action, copied.source) == (plans.COPY, "a/sensors/chip.mpy")


def test_what_does_not_belong_there_goes():
    stale = {"b/sensors/chip.py": b"hides", "b/node/old/x.mpy": b"", "b/node/app.mpy.new": b"half"}
    steps = told({**UP_TO_DATE, **SLOT_B, "a/extra.py": b"", **stale})
    assert steps == [
        "remove b/node/app.mpy.new",
        "remove b/node/old/x.mpy",
        "remove b/sensors/chip.py",
        "rmdir b/node/old",
        "verify b",
        "send slot",
    ]


def test_a_stale_source_in_the_slot_that_is_started_makes_another_the_new_one():
    assert "send slot" in told({**UP_TO_DATE, "a/sensors/chip.py": b"hides"})


def test_the_configuration_comes_last_and_alone_when_nothing_else_is_new():
    root = {**ROOT, "config.json": b'{"new": 1}'}
    assert told(UP_TO_DATE, root=root) == ["send config.json"]
    assert told({}, root=root)[-4:] == [
        "send boot.py",
        "send slot",
        "send main.py",
        "send config.json",
    ]
    # Without a new one the board's own stays.
    assert "config.json" not in " ".join(told({**UP_TO_DATE, "slot": b"b"}))


def test_somebody_else_s_start_files_are_kept_at_the_first_deploy():
    foreign = {"boot.py": b"theirs", "main.py": b"theirs, too"}
    plan = Model(foreign).plan(APP, ROOT)
    assert plan.saved == ["boot.py", "main.py"]
    steps = told(foreign)
    assert steps[-5:] == [
        "copy boot.py.old",
        "copy main.py.old",
        "send boot.py",
        "send slot",
        "send main.py",
    ]
    # Broken off: what is kept already is not copied again, and what is replaced is not taken.
    later = {**foreign, **SLOT_A, "boot.py": ROOT["boot.py"], "boot.py.old": b"theirs"}
    assert told(later) == ["verify a", "copy main.py.old", "send slot", "send main.py"]
    # An older one of ours is no loss.
    assert Model({**UP_TO_DATE, "boot.py": b"ours before"}).plan(APP, ROOT).saved == []


def test_an_application_at_the_root_goes_when_the_slot_is_there():
    flat = {
        "node/app.py": b"",
        "node/clock.py": b"",
        "sensors/chip.py": b"",
        "sensors/notes.txt": b"mine",
        "lib/mqtt/client.py": b"",
        "lib/other/x.py": b"",
    }
    steps = told({**flat, "boot.py": b"ours before", "main.py": b"ours before"})
    assert steps[steps.index("send main.py") + 1 :] == [
        "remove lib/mqtt/client.py",
        "remove node/clock.py",
        "remove sensors/chip.py",
        "remove node/app.py",
        "rmdir node",
        "rmdir lib/mqtt",
    ]
    assert not any(step.startswith("copy") for step in steps)
    # Somebody else's node or library is not ours to remove.
    del flat["node/app.py"]
    assert not any(step.startswith("remove") for step in told(flat))


def test_leftovers_go_first():
    left = {"slot.new": b"", "boot.py.new": b"", "main.py.old.new": b"", "config.json.new": b""}
    assert told({**UP_TO_DATE, **left}) == [
        "remove boot.py.new",
        "remove main.py.old.new",
        "remove config.json.new",
        "remove slot.new",
    ]


def test_a_file_in_a_slot_s_place_goes():
    assert told({"a": b"letter"})[:2] == ["remove a", "mkdir a"]


@pytest.mark.parametrize("pointer", [b"", b"c", b"\xff", b"ab"])
def test_a_damaged_pointer_is_none(pointer):
    plan = Model({**UP_TO_DATE, "slot": pointer}).plan(APP, ROOT)
    assert [step.path for step in plan.steps] == ["a", "slot"]
    assert plan.slot == "a"


@pytest.mark.parametrize("pointer", [b"a\n", b"a\r\n", b"a b", b" a"])
def test_a_pointer_is_read_as_boot_reads_it(pointer):
    assert told({**UP_TO_DATE, "slot": pointer}) == []


# ---- Space -----------------------------------------------------------------------------------


def lacks(files, app, free):
    board = Model(files)
    needed, there = plans.shortage(board.found(free), board.plan(app, ROOT))
    return needed > there


def test_a_full_file_system_is_seen_before_anything_is_done():
    app = {"node/app.mpy": b"x" * 20_000, "node/start.mpy": b"y" * 5_000}
    # Five and two blocks, two folders of two, three files at the root, four to spare.
    assert not lacks({}, app, 18)
    assert lacks({}, app, 17)


def test_what_is_removed_before_the_new_comes_counts():
    app = {"node/app.mpy": b"x" * 20_000}
    old = {**UP_TO_DATE, "b/node/app.mpy": b"z" * 40_000}
    assert not lacks(old, app, 0)
    # What is at the root goes after that, and what is tiny has no block of its own.
    assert lacks({**UP_TO_DATE, "node/app.py": b"z" * 40_000}, app, 9)
    assert lacks({**UP_TO_DATE, **{f"b/node/{n}.mpy": b"z" * 100 for n in range(40)}}, app, 9)


def test_nothing_to_write_needs_no_space():
    assert not lacks(UP_TO_DATE, APP, 0)
