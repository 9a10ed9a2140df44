"""A LittleFS image as MicroPython makes and mounts it on an ESP32."""

from vboard.files import BLOCK, GEOMETRY


class ImageError(Exception):
    """No image can be made of these files; the text says why."""


def make(files, size):
    """Returns (image of `size` bytes, blocks used) that holds `files`, {path: bytes}.

    No file has a time: the same files make the same bytes. Raises ImageError.
    """
    try:
        import littlefs
    except ImportError:
        raise ImageError("littlefs-python is not installed: make build sets it up") from None
    fs = _formatted(littlefs, size)
    try:
        for path in sorted(files):
            for depth in range(1, len(path.split("/"))):
                fs.makedirs("/".join(path.split("/")[:depth]), exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(files[path])
        used = fs.used_block_count
        fs.unmount()
    except littlefs.LittleFSError as error:
        if error.code != littlefs.LittleFSError.Error.LFS_ERR_NOSPC:
            raise
        held = f"{len(files)} files of {sum(map(len, files.values())):,} bytes"
        raise ImageError(f"{held} don't fit into the file system of {size:,} bytes") from None
    return bytes(fs.context.buffer), used


def read(image):
    """Returns {path: bytes} of an image, which is mounted as MicroPython would."""
    import littlefs

    fs = _formatted(littlefs, len(image), image)
    found = {}
    for folder, _, names in fs.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            with fs.open(path, "rb") as file:
                found[path.lstrip("/")] = file.read()
    return found


def _formatted(littlefs, size, image=None):
    fs = littlefs.LittleFS(block_count=size // BLOCK, mount=False, **GEOMETRY)
    if image is None:
        fs.format()
    else:
        fs.context.buffer = bytearray(image)
    fs.mount()
    return fs
