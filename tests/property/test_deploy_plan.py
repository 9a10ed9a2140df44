"""Whatever is on a board and wherever a deploy breaks off: old or new boots, the next one ends."""

import contextlib

from hypothesis import example, given, strategies as st

from board_model import Cut, Model

# Among them a folder in a file's place, a source that hides bytecode, and what a deploy left.
PATHS = (
    "node/app.mpy",
    "node/app.py",
    "node/start.mpy",
    "node/start.mpy/old.mpy",
    "sensors/chip.mpy",
    "sensors/chip.mpy.new",
    "mqtt/client.mpy",
    "mqtt/deep/er/part.mpy",
    "node",
)
CONTENT = st.sampled_from((b"", b"one", b"two", b"three" * 2000))
OURS = {"boot.py": b"our boot", "main.py": b"our main"}


def consistent(files):
    """Leaves out what is below a file."""
    return {
        path: data
        for path, data in files.items()
        if not any(path.startswith(other + "/") for other in files)
    }


TREE = st.dictionaries(st.sampled_from(PATHS), CONTENT, max_size=7).map(consistent)
WANTED = tuple(path for path in PATHS if path != "node" and not path.endswith(".new"))
APP = st.dictionaries(st.sampled_from(WANTED), CONTENT, min_size=1, max_size=6).map(consistent)
ROOT_FILES = st.dictionaries(
    st.sampled_from(
        ("boot.py", "main.py", "config.json", "boot.py.new", "main.py.old", "slot.new", "log.txt")
    ),
    CONTENT,
)
NEW_ROOT = st.fixed_dictionaries(
    {name: st.just(data) for name, data in OURS.items()}, optional={"config.json": CONTENT}
)
POINTER = st.sampled_from((None, b"", b"a", b"b", b"b\n", b"a b", b"c", b"\xff"))


@st.composite
def boards(draw):
    files = {f"a/{path}": data for path, data in draw(TREE).items()}
    files.update((f"b/{path}", data) for path, data in draw(TREE).items())
    files.update(draw(TREE))
    files.update((f"lib/{path}", data) for path, data in draw(TREE).items())
    files.update(draw(ROOT_FILES))
    pointer = draw(POINTER)
    if pointer is not None:
        files["slot"] = pointer
    if draw(st.booleans()):
        # A file where a slot's folder is to be.
        files = {path: data for path, data in files.items() if not path.startswith("b/")}
        files["b"] = b"letter"
    return Model(files)


def finished(board, app, root, before):
    """Checks what a whole deploy leaves."""
    assert board.started == app
    for name, data in root.items():
        assert board.files[name] == data
    assert not any(path.endswith(".new") for path in board.files if "/" not in path)
    assert board.files.get("log.txt") == before.files.get("log.txt")
    assert board.plan(app, root).steps == []


@given(boards(), APP, NEW_ROOT)
@example(Model({"node/app.py": b"flat", "main.py": b"flat main"}), {"node/app.mpy": b"x"}, OURS)
def test_a_deploy_ends_in_what_is_wanted(board, app, root):
    before = Model(board.files)
    board.do(board.plan(app, root).steps)
    finished(board, app, root, before)


@given(boards(), APP, NEW_ROOT, st.lists(st.tuples(st.integers(0, 60), APP), max_size=4))
def test_broken_off_anywhere_old_or_new_boots_and_the_next_one_ends(board, app, root, broken):
    before = Model(board.files)
    wanted = [before.started]
    for cut, another in broken:
        wanted.append(another)
        with contextlib.suppress(Cut):
            board.do(board.plan(another, root).steps, cut)
        assert board.started in wanted
    board.do(board.plan(app, root).steps)
    finished(board, app, root, before)


@given(boards(), APP, NEW_ROOT)
def test_at_each_moment_one_of_two_boots(board, app, root):
    old, steps = board.started, board.plan(app, root).steps
    whole = Model(board.files)
    whole.folders = set(board.folders)
    for cut in range(2 * len(steps)):
        now = Model(whole.files)
        now.folders = set(whole.folders)
        with contextlib.suppress(Cut):
            now.do(steps, cut)
        assert now.started in (old, app)
        if now.started is None:
            # Nor is a loader there yet that finds no application at the root.
            assert now.files.get("main.py") == whole.files.get("main.py")
