# machine.PWM

import _board
import machine

# A duty that is always high, as the link counts it.
_FULL = 1 << 16


class PWM:
    def __init__(self, dest, *, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=None):
        self._id = machine._number(dest)
        self.init(freq=freq, duty=duty, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, *, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=None):
        if duty_u16 is not None:
            self._set(freq, "u16", duty_u16, invert)
        elif duty_ns is not None:
            self._set(freq, "ns", duty_ns, invert)
        else:
            self._set(freq, None if duty is None else "u10", duty, invert)

    def deinit(self):
        _board.call("pwm_stop", self._id)

    def freq(self, value=None):
        if value is None:
            return self._get()[0]
        self._get()
        self._set(value)

    def duty(self, value=None):
        if value is None:
            return min(self._get()[1] >> 6, 1023)
        self._get()
        self._set(None, "u10", value)

    def duty_u16(self, value=None):
        if value is None:
            return min(self._get()[1], _FULL - 1)
        self._get()
        self._set(None, "u16", value)

    def duty_ns(self, value=None):
        hz, duty = self._get()
        if value is None:
            return (duty * 1_000_000_000 + hz * _FULL // 2) // (hz * _FULL)
        self._set(None, "ns", value)

    def _get(self):
        found = _board.call("pwm_get", self._id)
        if found is None:
            raise RuntimeError("PWM is inactive")
        return found

    def _set(self, freq, unit=None, value=None, invert=None):
        lacking = _board.call("pwm_set", self._id, freq, unit, value, invert)
        if lacking:
            raise RuntimeError(lacking)
