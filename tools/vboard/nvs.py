"""The non-volatile storage (NVS) of a board: a partition in ESP-IDF's format behind commit()."""

import operator
import struct

from .nvs_page import NUMBERS
from .nvs_store import Store

# Bytes of a key's or namespace's name.
NAME_MAX = 15

# ESP-IDF's esp_err_t, negative as MicroPython raises them, and their names.
NOT_INITIALIZED = (-0x1101, "ESP_ERR_NVS_NOT_INITIALIZED")
NOT_FOUND = (-0x1102, "ESP_ERR_NVS_NOT_FOUND")
KEY_TOO_LONG = (-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")


class Nvs:
    """What programs store by namespace and key; what isn't committed is lost at a reset.

    On the chip a value is in the flash once it is set, though its documentation promises that of
    commit() only: a program that relies on more than the promise fails here.
    Kinds and values are Store's; `esp32.NVS` knows "i32" and "blob". Errors are OSError with
    ESP-IDF's number, negative, and name. What reads or writes the flash may raise PowerCut.
    """

    def __init__(self, region):
        """`region` is a flash.Region of three sectors or more. Raises FlashError."""
        self._store = Store(region)
        # False until load(): what the partition holds isn't known.
        self._loaded = False
        # What was set since the last commit: (kind, value) by (namespace, key), None: erased.
        self._pending = {}

    def load(self):
        """Opens the partition as it is now, at each boot; what isn't committed is lost.

        Finishes what a power cut interrupted; erases a partition that can't be opened.
        """
        self.forget_pending()
        self._loaded = False
        self._store.load()
        self._loaded = True

    def get(self, namespace, key, kind):
        """Returns the value. Raises OSError if there is none of this kind."""
        found = self._find(_name(namespace), _name(key))
        if not found or found[0] != kind:
            raise OSError(*NOT_FOUND)
        return found[1]

    def set(self, namespace, key, kind, value):
        """Stores the value with the next commit(). Raises OSError, OverflowError, TypeError."""
        name = _checked(namespace), _checked(key)
        value = _number(kind, value) if kind in NUMBERS else value
        self._store.check(kind, value)
        self._put(name, (kind, value))

    def erase(self, namespace, key):
        """Erases the value with the next commit(). Raises OSError if there is none."""
        name = _name(namespace), _name(key)
        if not self._find(*name):
            raise OSError(*NOT_FOUND)
        self._put(name, None)

    def commit(self):
        """Writes what was set and erased, in that order.

        Raises OSError for what there is no room for: its old value stays, what was set after it
        waits for the next commit().
        """
        self._check()
        for (namespace, key), found in list(self._pending.items()):
            del self._pending[namespace, key]
            if found is None:
                self._store.erase(namespace, key)
            else:
                self._store.write(namespace, key, *found)

    def forget_pending(self):
        """Forgets what was set and not committed."""
        self._pending.clear()

    def _find(self, namespace, key):
        self._check()
        if (namespace, key) in self._pending:
            return self._pending[namespace, key]
        return self._store.read(namespace, key)

    def _put(self, name, found):
        self._check()
        # Anew, at the end: values are written in the order they were set last.
        self._pending.pop(name, None)
        self._pending[name] = found

    def _check(self):
        if not self._loaded:
            raise OSError(*NOT_INITIALIZED)


def _name(text):
    # ESP-IDF's names end with their first zero.
    return text.encode().split(b"\0")[0]


def _checked(text):
    name = _name(text)
    if not 0 < len(name) <= NAME_MAX:
        raise OSError(*KEY_TOO_LONG)
    return name


def _number(kind, value):
    """Returns the value as it will be read."""
    packing = NUMBERS[kind][1]
    try:
        value = value if kind in ("float", "double") else operator.index(value)
        return packing.unpack(packing.pack(value))[0]
    except (struct.error, OverflowError):
        # MicroPython's words.
        raise OverflowError("overflow converting long int to machine word") from None
