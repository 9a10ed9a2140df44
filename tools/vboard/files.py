"""The LittleFS in a partition of a flash, as MicroPython makes it on ESP32: files from outside.

Only while the board's program leaves them alone: two that write one file system ruin it.
"""

from typing import Any, cast

# What extmod/vfs_lfs.c and vfs_lfsx.c set. The number of blocks must be the partition's: another
# is refused at mounting.
BLOCK = 4096
READ = PROGRAM = LOOKAHEAD = 32
GEOMETRY: dict[str, Any] = {
    "block_size": BLOCK,
    "read_size": READ,
    "prog_size": PROGRAM,
    "cache_size": 4 * READ,
    "lookahead_size": LOOKAHEAD,
    "name_max": 255,
    "block_cycles": 100,
}


class Files:
    """The files of a partition, by path from the root on. Formats one that is blank."""

    def __init__(self, flash, partition):
        # Here: boards whose files nobody touches from outside do without the package.
        import littlefs

        cells = cast(Any, _Cells(flash, partition))
        options = {**GEOMETRY, "block_count": partition.size // BLOCK}
        self._fs = littlefs.LittleFS(cells, False, **options)
        if cells.blank:
            self._fs.format()
        self._fs.mount()

    def write(self, path, data):
        """Writes a file, making the folders it is in."""
        folder = path.rpartition("/")[0]
        if folder:
            self._fs.makedirs(folder, exist_ok=True)
        with self._fs.open(path, "wb") as file:
            file.write(data)

    def read(self, path):
        """Returns a file's bytes. Raises FileNotFoundError."""
        with self._fs.open(path, "rb") as file:
            return file.read()

    def remove(self, path):
        """Removes a file. Raises FileNotFoundError."""
        self._fs.remove(path)

    def names(self):
        """Returns the paths of all files, sorted, without the first slash."""
        folders = self._fs.walk("/")
        return sorted(f"{top}/{name}".strip("/") for top, _, found in folders for name in found)


class _Cells:
    """What littlefs-python reads and writes by: a partition of the flash."""

    def __init__(self, flash, partition):
        self._flash, self._start = flash, partition.offset
        self.blank = set(flash.read(partition.offset, BLOCK)) == {0xFF}

    def read(self, cfg, block, off, size):
        return bytearray(self._flash.read(self._start + block * BLOCK + off, size))

    def prog(self, cfg, block, off, data):
        self._flash.program(self._start + block * BLOCK + off, bytes(data))
        return 0

    def erase(self, cfg, block):
        self._flash.erase(self._start + block * BLOCK, BLOCK)
        return 0

    def sync(self, cfg):
        return 0
