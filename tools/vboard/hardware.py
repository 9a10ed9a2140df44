"""The chip's peripherals as the wires see them: pins, I2C buses, ADC, RTC, NVS, watchdog.

The stand-ins of `machine` and `esp32` (folder chip/) reach all of this by the name of a method of
`Hardware` and plain values, so that a board in another process can do the same over a pipe.
"""

import errno
import hashlib
import threading
import time

from .clock import clock

# machine.Pin and its interrupts on ESP32 (ports/esp32/machine_pin.c).
MODE_IN, MODE_OUT, MODE_OPEN_DRAIN = 1, 3, 7
PULL_DOWN, PULL_UP = 1, 2
# Pin.init() without a pull.
PULL_KEPT = -1
IRQ_RISING, IRQ_FALLING = 1, 2

# The RTC's count begins with 2000 (the ESP32 port's epoch), in microseconds since 1970.
EPOCH_2000_US = 946_684_800_000_000

RTC_MEMORY_SIZE = 2048


class PinLine:
    """One GPIO: what the chip does with it and what the outside does to it."""

    def __init__(self, number, interrupt):
        self.number = number
        self._interrupt = interrupt
        # The level the outside drives it to; None while nothing is connected.
        self._driven = None
        self.release()

    def release(self):
        """What a reset of the chip does: an input without pull and without interrupt."""
        self.mode, self.pull, self.out, self.trigger = MODE_IN, None, 0, 0

    @property
    def level(self):
        if self.mode == MODE_OUT or (self.mode == MODE_OPEN_DRAIN and not self.out):
            return self.out
        if self._driven is not None:
            return self._driven
        return 1 if self.pull == PULL_UP or self.mode == MODE_OPEN_DRAIN else 0

    def drive(self, level):
        """Puts 0 or 1 on the pin from outside; None disconnects it."""
        before = self.level
        self._driven = None if level is None else int(bool(level))
        after = self.level
        edge = IRQ_RISING if after > before else IRQ_FALLING if after < before else 0
        if edge & self.trigger:
            self._interrupt("pin", self.number)


class I2CBus:
    """Two wires and the devices on them."""

    def __init__(self):
        self.devices = {}
        # True: a device holds SDA low, nothing gets through.
        self.stuck = False

    def attach(self, device):
        """Connects a device with power: it starts as after power-on."""
        self.devices[device.address] = device
        device.reset()
        return device

    def detach(self, device):
        self.devices.pop(device.address, None)

    def power_cycle(self):
        for device in self.devices.values():
            device.reset()

    def write(self, address, data):
        """One write transaction; returns the acknowledged bytes. Raises OSError."""
        self._addressed(address).write(bytes(data))
        return len(data)

    def read(self, address, count):
        """One read transaction. Raises OSError."""
        return bytes(self._addressed(address).read(count))

    def _addressed(self, address):
        if self.stuck:
            raise OSError(errno.ETIMEDOUT, "ETIMEDOUT")
        if address not in self.devices:
            # Nobody pulled the acknowledge bit low.
            raise OSError(errno.ENODEV, "ENODEV")
        return self.devices[address]


class Watchdog:
    """machine.WDT: calls `bite` when it wasn't fed in time. Nothing stops it but a reset."""

    def __init__(self, bite):
        self._bite = bite
        # Time-out in s, 0 while it isn't armed; and when it was fed last.
        self._timeout = 0
        self._fed = 0.0
        self._call = None
        self._lock = threading.Lock()

    def arm(self, timeout_ms):
        with self._lock:
            self._cancel()
            self._timeout, self._fed = timeout_ms / 1000, clock.now()
            self._call = clock.call_later(self._timeout, self._watch)

    def feed(self):
        self._fed = clock.now()

    def disarm(self):
        with self._lock:
            self._cancel()
            self._timeout = 0

    def _cancel(self):
        if self._call:
            self._call.cancel()
            self._call = None

    def _watch(self):
        with self._lock:
            # Disarmed while the clock was about to call.
            if not self._timeout:
                return
            left = self._fed + self._timeout - clock.now()
            if left > 0:
                self._call = clock.call_later(left, self._watch)
                return
        self._bite()


