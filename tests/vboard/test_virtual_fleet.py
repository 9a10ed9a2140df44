"""What `fieldpost sim --vm` needs of this machine for many boards, and what it says without."""

import errno
import resource

import pytest

from fieldpost import boards
from vm import needs_vm

pytestmark = needs_vm
FILES = resource.RLIMIT_NOFILE


@pytest.fixture
def few_descriptors():
    """As many as a shell allows by default may be less than the system does."""
    soft, hard = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (512, hard))
    yield hard
    resource.setrlimit(FILES, (soft, hard))


def test_many_boards_may_have_all_descriptors_there_are(few_descriptors, tmp_path, air):
    boards.Virtual(tmp_path / "pattern", air, ("chip",))
    assert resource.getrlimit(FILES) == (few_descriptors, few_descriptors)


def test_a_full_disk_is_told(tmp_path, air, monkeypatch):
    make = boards.Virtual(tmp_path / "pattern", air, ("chip",))

    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", source)

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(boards.BoardsError, match="node: No space left on device"):
        make(tmp_path / "node", air, "node", "{}")
