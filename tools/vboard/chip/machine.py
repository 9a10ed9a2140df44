# The ESP32's machine module: the peripherals behind the link `_board`.

import sys

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
    now = _board.call("cpu_hz", hz)
    return now if hz is None else None


def _bootloader():
    _board.call("bootloader")


if _board.call("has_bootloader"):
    bootloader = _bootloader


# True between disable_irq() and enable_irq(); and the calls of handlers that were held up
# meanwhile, each once as a chip's interrupt flags are.
_masked = False
_held = []


def disable_irq():
    global _masked
    before, _masked = _masked, True
    return int(before)


def enable_irq(state):
    global _masked
    _masked = bool(state)
    while _held and not _masked:
        handler, number = _held.pop(0)
        try:
            handler(number)
        except Exception as error:
            # As of any handler: told, and no matter of the code that was interrupted.
            print("Unhandled exception in callback")
            sys.print_exception(error)


def _deliver(handler, number):
    # Calls an interrupt's handler, or holds the call up.
    if not _masked:
        handler(number)
    elif (handler, number) not in _held:
        _held.append((handler, number))


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
        if not Pin._handlers:
            _board.listen("pin", lambda number: _deliver(_edge, number))
        Pin._handlers[self._id] = (self, handler)
        _board.call("pin_interrupt", self._id, trigger if handler else 0)


def _edge(number):
    pin, handler = Pin._handlers.get(number, (None, None))
    if handler:
        handler(pin)


def _number(pin):
    return pin._id if isinstance(pin, Pin) else pin


class I2C:
    def __init__(self, id, *, scl=None, sda=None, freq=None, timeout=None):
        self._set_up(id, scl, sda, timeout)

    def _set_up(self, id, scl, sda, timeout):
        # Its state is the chip's: all objects of a number are one.
        self._of = _board.call("i2c_setup", id, _number(scl), _number(sda), timeout)

    def _transfer(self, name, *args):
        # A number is for how many us the bus is held, which blocks the program.
        waited = 0
        while True:
            answer = _board.call(name, self._of, *args, waited)
            if not isinstance(answer, int):
                return answer
            _board.sleep(answer / 1_000_000)
            waited += answer

    def scan(self):
        return [address for address in range(0x08, 0x78) if self._answers(address)]

    def _answers(self, address):
        try:
            self.writeto(address, b"")
        except OSError:
            return False
        return True

    def writeto(self, addr, buf, stop=True):
        self._transfer("i2c_write", addr, bytes(buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector))

    def readfrom(self, addr, nbytes, stop=True):
        return self._transfer("i2c_read", addr, nbytes)

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
        self._set_up(None, scl, sda, timeout)


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin, *, atten=None):
        self._id = _number(pin)
        _board.call("adc_setup", self._id, atten)

    def atten(self, atten):
        _board.call("adc_atten", self._id, atten)

    def width(self, bits):
        _board.call("adc_width", bits)

    def read_uv(self):
        return _board.call("adc_uv", self._id)

    def read_u16(self):
        count, bits = _board.call("adc_count", self._id)
        return count << (16 - bits) | count >> (2 * bits - 16)

    def read(self):
        return _board.call("adc_count", self._id)[0]


for _bits in _board.call("adc_widths"):
    setattr(ADC, f"WIDTH_{_bits}BIT", _bits)


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


# The rest costs memory, which only a program that uses it shall pay: name -> module.
_PARTS = {
    "PWM": "_pwm",
    "Signal": "_signal",
    "Timer": "_timer",
    "bitstream": "_pulses",
    "dht_readinto": "_pulses",
    "time_pulse_us": "_pulses",
}


def __getattr__(name):
    if name not in _PARTS:
        raise AttributeError(name)
    part = getattr(__import__(_PARTS[name]), name)
    globals()[name] = part
    return part