class Hardware:
    """All peripherals of one board; its public methods are what the stand-ins may call."""

    def __init__(self, board, profile, radio, nvs):
        self._board = board
        self._profile = profile
        self._radio = radio
        self._buses = {}
        # Volts at the ADC pins, set from outside.
        self.volts = {}
        self.nvs = nvs
        self.watchdog = Watchdog(board.watchdog_bite)
        self.pins = {n: PinLine(n, board.interrupted) for n in profile.pins}
        self.mac = _mac(board.name)
        self.power_on()

    # -- from outside

    def i2c(self, scl, sda):
        """The bus on two pins, made when it is asked for first."""
        return self._buses.setdefault((scl, sda), I2CBus())

    def power_on(self):
        """What power-on clears and a reset doesn't."""
        self.forget_rtc()
        for bus in self._buses.values():
            bus.power_cycle()

    def forget_rtc(self):
        """The RTC's time and memory begin anew."""
        self._rtc_start_us = time.time_ns() // 1000
        self._rtc_base_us = EPOCH_2000_US
        self._rtc_memory = b""

    def reset(self, soft=False):
        """What a reset of the chip clears; a soft one clears little more than the program.

        Raises PowerCut when the flash has no power.
        """
        if soft:
            self.nvs.forget_pending()
        else:
            self.nvs.load()
        for pin in self.pins.values():
            if soft:
                pin.trigger = 0
            else:
                pin.release()
        if not soft:
            self.watchdog.disarm()
            self.started = clock.now()

    # -- machine

    def pin_setup(self, number, mode, pull, value):
        if number not in self.pins:
            raise ValueError("invalid pin")
        pin = self.pins[number]
        if mode in (MODE_OUT, MODE_OPEN_DRAIN) and number in self._profile.input_only:
            raise ValueError("pin can only be input")
        if value is not None:
            pin.out = int(bool(value))
        if mode is not None:
            pin.mode = mode
        # These have no pull resistors (ESP32 datasheet, appendix "IO_MUX").
        if pull != PULL_KEPT and number not in self._profile.input_only:
            pin.pull = pull

    def pin_get(self, number):
        return self.pins[number].level

    def pin_set(self, number, value):
        self.pins[number].out = int(bool(value))

    def pin_toggle(self, number):
        self.pins[number].out ^= 1

    def pin_interrupt(self, number, trigger):
        self.pins[number].trigger = trigger

    def i2c_pins(self, bus_id):
        """Returns the default (scl, sda) of a hardware bus. Raises ValueError."""
        if not 0 <= bus_id < len(self._profile.i2c):
            raise ValueError(f"I2C({bus_id}) doesn't exist")
        return self._profile.i2c[bus_id]

    def i2c_write(self, scl, sda, address, data):
        return self.i2c(scl, sda).write(address, data)

    def i2c_read(self, scl, sda, address, count):
        return self.i2c(scl, sda).read(address, count)

    def adc_check(self, number):
        if number not in self._profile.adc:
            raise ValueError("invalid Pin for ADC")

    def adc_uv(self, number):
        return int(self.volts.get(number, 0.0) * 1_000_000)

    def wdt_arm(self, timeout_ms):
        self.watchdog.arm(timeout_ms)

    def wdt_feed(self):
        self.watchdog.feed()

    def unique_id(self):
        return self.mac

    def ticks_us(self):
        """Microseconds since the last reset, not wrapped."""
        return int((clock.now() - self.started) * 1_000_000) + self._board.ticks_start_us

    def rtc_us(self):
        """The RTC's microseconds since 1970: from 2000 on as long as nobody set it."""
        return self._rtc_base_us + time.time_ns() // 1000 - self._rtc_start_us

    def rtc_set(self, us):
        self._rtc_start_us, self._rtc_base_us = time.time_ns() // 1000, us

    def rtc_memory(self, data=None):
        if data is None:
            return self._rtc_memory
        if len(data) > RTC_MEMORY_SIZE:
            raise ValueError("buffer too long")
        self._rtc_memory = bytes(data)

    def heap_size(self):
        return self._profile.heap

    # -- esp32

    def nvs_get(self, namespace, key, kind, size=None):
        value = self.nvs.get(namespace, key, kind)
        if size is not None and len(value) > size:
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        return value

    def nvs_set(self, namespace, key, kind, value):
        self.nvs.set(namespace, key, kind, value)

    def nvs_erase(self, namespace, key):
        self.nvs.erase(namespace, key)

    def nvs_commit(self):
        self.nvs.commit()

    # -- network

    def wlan_active(self, value=None):
        if value is not None:
            self._radio.set_active(value)
        return self._radio.active

    def wlan_connect(self, ssid, key):
        self._radio.connect(ssid, key)

    def wlan_disconnect(self):
        self._radio.disconnect()

    def wlan_status(self):
        return self._radio.status

    def wlan_rssi(self):
        return self._radio.rssi()

    def wlan_reconnects(self, count=None):
        if count is not None:
            self._radio.reconnects = count
        return self._radio.reconnects


def _mac(name):
    # Espressif's prefix, and three bytes that differ from board to board.
    return b"\x24\x0a\xc4" + hashlib.sha256(name.encode()).digest()[:3]
