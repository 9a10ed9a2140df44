"""Whatever ends a command leaves no half-made folder behind."""

import os
import signal

import pytest

from fieldpost import place


@pytest.fixture
def handled():
    """Returns handled(signal, handler), which is undone at the end."""
    before = []
    yield lambda number, how: before.append((number, signal.signal(number, how)))
    for number, how in before:
        signal.signal(number, how)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_request_to_end_leaves_what_there_was(name, handled, tmp_path):
    number, missed = getattr(signal, name), []
    # Else a test that fails would end all tests.
    handled(number, lambda *_: missed.append(name))
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(KeyboardInterrupt),
        place.interruptible(),
        place.whole(tmp_path / "out") as new,
    ):
        (new / "half").write_text("made")
        os.kill(os.getpid(), number)
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]
    assert missed == []
    os.kill(os.getpid(), number)
    assert missed == [name]


def test_what_was_started_to_outlive_its_terminal_does_so(handled):
    handled(signal.SIGHUP, signal.SIG_IGN)
    with place.interruptible():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
