# The ESP32's own module: non-volatile storage.

import _board


def _raw_temperature():
    # The ESP32's sensor counts about in °F.
    return int(_board.call("die_temperature") * 1.8 + 32)


def _mcu_temperature():
    return int(_board.call("die_temperature") + 0.5)


# Each chip has one of the two.
if _board.call("chip") == "esp32":
    raw_temperature = _raw_temperature
else:
    mcu_temperature = _mcu_temperature


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
