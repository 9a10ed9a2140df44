"""A board's files as a deploy's steps change them, with the power cut in the middle of a step."""

from fieldpost import plan as plans
from fieldpost.firmware import POINTER, SLOTS
from fieldpost.remote import ROOT


class Cut(Exception):
    """The power failed."""


class Model:
    """Files and folders of a board: {path: bytes}."""

    def __init__(self, files):
        self.files = dict(files)
        self.folders = {
            "/".join(p.split("/")[:n]) for p in files for n in range(1, p.count("/") + 1)
        }
        # Steps left until the power fails, None: it doesn't.
        self.left = None

    def found(self, free=1000):
        """Returns what a deploy finds."""
        places = (*SLOTS, *plans.FLAT)
        files = {
            path: plans.Stored(len(data), plans.digest(data))
            for path, data in self.files.items()
            if path in ROOT or path in places or self._within(path, places)
        }
        folders = {path for path in self.folders if path in places or self._within(path, places)}
        pointer = plans.pointed(self.files.get(POINTER, b""))
        return plans.Found(files, folders, pointer, 4096, free)

    def plan(self, app, root):
        return plans.make(self.found(), app, root)

    def do(self, steps, cut_after=None):
        """Does steps; after so many halves of one the power fails. Raises Cut."""
        self.left = cut_after
        for step in steps:
            getattr(self, "_" + step.action)(step)

    def below(self, folder):
        """Returns {path within it: bytes} of a folder."""
        return {
            path[len(folder) + 1 :]: data
            for path, data in self.files.items()
            if path.startswith(folder + "/")
        }

    @property
    def started(self):
        """The application that boots, {path: bytes}; None: what is at the root."""
        # As firmware/boot.py reads it.
        pointer = self.files.get(POINTER, b"").decode(errors="replace")[:2].strip()
        return self.below(pointer) if pointer in SLOTS else None

    @staticmethod
    def _within(path, places):
        return any(path.startswith(place + "/") for place in places)

    def _half(self):
        if self.left is not None:
            if not self.left:
                raise Cut
            self.left -= 1

    def _write(self, path, data):
        self._may_be_written(path)
        self._half()
        # What was written until then may be there, or not.
        self.files[path + ".new"] = data[: len(data) // 2]
        self._half()
        del self.files[path + ".new"]
        self.files[path] = data

    def _may_be_written(self, path):
        folder = path.rpartition("/")[0]
        assert not folder or folder in self.folders, f"no folder for {path}"
        assert path not in self.folders and path + ".new" not in self.folders, (
            f"{path} is a folder"
        )

    def _send(self, step):
        assert plans.digest(step.data) == step.sum and len(step.data) == step.size
        self._write(step.path, step.data)

    def _copy(self, step):
        data = self.files[step.source]
        assert plans.digest(data) == step.sum and len(data) == step.size
        self._write(step.path, data)

    def _remove(self, step):
        self._half()
        assert len(self.files.pop(step.path)) == step.size

    def _rmdir(self, step):
        self._half()
        inside = [
            path for path in (*self.files, *self.folders) if path.startswith(step.path + "/")
        ]
        assert inside == []
        self.folders.remove(step.path)

    def _mkdir(self, step):
        self._half()
        parent = step.path.rpartition("/")[0]
        assert not parent or parent in self.folders
        assert step.path not in self.files and step.path not in self.folders
        self.folders.add(step.path)

    def _verify(self, step):
        sums = {path: plans.digest(data) for path, data in self.below(step.path).items()}
        assert {f"{step.path}/{path}": one for path, one in sums.items()} == step.sums
