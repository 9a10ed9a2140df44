"""Board files (boards/*.toml): which pins, buses and memory a board has."""

import sys
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOARDS = Path(__file__).resolve().parents[2] / "boards"


class ProfileError(Exception):
    """A board file that isn't there or lacks something; the text names the file and the key."""


@dataclass(frozen=True)
class Profile:
    name: str
    chip: str
    heap: int
    pins: tuple
    input_only: tuple
    adc: tuple
    i2c: tuple


def load(name="esp32_generic"):
    """Returns the Profile of boards/NAME.toml. Raises ProfileError."""
    path = BOARDS / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        pins = data["pins"]
        return Profile(
            name=data["name"],
            chip=data["chip"],
            heap=data["memory"]["heap"],
            pins=(*pins["gpio"], *pins["input_only"]),
            input_only=tuple(pins["input_only"]),
            adc=tuple(pins["adc"]),
            i2c=tuple((bus["scl"], bus["sda"]) for bus in data["i2c"]),
        )
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in BOARDS.glob("*.toml")))
        raise ProfileError(f"no board {name!r}: boards/ has {known}") from None
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path.name}: {error}") from error
