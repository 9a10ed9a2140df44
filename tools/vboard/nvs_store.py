"""The pages of an NVS partition as one store: values found, written, replaced, space regained.

What is done to the flash, and in which order, is what ESP-IDF does: a value is written before the
one it replaces is erased, and one page stays free for what is left of the page regained next.
Whatever step the power fails in, load() finds the old value or the new one.
"""

from . import nvs_page as pages
from .flash import SECTOR, FlashError
from .nvs_page import ENTRIES, ENTRY, VALUE_MAX, Page

# ESP-IDF's esp_err_t, negative as MicroPython raises them, and their names.
NOT_ENOUGH_SPACE = (-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
VALUE_TOO_LONG = (-0x110E, "ESP_ERR_NVS_VALUE_TOO_LONG")

# ESP-IDF Programming Guide, "Non-Volatile Storage Library".
PAGES_MIN = 3
# The chunks of a blob are numbered from 0 or from 128 on: its old ones stay beside its new ones.
CHUNKS_MAX = 127
NEXT_CHUNKS = {0: 128, 128: 0}
# A blob that doesn't fit is not begun with less room than this, bytes.
CHUNK_MIN = VALUE_MAX // 10
# The namespace of the namespaces' own names; they are numbered from 1 to 254.
NAMES = 0
NAMESPACES = range(1, 255)


class _Unusable(Exception):
    """Pages that can't be used as they are."""


class Store:
    """The values of one partition: nothing is known of it before load().

    Kinds and their values: "u8" ... "i64" int, "float" and "double" float, "str" str, "blob"
    bytes. One value a key and namespace, whatever its kind. Each method may raise PowerCut.
    """

    def __init__(self, region):
        self._region = region
        if region.size % SECTOR or region.size < PAGES_MIN * SECTOR:
            raise FlashError(
                f"an NVS partition has {PAGES_MIN} or more whole sectors of {SECTOR:#x} bytes, "
                f"not {region.size:#x} bytes"
            )
        # The longest blob, bytes.
        self.blob_max = min(region.size // SECTOR - 1, CHUNKS_MAX) * VALUE_MAX
        # Pages with items, in the order they were begun: the last one is written to.
        self._used = []
        # The others; the first one is used next.
        self._free = []
        # What the next page is numbered.
        self._sequence = 0

    # -- opening

    def load(self):
        """Reads the partition and finishes what a power cut left half done.

        One that can't be opened is erased, as MicroPython does at boot (ports/esp32/main.c).
        """
        try:
            self._open()
        except _Unusable:
            self._region.erase(0, self._region.size)
            self._open()

    def _open(self):
        self._read_pages()
        self._drop_unfinished_copy()
        for page in self._used:
            page.mend()
        self._drop_replaced()
        self._drop_orphans()
        for page in [page for page in self._used if page.state == pages.FREEING]:
            if self._free:
                self._move(page)
        if not self._free:
            # ESP_ERR_NVS_NO_FREE_PAGES
            raise _Unusable

    def _read_pages(self):
        all_pages = [Page(self._region, start) for start in range(0, self._region.size, SECTOR)]
        for page in all_pages:
            page.load()
            if page.version < pages.VERSION:
                # ESP_ERR_NVS_NEW_VERSION_FOUND
                raise _Unusable
        used = [page for page in all_pages if page.state in pages.IN_USE]
        self._free = [page for page in all_pages if page.state not in pages.IN_USE]
        self._used = sorted(used, key=lambda page: page.sequence)
        self._sequence = self._used[-1].sequence + 1 if used else 0

    def _drop_unfinished_copy(self):
        # A page that is being freed has all that was copied from it: the copy begins anew.
        freeing = any(page.state == pages.FREEING for page in self._used)
        if freeing and self._used[-1].state == pages.ACTIVE:
            copy = self._used.pop()
            copy.erase()
            self._free.append(copy)

    def _drop_replaced(self):
        """Of two values of one key, and two chunks of one number, the one written last stays."""
        chunks = self._lengths()
        found = {}
        for page, i, item in self._items():
            if item.type == pages.BLOB and not _whole(item, chunks):
                page.drop(i)
                continue
            name = item.namespace, item.key, item.chunk
            if name in found:
                older, place = found[name]
                older.drop(place)
            found[name] = page, i

    def _lengths(self):
        """Returns {(namespace, key, number): bytes} of all chunks."""
        return {
            (item.namespace, item.key, item.chunk): pages.LENGTH.unpack(item.data)[0]
            for _, _, item in self._items()
            if item.type == pages.CHUNK
        }

    def _drop_orphans(self):
        """Drops the chunks that belong to no blob."""
        blobs = [item for _, _, item in self._items() if item.type == pages.BLOB]
        wanted = {name for item in blobs for name in _chunk_names(item)}
        for page, i, item in self._items():
            name = item.namespace, item.key, item.chunk
            if item.type == pages.CHUNK and name not in wanted:
                page.drop(i)

    # -- reading

    def read(self, namespace, key):
        """Returns (kind, value), None where there is none. Names are bytes."""
        number = self._namespace(namespace)
        return None if number is None else self._value(self._find(number, key))

    def _namespace(self, name):
        found = self._find(NAMES, name)
        return found and found[2].data[0]

    def _value(self, found):
        if found is None:
            return None
        page, i, item = found
        if item.type in pages.NUMBER_TYPES:
            kind, packing = pages.NUMBER_TYPES[item.type]
            return kind, packing.unpack_from(item.data)[0]
        value = self._blob(item) if item.type == pages.BLOB else page.value(i)
        if value is None:
            return None
        if item.type == pages.STRING:
            return "str", value.split(b"\0")[0].decode(errors="replace")
        return "blob", value

    def _blob(self, index):
        whole = b""
        for page, i in self._chunks(index):
            part = page.value(i)
            if part is None:
                return None
            whole += part
        return whole

    def _chunks(self, index):
        """Returns [(page, entry)] of a blob's chunks in their order."""
        names = _chunk_names(index)
        found = {(e.namespace, e.key, e.chunk): (page, i) for page, i, e in self._items()}
        return [found[name] for name in names if name in found]

    def _find(self, number, key):
        return next(reversed(self._find_all(number, key)), None)

    def _find_all(self, number, key):
        """Returns [(page, entry, Item)] of a key, in the order they were written."""
        return [
            (page, i, item)
            for page, i, item in self._items()
            if item.key == key and item.namespace == number and item.type != pages.CHUNK
        ]

    def _items(self):
        return [(page, i, item) for page in self._used for i, item in page.items.items()]

    # -- writing

    def write(self, namespace, key, kind, value):
        """Stores a value; raises OSError and keeps the old one if there is no room for it."""
        number = self._namespace(namespace)
        if number is None:
            number = self._add_namespace(namespace)
        old = self._find(number, key)
        if self._value(old) == (kind, value):
            return
        if kind == "blob":
            self._put_blob(number, key, value, old and old[2])
        elif kind == "str":
            self._put(*pages.any_length(number, key, pages.STRING, value.encode() + b"\0"))
        else:
            self._put(*pages.number(number, key, kind, value))
        for found in self._find_all(number, key)[:-1]:
            self._drop(*found)

    def erase(self, namespace, key):
        """Erases a value if there is one."""
        number = self._namespace(namespace)
        found = None if number is None else self._find(number, key)
        if found:
            self._drop(*found)

    def check(self, kind, value):
        """Raises OSError for a value that no empty partition of this size could hold."""
        longest = {"blob": self.blob_max, "str": VALUE_MAX - 1}.get(kind)
        if longest is not None:
            length = len(value.encode() if kind == "str" else value)
            if length > longest:
                raise OSError(*VALUE_TOO_LONG)

    def _add_namespace(self, name):
        taken = {item.data[0] for _, _, item in self._items() if item.namespace == NAMES}
        free = [number for number in NAMESPACES if number not in taken]
        if not free:
            raise OSError(*NOT_ENOUGH_SPACE)
        self._put(*pages.number(NAMES, name, "u8", free[0]))
        return free[0]

    def _put(self, item, entries):
        self._page_for(item.span).write(item, entries)

    def _put_blob(self, number, key, value, old):
        first = 0
        if old and old.type == pages.BLOB:
            first = NEXT_CHUNKS.get(pages.INDEX.unpack(old.data)[2], 0)
        try:
            count = self._put_chunks(number, key, value, first)
            self._put(*pages.blob_index(number, key, len(value), count, first))
        except OSError:
            self._drop_orphans()
            raise

    def _put_chunks(self, number, key, value, first):
        """Writes a blob in as many parts as the pages' room makes of it; returns their number."""
        room = self._used[-1].room - 1
        # The longest blobs have no chunk to spare for the rest of a page.
        spare = (CHUNKS_MAX - 1) * VALUE_MAX - len(value)
        if room * ENTRY < min(len(value), CHUNK_MIN) or spare < 0:
            self._turn_page(2)
        done = 0
        for count in range(CHUNKS_MAX):
            page = self._page_for(2)
            part = value[done : done + (page.room - 1) * ENTRY]
            page.write(*pages.any_length(number, key, pages.CHUNK, part, first + count))
            done += len(part)
            if done == len(value):
                return count + 1
        raise OSError(*NOT_ENOUGH_SPACE)

    def _drop(self, page, i, item):
        chunks = self._chunks(item) if item.type == pages.BLOB else []
        # The index first: a blob is whole or gone.
        page.drop(i)
        for other, place in chunks:
            other.drop(place)

    # -- space

    def _page_for(self, needed):
        """Returns the page to write so many entries to."""
        if not self._used or self._used[-1].room < needed:
            self._turn_page(needed)
        return self._used[-1]

    def _turn_page(self, needed):
        """Begins another page, with room for so many entries. Raises OSError: there is none."""
        worn = None
        if len(self._free) < 2:
            worn = min(self._used, key=lambda page: page.used)
            if ENTRIES - worn.used < needed:
                raise OSError(*NOT_ENOUGH_SPACE)
        for page in self._used:
            if page.state == pages.ACTIVE:
                page.mark(pages.FULL)
        if worn:
            worn.mark(pages.FREEING)
            self._move(worn)
        else:
            self._activate()

    def _activate(self):
        page = self._free[0]
        page.activate(self._sequence)
        self._sequence += 1
        self._used.append(self._free.pop(0))
        return page

    def _move(self, page):
        """Copies what is left of a page to a free one, and erases it."""
        copy = self._activate()
        for i, item in page.items.items():
            copy.write(item, page.entries(i))
        page.erase()
        self._used.remove(page)
        self._free.append(page)


def _chunk_names(index):
    """Returns [(namespace, key, number)] of what a blob's index names."""
    _, count, first, _ = pages.INDEX.unpack(index.data)
    return [(index.namespace, index.key, first + number) for number in range(count)]


def _whole(index, lengths):
    names = _chunk_names(index)
    length = pages.INDEX.unpack(index.data)[0]
    return all(name in lengths for name in names) and sum(map(lengths.get, names)) == length
