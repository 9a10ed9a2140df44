"""Board files (boards/*.toml): a board's chip, flash, pins, buses and memory, judged by key."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOARDS = Path(__file__).resolve().parents[2] / "boards"

# Chip -> offset of its boot loader, with which MicroPython's image begins (esptool's
# BOOTLOADER_FLASH_OFFSET).
CHIPS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0, "esp32c6": 0}
LAYOUTS = ("standard", "ota")
OTA_IMAGE = "micropython.ota_image"
SIZES = tuple(1 << n for n in range(21, 26))
# Boot loader, then the partition table at 0x8000: no partition begins before.
FIRST = 0x9000
SECTOR = 0x1000
# Where an application may begin (ESP-IDF, Partition Tables, Offset & Size).
APP = 0x10000
TABLES = ("micropython", "flash", "layout", "memory", "pins")
KEYS = {
    "": ("name", "chip", *TABLES, "i2c"),
    "micropython": ("image", "offset", "ota_image", "version", "url", "sha256"),
    "flash": ("size",),
    "layout": LAYOUTS,
    "memory": ("heap", "budget"),
    "pins": ("gpio", "input_only", "adc", "one_wire", "led", "neopixel"),
    "i2c": ("scl", "sda"),
}


class ProfileError(Exception):
    """A board file that isn't there or is wrong; the text names file, key, value, allowed."""


@dataclass(frozen=True)
class Layout:
    """How the flash is divided: (name, offset, size) a partition, and what is left for files."""

    partitions: tuple
    # The file system: MicroPython 1.26 and newer make it from the last partition's end on.
    offset: int
    size: int


@dataclass(frozen=True)
class Download:
    """One version of MicroPython's image with the standard layout."""

    version: str
    url: str
    # Of the image's bytes, 64 hexadecimal digits in lower case.
    sha256: str


@dataclass(frozen=True)
class Profile:
    name: str
    chip: str
    # MicroPython's image: how its file's name begins, and where it goes; None where none is
    # published with two application slots.
    image: str
    ota_image: str | None
    image_offset: int
    # Where it is fetched, None: the user has to give it.
    download: Download | None
    flash: int
    # Layout by its name, "standard" and "ota".
    layouts: dict
    heap: int
    budget: int
    pins: tuple
    input_only: tuple
    adc: tuple
    # (scl, sda) of each I2C bus, by its number.
    i2c: tuple
    one_wire: int
    # A plain LED and an addressable one, None where the board has none.
    led: int | None
    neopixel: int | None


def names():
    """Returns the names of the boards that are there."""
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def load(name="esp32_generic"):
    """Returns the Profile of boards/NAME.toml. Raises ProfileError."""
    if name not in names():
        raise ProfileError(f"no board {name!r}: boards/ has {', '.join(names())}")
    path = BOARDS / f"{name}.toml"
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (ProfileError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name}: {error}") from None


def parse(text):
    """Returns the Profile that a board file's text says. Raises ProfileError, TOMLDecodeError."""
    return _Reader(tomllib.loads(text)).profile()


