# The ESP32's machine module: the peripherals behind the link `_board`.

import _board

# From 1970 to 2000, s.
_EPOCH_2000 = 946_684_800

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
PIN_WAKE, EXT0_WAKE, EXT1_WAKE, TIMER_WAKE = 2, 2, 3, 4


def reset():
    _board.stop(HARD_RESET)


def soft_reset():
    raise SystemExit


def reset_cause():
    return _board.reset_cause


def wake_reason():
    return _board.wake_reason


def deepsleep(time_ms=None):
    _board.stop(DEEPSLEEP_RESET, time_ms)


def lightsleep(time_ms=0):
    _board.sleep(time_ms / 1000)


def idle():
    _board.attend()


def unique_id():
    return _board.call("unique_id")


def freq(hz=None):
    return 160_000_000 if hz is None else None


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2

    # Pin number -> (pin, its interrupt handler).
    _handlers = {}

    def __init__(self, id, mode=None, pull=-1, *, value=None, drive=None):
        self._id = _number(id)
        self.init(mode, pull, value=value)

    def init(self, mode=None, pull=-1, *, value=None, drive=None):
        _board.call("pin_setup", self._id, mode, pull, value)

    def value(self, x=None):
        if x is None:
            return _board.call("pin_get", self._id)
        _board.call("pin_set", self._id, x)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        _board.call("pin_toggle", self._id)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, *, wake=None):
        Pin._handlers[self._id] = (self, handler)
        _board.call("pin_interrupt", self._id, trigger if handler else 0)


def _pin_interrupt(number):
    pin, handler = Pin._handlers.get(number, (None, None))
    if handler:
        handler(pin)


_board.listen("pin", _pin_interrupt)


def _number(pin):
    return pin._id if isinstance(pin, Pin) else pin


class I2C:
    def __init__(self, id, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        default_scl, default_sda = _board.call("i2c_pins", id)
        self._wire(default_scl if scl is None else scl, default_sda if sda is None else sda)

    def _wire(self, scl, sda):
        self._scl, self._sda = _number(scl), _number(sda)
        for number in (self._scl, self._sda):
            _board.call("pin_setup", number, Pin.OPEN_DRAIN, Pin.PULL_UP, 1)

    def scan(self):
        return [address for address in range(0x08, 0x78) if self._answers(address)]

    def _answers(self, address):
        try:
            self.writeto(address, b"")
        except OSError:
            return False
        return True

    def writeto(self, addr, buf, stop=True):
        return _board.call("i2c_write", self._scl, self._sda, addr, bytes(buf))

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector))

    def readfrom(self, addr, nbytes, stop=True):
        return _board.call("i2c_read", self._scl, self._sda, addr, nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self.readfrom(addr, len(buf))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"), False)
        return self.readfrom(addr, nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))


class SoftI2C(I2C):
    def __init__(self, scl, sda, *, freq=400_000, timeout=50_000):
        self._wire(scl, sda)


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    # Full scale by attenuation, uV (ESP32 datasheet, table "ADC characteristics").
    _FULL_SCALE = (950_000, 1_250_000, 1_750_000, 2_450_000)

    def __init__(self, pin, *, atten=ATTN_0DB):
        self._id = _number(pin)
        self._atten = atten
        self._bits = 12
        _board.call("adc_check", self._id)

    def atten(self, atten):
        self._atten = atten

    def width(self, bits):
        self._bits = bits

    def read_uv(self):
        return max(0, min(_board.call("adc_uv", self._id), self._FULL_SCALE[self._atten]))

    def read_u16(self):
        return self.read_uv() * 65_535 // self._FULL_SCALE[self._atten]

    def read(self):
        return self.read_u16() >> (16 - self._bits)


class RTC:
    def __init__(self):
        pass

    def datetime(self, datetimetuple=None):
        import time

        if datetimetuple is None:
            us = _board.call("rtc_us")
            y, mo, d, h, mi, s, weekday, _ = time.gmtime(us // 1_000_000 - _EPOCH_2000)
            return y, mo, d, weekday, h, mi, s, us % 1_000_000
        y, mo, d, _, h, mi, s, us = datetimetuple
        seconds = time.mktime((y, mo, d, h, mi, s, 0, 0))
        _board.call("rtc_set", (seconds + _EPOCH_2000) * 1_000_000 + us)

    def init(self, datetime):
        # Another order than datetime()'s: no weekday, but something unused before the us.
        y, mo, d, h, mi, s, _, us = datetime
        self.datetime((y, mo, d, 0, h, mi, s, us))

    def memory(self, data=None):
        return _board.call("rtc_memory", data)


class WDT:
    def __init__(self, *, id=0, timeout=5000):
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _board.call("wdt_arm", timeout)

    def feed(self):
        _board.call("wdt_feed")
