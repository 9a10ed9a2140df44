# The ESP32's own module: non-volatile storage.

import _board


class NVS:
    def __init__(self, namespace):
        self._namespace = namespace

    def set_i32(self, key, value):
        _board.call("nvs_set", self._namespace, key, "i32", value)

    def get_i32(self, key):
        return _board.call("nvs_get", self._namespace, key, "i32")

    def set_blob(self, key, value):
        _board.call("nvs_set", self._namespace, key, "blob", bytes(value))

    def get_blob(self, key, buffer):
        value = _board.call("nvs_get", self._namespace, key, "blob", len(buffer))
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        _board.call("nvs_erase", self._namespace, key)

    def commit(self):
        _board.call("nvs_commit")
