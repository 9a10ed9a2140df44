"""A factory's folder: the parts of a board's flash, and factory.json, which tells of them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

MANIFEST, HEX, RAW = "factory.json", "factory.hex", "factory.bin"
NAMES = ("bootloader", "otadata", "micropython", "filesystem", "nvs")
FILESYSTEM, NVS = "filesystem", "nvs"


class PartsError(Exception):
    """A folder that is no factory's, or is damaged; the text says what to do."""


@dataclass(frozen=True)
class Part:
    """Bytes that go to one place in the flash; `name` is their file's, without .bin."""

    name: str
    offset: int
    data: bytes

    @property
    def end(self):
        return self.offset + len(self.data)

    @property
    def file(self):
        return f"{self.name}.bin"


@dataclass(frozen=True)
class Factory:
    """What factory.json says, and the parts with their bytes."""

    board: str
    chip: str
    # Bytes of the flash it is for.
    flash: int
    layout: str
    parts: tuple
    # What no part goes to: (name, offset, size).
    kept: tuple


def write(factory, folder):
    """Puts the parts and factory.json into a folder."""
    for part in factory.parts:
        (folder / part.file).write_bytes(part.data)
    text = json.dumps(_manifest(factory), indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read(folder):
    """Returns the Factory in a folder, its parts' SHA-256 compared. Raises PartsError."""
    folder = Path(folder)
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return _factory(found, folder)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise PartsError(
            f"{folder}: no {missing} in it: make factory makes such a folder"
        ) from None
    except NotADirectoryError:
        raise PartsError(f"{folder}: a file: give the folder that make factory made") from None
    except OSError as error:
        raise PartsError(f"{folder}: can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PartsError(f"{folder}: {MANIFEST} is damaged: run make factory again") from None


def _manifest(factory):
    return {
        "board": factory.board,
        "chip": factory.chip,
        "flash": factory.flash,
        "layout": factory.layout,
        "parts": [
            {
                "name": part.name,
                "file": part.file,
                "offset": part.offset,
                "size": len(part.data),
                "sha256": _sha256(part.data),
            }
            for part in factory.parts
        ],
        "left_alone": [
            {"name": name, "offset": offset, "size": size} for name, offset, size in factory.kept
        ],
    }


def _factory(found, folder):
    parts = []
    for told in found["parts"]:
        part = Part(told["name"], int(told["offset"]), (folder / told["file"]).read_bytes())
        if part.offset < 0:
            raise ValueError(part.offset)
        if _sha256(part.data) != told["sha256"]:
            raise PartsError(f"{folder / told['file']}: damaged: run make factory again")
        parts.append(part)
    kept = tuple((one["name"], one["offset"], one["size"]) for one in found["left_alone"])
    return Factory(
        found["board"], found["chip"], int(found["flash"]), found["layout"], tuple(parts), kept
    )


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