class _Reader:
    def __init__(self, data):
        self._data = data
        self._known("", data)
        for table in TABLES:
            if not isinstance(data.get(table), dict):
                raise _missing(f"[{table}]", "a table with " + ", ".join(KEYS[table]))
            self._known(table, data[table])

    def profile(self):
        chip = self._one("chip", tuple(CHIPS))
        flash = self._one("flash.size", SIZES)
        gpio, input_only = self._pins("gpio"), self._pins("input_only")
        for pin in input_only:
            if pin in gpio:
                raise _wrong("pins.input_only", pin, "a pin that isn't in pins.gpio")
        heap = self._number("memory.heap", 1, 1 << 25)
        made = Profile(
            name=self._text("name"),
            chip=chip,
            image=self._text("micropython.image"),
            ota_image=self._text(OTA_IMAGE) if self._has(OTA_IMAGE) else None,
            image_offset=self._one("micropython.offset", (CHIPS[chip],)),
            download=self._download(),
            flash=flash,
            layouts={name: self._layout(name, flash) for name in LAYOUTS},
            heap=heap,
            budget=self._number("memory.budget", 1, heap),
            pins=(*gpio, *input_only),
            input_only=input_only,
            adc=self._pins("adc", (*gpio, *input_only)),
            i2c=self._buses(gpio),
            one_wire=self._pin("pins.one_wire", self._value("pins.one_wire"), gpio),
            led=self._optional_pin("led", gpio),
            neopixel=self._optional_pin("neopixel", gpio),
        )
        _each_once(made)
        return made

    def _known(self, table, data):
        for key in data:
            if key not in KEYS[table]:
                where = f"{table}.{key}" if table else key
                raise _wrong(where, data[key], "one of these keys: " + ", ".join(KEYS[table]))

    def _has(self, key):
        table, _, name = key.rpartition(".")
        return name in (self._data[table] if table else self._data)

    def _value(self, key):
        if not self._has(key):
            raise _missing(key, "it is needed")
        table, _, name = key.rpartition(".")
        return (self._data[table] if table else self._data)[name]

    def _text(self, key):
        value = self._value(key)
        if not (isinstance(value, str) and value.strip()):
            raise _wrong(key, value, "text")
        return value

    def _one(self, key, allowed):
        value = self._value(key)
        if isinstance(value, bool) or value not in allowed:
            raise _wrong(key, value, ", ".join(_shown(key, one) for one in allowed))
        return value

    def _number(self, key, lowest, highest):
        value = self._value(key)
        if not _whole(value) or not lowest <= value <= highest:
            raise _wrong(key, value, f"a whole number from {lowest} to {highest}")
        return value

    def _download(self):
        """Returns the Download: its three keys are there together or not at all."""
        if not any(self._has(f"micropython.{key}") for key in ("version", "url", "sha256")):
            return None
        return Download(
            self._text("micropython.version"),
            self._form("micropython.url", r"https?://\S+", "an address with https://"),
            self._form("micropython.sha256", "[0-9a-f]{64}", "64 digits 0-9, a-f"),
        )

    def _form(self, key, form, allowed):
        value = self._text(key)
        if not re.fullmatch(form, value):
            raise _wrong(key, value, allowed)
        return value

    # Pins

    def _pins(self, key, among: range | tuple = range(64)):
        pins = self._value(f"pins.{key}")
        if not isinstance(pins, list):
            raise _wrong(f"pins.{key}", pins, "a list of pins")
        for pin in pins:
            self._pin(f"pins.{key}", pin, among)
            if pins.count(pin) > 1:
                raise _wrong(f"pins.{key}", pin, "each pin once")
        return tuple(pins)

    def _pin(self, key, pin, among):
        if not _whole(pin) or pin not in among:
            allowed = "0 to 63" if isinstance(among, range) else ", ".join(map(str, among))
            raise _wrong(key, pin, allowed)
        return pin

    def _optional_pin(self, key, gpio):
        key = f"pins.{key}"
        return self._pin(key, self._value(key), gpio) if self._has(key) else None

    def _buses(self, gpio):
        buses = self._data.get("i2c")
        if not isinstance(buses, list) or not all(isinstance(bus, dict) for bus in buses):
            raise _missing("[[i2c]]", "a table with scl, sda a bus")
        found = []
        for number, bus in enumerate(buses):
            self._known("i2c", bus)
            lines = KEYS["i2c"]
            found.append(
                tuple(self._pin(f"i2c[{number}].{line}", bus.get(line), gpio) for line in lines)
            )
        return tuple(found)

    # Flash

    def _layout(self, name, flash):
        entries = self._data["layout"].get(name)
        if not isinstance(entries, dict) or not entries:
            raise _missing(f"[layout.{name}]", "a table with NAME = [offset, size] a partition")
        end, partitions = FIRST, []
        for partition, place in entries.items():
            key = f"layout.{name}.{partition}"
            if not (isinstance(place, list) and len(place) == 2 and all(map(_whole, place))):
                raise _wrong(key, place, "[offset, size]")
            offset, size = place
            unit = APP if re.fullmatch("factory|ota_[0-9]+", partition) else SECTOR
            if offset % unit or offset < end:
                raise _wrong(key, place, f"a multiple of {unit:#x} from {end:#x} on as offset")
            if size % SECTOR or not 0 < size < flash - offset:
                raise _wrong(
                    key, place, f"a multiple of {SECTOR:#x} below {flash - offset:#x} as size"
                )
            end = offset + size
            partitions.append((partition, offset, size))
        return Layout(tuple(partitions), end, flash - end)


def _each_once(profile):
    # Wired by its defaults a board must work: no pin has two uses.
    uses = {
        f"i2c[{n}].{line}": pin
        for n, bus in enumerate(profile.i2c)
        for line, pin in zip(KEYS["i2c"], bus, strict=True)
    }
    for name in ("one_wire", "led", "neopixel"):
        uses[f"pins.{name}"] = getattr(profile, name)
    taken = {}
    for key, pin in uses.items():
        if pin in taken:
            raise _wrong(key, pin, f"another than {taken[pin]}")
        if pin is not None:
            taken[pin] = key


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(key, value):
    if isinstance(value, list):
        return f"[{', '.join(_shown(key, one) for one in value)}]"
    if isinstance(value, dict):
        return "a table"
    # Places in the flash are written in hexadecimal everywhere.
    hexadecimal = _whole(value) and key.split(".")[0] in ("micropython", "flash", "layout")
    return f"{value:#x}" if hexadecimal else repr(value)


def _wrong(key, value, allowed):
    if value is None:
        return _missing(key, f"allowed is {allowed}")
    return ProfileError(f"{key}: {_shown(key, value)}: allowed is {allowed}")


def _missing(key, allowed):
    return ProfileError(f"{key}: missing: {allowed}")
