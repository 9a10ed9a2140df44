"""`fieldpost factory`: MicroPython, file system and NVS become the set that a board needs."""

import hashlib
import re
import tempfile
from pathlib import Path

from esptool.cmds import merge_bin

from vboard import profile as profiles

from . import build, command, download, esplog, micropython, nvs, parts, place
from .image import BLOCK
from .parts import Part

# Where what was fetched is kept.
DOWNLOADS = Path("build", "downloads")
PAGE = "https://micropython.org/download"


class FactoryError(Exception):
    """No factory can be made of what was given; the text says what is wrong with it."""


ERRORS = (*build.ERRORS, FactoryError, download.DownloadError)


def run(options):
    """Returns 0 for a factory, 1 with the reason on stderr for none, 130 after a ctrl-C."""
    out = Path(options.out or Path("build", f"{options.board}-factory"))
    closing = f"{out}: {parts.HEX}, its parts, {parts.MANIFEST}"
    return command.run(options, out, factory, ERRORS, closing)


def factory(options, out):
    """Puts a factory there; returns the lines that tell of it. Raises one of ERRORS, OSError."""
    board = profiles.load(options.board)
    source, data = _micropython(options, board)
    image = _judged(source, data, board, options.layout)
    store = _nvs(options, image)
    _refuse_foreign(out, image)
    lines, files = _file_system(options, micropython.profile_for(image, board, options.layout))
    made = parts.Factory(
        board=options.board,
        chip=board.chip,
        flash=board.flash,
        layout=options.layout,
        parts=tuple(sorted((*image.parts, *store, files), key=lambda part: part.offset)),
        kept=_kept(image, store),
    )
    with place.whole(out) as new:
        parts.write(made, new)
        merge(made, new, options.raw)
    return [f"MicroPython: {source}, SHA-256 {_sha256(data)}", *lines, *_told(made, options.raw)]


def _refuse_foreign(out, image):
    names = {*parts.NAMES, *(part.name for part in image.parts)}
    own = {parts.MANIFEST, parts.HEX, parts.RAW, *(f"{name}.bin" for name in names)}
    place.refuse_foreign(out, own, "factory")


# ---- What is given -----------------------------------------------------------------------------


def _micropython(options, board):
    """Returns (where it is from, the bytes) of MicroPython's image."""
    given, sha256 = options.micropython, options.sha256
    if given is None:
        if board.download is None or options.layout != "standard":
            raise FactoryError(_missing(board, options.layout))
        found = board.download
        data = download.fetch(found.url, sha256 or found.sha256, board.flash, DOWNLOADS)
        return f"{found.version}, {found.url}", data
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", given):
        return given, _fetched(given, sha256, board)
    data = _read(given)
    if sha256 and _sha256(data) != sha256:
        raise FactoryError(f"{given}: its SHA-256 is {_sha256(data)}, not {sha256}")
    return given, data


def _missing(board, layout):
    if layout == "ota" and board.ota_image is None:
        return (
            f"MicroPython publishes no image with two slots for {board.name}: build one and give "
            "it with --micropython FILE"
        )
    return (
        "the board file names no image of MicroPython: give one with --micropython FILE, or "
        f"--micropython URL with --sha256 HEX; {PAGE}/{board.image} lists them"
    )


def _fetched(url, sha256, board):
    if not url.startswith(("https://", "http://")):
        raise FactoryError(f"{url}: only https:// and http:// are fetched")
    if sha256 is None:
        raise FactoryError(f"{url}: --sha256 HEX is needed as well: what its SHA-256 must be")
    return download.fetch(url, sha256, board.flash, DOWNLOADS)


def _read(path):
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FactoryError(f"{path}: can't be read: {error.strerror}") from None


def _judged(source, data, board, layout):
    try:
        return micropython.judged(data, board, layout)
    except micropython.MicroPythonError as error:
        raise FactoryError(f"{source}: {error}") from None


def _nvs(options, image):
    """Returns the Part of NVS in a list, an empty one where none is given."""
    if options.nvs is None:
        return []
    if image.nvs is None:
        raise FactoryError(f"{options.nvs}: the image has no partition for NVS")
    try:
        data = nvs.image(options.nvs, image.nvs.size)
    except nvs.NvsError as error:
        raise FactoryError(f"{options.nvs}: {error}") from None
    except OSError as error:
        raise FactoryError(f"{options.nvs}: can't be read: {error.strerror}") from None
    return [Part(parts.NVS, image.nvs.offset, data)]


def _file_system(options, board):
    """Returns (lines that tell of it, Part) of the build for a board."""
    with tempfile.TemporaryDirectory(prefix="fieldpost-") as folder:
        out = Path(folder, "build")
        lines = build.build(options, out, board)
        data = (out / build.IMAGE).read_bytes()
    return lines, Part(parts.FILESYSTEM, board.layouts[options.layout].offset, data)


def _kept(image, store):
    written = {part.offset for part in store}
    return tuple(
        (partition.label, partition.offset, partition.size)
        for partition in image.kept
        if partition.offset not in written
    )


# ---- What is made ------------------------------------------------------------------------------


def merge(made, folder, raw):
    """Puts factory.hex of a Factory into a folder; with `raw` factory.bin as well."""
    pieces = [piece for part in made.parts for piece in _pieces(part)]
    whole = [(part.offset, part.data) for part in made.parts]
    with esplog.quiet():
        merge_bin(pieces, made.chip, str(folder / parts.HEX), format="hex")
        if raw:
            (folder / parts.RAW).write_bytes(
                merge_bin(whole, made.chip, target_offset=whole[0][0]) or b""
            )


def _pieces(part):
    """Yields (offset, bytes) of a part; of the file system only blocks that hold something.

    LittleFS reads no block that it hasn't written. And each byte costs a hundred in memory while
    esptool makes the hex file.
    """
    if part.name != parts.FILESYSTEM:
        yield part.offset, part.data
        return
    begin = 0
    for start in range(0, len(part.data) + BLOCK, BLOCK):
        if not part.data[start : start + BLOCK].strip(b"\xff"):
            if begin < start:
                yield part.offset + begin, part.data[begin:start]
            begin = start + BLOCK


def _told(made, raw):
    yield f"{'offset':>10}{'bytes':>11}  part"
    for part in made.parts:
        yield f"{part.offset:>#10x}{len(part.data):>11,}  {part.file}"
    for name, offset, size in made.kept:
        yield f"{offset:>#10x}{size:>11,}  {name}: left alone"
    if raw:
        yield (
            f"warning: {parts.RAW}, which goes to {made.parts[0].offset:#x}, has no gaps: NVS and "
            "all that is left alone otherwise is erased where it is written"
        )


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
