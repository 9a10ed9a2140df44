# machine.Signal

from machine import Pin


class Signal:
    def __init__(self, id, mode=None, pull=-1, *, value=None, drive=None, invert=False):
        self._invert = bool(invert)
        if isinstance(id, Pin):
            if mode is not None:
                raise TypeError
            self._pin = id
            return
        if value is not None:
            value = bool(value) != self._invert
        self._pin = Pin(id, mode, pull, value=value)

    def value(self, x=None):
        if x is None:
            return int(bool(self._pin.value()) != self._invert)
        self._pin.value(int(bool(x) != self._invert))

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)
