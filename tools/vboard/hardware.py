"""The chip's peripherals as the wires see them: pins, buses, timers, ADC, RTC, NVS, radio.

The stand-ins of `machine`, `esp32` and `network` (folder chip/) reach all of this by the name of a
method of `Hardware` and plain values, so that a board in another process can do the same over a
pipe. What they are told of faults is OSError or ValueError.
"""

import errno
import hashlib
import math

from .peripherals.adc import Adc
from .peripherals.chips import CHIPS
from .peripherals.harm import through
from .peripherals.i2c import I2CBus
from .peripherals.onewire import OneWireBus
from .peripherals.pins import MODE_OPEN_DRAIN, MODE_OUT, PULL_KEPT, PULL_UP, PinLine
from .peripherals.pwm import Outputs
from .peripherals.station import Station
from .peripherals.timers import Timers
from .peripherals.watchdog import Watchdog

# The RTC's count begins with 2000 (the ESP32 port's epoch), in microseconds since 1970.
EPOCH_2000_US = 946_684_800_000_000

RTC_MEMORY_SIZE = 2048

# How long a held bus blocks a program, unless it says otherwise (ports/esp32/machine_i2c.c).
I2C_TIMEOUT_US = 50_000

# Frequency of the CPU after a reset, Hz (CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ).
CPU_HZ = 160_000_000

# ESP-IDF's ESP_ERR_INVALID_ARG as a program sees it.
INVALID_ARG = (-258, "ESP_ERR_INVALID_ARG")


class Hardware:
    """All peripherals of one board; its public methods are what the stand-ins may call."""

    def __init__(self, board, profile, radio, nvs):
        self._board = board
        self._clock = board.clock
        self._profile = profile
        self._chip = CHIPS[profile.chip]
        self._radio = radio
        self._buses = {}
        self._wires = {}
        # Number of an I2C controller -> (SCL, SDA, time-out in us); a soft reset leaves them.
        self._i2c = {}
        # Volts at the ADC pins (numbers, or functions that are asked at each sample) and the
        # temperature of the chip in °C: set from outside.
        self.volts = {}
        self.die_celsius = 40.0
        # What a program is told of an I2C bus that was held for too long: with ESP-IDF's newer
        # driver (5.5.2) MicroPython has ENODEV for that, too (ports/esp32/machine_i2c.c).
        self.i2c_late = errno.ETIMEDOUT
        self.nvs = nvs
        self.watchdog = Watchdog(board.watchdog_bite, board.clock)
        self.timers = Timers(board.interrupted, board.clock)
        self.pins = {n: PinLine(n, board.interrupted, board.clock) for n in profile.pins}
        self._outputs = Outputs(self.pins, self._chip, board.clock)
        self._adc = Adc(self._chip)
        self.mac = _mac(board.name)
        self.station = Station(radio, profile.chip, self.mac)
        self.power_on()

    # -- from outside

    def i2c(self, scl, sda):
        """The bus on two pins, made when it is asked for first."""
        if (scl, sda) not in self._buses:
            # Of pins that the chip hasn't a program is told.
            self._buses[scl, sda] = I2CBus(self.pins.get(scl), self.pins.get(sda))
        return self._buses[scl, sda]

    def one_wire(self, pin):
        """The 1-Wire bus on a pin, made when it is asked for first."""
        return self._wires.setdefault(pin, OneWireBus(self._pin(pin)))

    def power_on(self):
        """What power-on clears and a reset doesn't."""
        self.forget_rtc()
        for wired in (*self._buses.values(), *self._wires.values(), *self.pins.values()):
            wired.power_cycle()

    def forget_rtc(self):
        """The RTC's time and memory begin anew."""
        self._rtc_start_us = self._now_us()
        self._rtc_base_us = EPOCH_2000_US
        self._rtc_memory = b""

    def halt(self):
        """Stops what asks for the program without being asked: a board that is off has none."""
        self.watchdog.disarm()
        self.timers.stop_all()

    def reset(self, soft=False):
        """What a reset of the chip clears; a soft one clears little more than the program.

        Raises PowerCut when the flash has no power.
        """
        if soft:
            self.nvs.forget_pending()
        else:
            self.nvs.load()
        self.timers.stop_all()
        for pin in self.pins.values():
            if soft:
                pin.trigger, pin.pwm = 0, None
            else:
                pin.release()
        if not soft:
            self.watchdog.disarm()
            self._adc.reset()
            self._i2c.clear()
            self.station.reset()
            self._cpu_hz = CPU_HZ
            self.started = self._clock.now()

    # -- machine

    def pin_setup(self, number, mode, pull, value):
        pin = self._pin(number)
        if mode in (MODE_OUT, MODE_OPEN_DRAIN) and number in self._profile.input_only:
            raise ValueError("pin can only be input")
        # These have no pull resistors (ESP32 datasheet, appendix "IO_MUX").
        pin.set_up(mode, PULL_KEPT if number in self._profile.input_only else pull, value)

    def pin_get(self, number):
        return self.pins[number].level

    def pin_set(self, number, value):
        self.pins[number].put(value)

    def pin_toggle(self, number):
        pin = self.pins[number]
        pin.put(not pin.out)

    def pin_interrupt(self, number, trigger):
        self.pins[number].trigger = trigger

    def i2c_setup(self, number, scl, sda, timeout_us):
        """Has a controller begin anew; what is None stays as it was. Raises ValueError.

        A number is a controller of the chip, of which there is one, whoever constructs it (the
        static objects of ports/esp32/machine_i2c.c); None is one in software. Returns what
        i2c_write() and i2c_read() take for it.
        """
        if number is not None and not 0 <= number < len(self._profile.i2c):
            raise ValueError(f"I2C({number}) doesn't exist")
        before = self._i2c.get(number) or (*self._profile.i2c[number or 0], I2C_TIMEOUT_US)
        now = tuple(
            old if new is None else new
            for old, new in zip(before, (scl, sda, timeout_us), strict=True)
        )
        for pin in now[:2]:
            self.pin_setup(pin, MODE_OPEN_DRAIN, PULL_UP, 1)
        if number is None:
            return now
        self._i2c[number] = now
        return number

    def i2c_write(self, controller, address, data, waited_us):
        """Returns None, or for how many us the bus is held: then ask again. Raises OSError."""
        bus, left_us = self._i2c_wait(controller, address, False, waited_us)
        return left_us or bus.write(address, data)

    def i2c_read(self, controller, address, count, waited_us):
        """Returns bytes, or for how many us the bus is held: then ask again. Raises OSError."""
        bus, left_us = self._i2c_wait(controller, address, True, waited_us)
        return left_us or bus.read(address, count)

    def _i2c_wait(self, controller, address, reading, waited_us):
        # Returns (bus, us to wait): the program waits, not who serves its calls.
        found = self._i2c[controller] if isinstance(controller, int) else controller
        scl, sda, timeout_us = found
        bus = self.i2c(scl, sda)
        held_us = bus.held_s(address, reading, waited_us / 1_000_000) * 1_000_000
        if held_us and waited_us >= timeout_us:
            raise OSError(self.i2c_late, errno.errorcode[self.i2c_late])
        return bus, math.ceil(min(held_us, timeout_us - waited_us)) if held_us else 0

    def onewire_reset(self, number):
        return self.one_wire(number).restart()

    def onewire_slots(self, number, value, count):
        """Writes `count` bits, the lowest first; returns those that were on the wire."""
        bus, found = self.one_wire(number), 0
        for place in range(count):
            found |= bus.slot(value >> place) << place
        return found

    def dht_read(self, number):
        pin = self._pin(number)
        # An input stays one: nothing goes out of it.
        if number not in self._profile.input_only:
            self.pin_setup(number, MODE_OPEN_DRAIN, PULL_KEPT, 1)
        return pin.dht_read()

    def pulse_start(self):
        """Returns the moment from which pulse_us() counts, us."""
        return self._now_us()

    def pulse_us(self, number, level, start_us, timeout_us):
        return self._pin(number).pulse_us(level, start_us / 1_000_000, timeout_us)

    def bitstream(self, number, timing, data):
        self._output_pin(number).send(timing, data)

    def pwm_set(self, number, freq, unit, value, invert):
        """Starts or changes an output; returns why the chip has none left, or None."""
        self._output_pin(number)
        return self._outputs.set(number, freq, unit, value, invert)

    def pwm_get(self, number):
        """Returns (Hz, duty of 65536), None for a pin without an output."""
        pwm = self.pins[number].pwm
        return pwm and (pwm.freq, pwm.duty)

    def pwm_stop(self, number):
        self.pins[number].pwm = None

    def timer_check(self, number):
        there = self._chip.timers
        if number >= there:
            text = f"Timer({number}) doesn't exist, there are only {there} hardware timers"
            raise ValueError(text)

    def timer_start(self, number, period_us, repeat):
        self.timers.start(number, period_us / 1_000_000, repeat)

    def timer_stop(self, number):
        self.timers.stop(number)

    def timer_taken(self):
        self.timers.taken()

    def timer_ms(self, number):
        return int(self.timers.value(number) * 1000)

    def adc_setup(self, number, attenuation=None):
        if number not in self._profile.adc:
            raise ValueError("invalid pin")
        self._adc.set_up(number, attenuation)

    def adc_widths(self):
        return self._chip.adc_bits

    def adc_atten(self, number, value):
        self._adc.set_attenuation(number, value)

    def adc_width(self, bits):
        self._adc.set_bits(bits)

    def adc_uv(self, number):
        return self._adc.uv(number, self._volts(number))

    def adc_count(self, number):
        """Returns (count, its bits)."""
        return self._adc.count(number, self._volts(number)), self._adc.bits

    def wdt_arm(self, timeout_ms):
        self.watchdog.arm(timeout_ms)

    def wdt_feed(self):
        self.watchdog.feed()

    def unique_id(self):
        return self.mac

    def ticks_us(self):
        """Microseconds since the last reset, not wrapped."""
        return int((self._clock.now() - self.started) * 1_000_000) + self._board.ticks_start_us

    def rtc_us(self):
        """The RTC's microseconds since 1970: from 2000 on as long as nobody set it."""
        return self._rtc_base_us + self._now_us() - self._rtc_start_us

    def rtc_set(self, us):
        self._rtc_start_us, self._rtc_base_us = self._now_us(), us

    def rtc_memory(self, data=None):
        if data is None:
            return self._rtc_memory
        if len(data) > RTC_MEMORY_SIZE:
            raise ValueError("buffer too long")
        self._rtc_memory = bytes(data)

    def chip(self):
        return self._profile.chip

    def cpu_hz(self, hz=None):
        if hz is not None:
            if hz not in self._chip.cpu:
                allowed = ", ".join(f"{one // 1_000_000}MHz" for one in self._chip.cpu)
                raise ValueError(f"frequency must be one of {allowed}")
            self._cpu_hz = hz
        return self._cpu_hz

    def has_bootloader(self):
        return self._chip.bootloader

    def bootloader(self):
        enter = getattr(self._board, "enter_bootloader", None)
        if enter is None:
            raise OSError(errno.ENODEV, "this emulated board has no boot loader in ROM")
        enter()

    def heap_size(self):
        return self._profile.heap

    def _now_us(self):
        return int(self._clock.now() * 1_000_000)

    def _volts(self, number):
        source = self.volts.get(number, 0.0)
        return through(self.pins[number].harms, "volts", source() if callable(source) else source)

    def _pin(self, number):
        if number not in self.pins:
            raise ValueError("invalid pin")
        return self.pins[number]

    def _output_pin(self, number):
        pin = self._pin(number)
        if number in self._profile.input_only:
            raise OSError(*INVALID_ARG)
        return pin

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

    def die_temperature(self):
        return self.die_celsius

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

    def wlan_scan(self):
        return self.station.scan()

    def wlan_get(self, name):
        return self.station.get(name)

    def wlan_set(self, name, value):
        return self.station.set(name, value)

    def hostname(self, name=None):
        if name is not None:
            self.station.set_hostname(name)
        return self.station.hostname

    def country(self, code=None):
        if code is not None:
            self.station.set_country(code)
        return self.station.country


def _mac(name):
    # Espressif's prefix, and three bytes that differ from board to board.
    return b"\x24\x0a\xc4" + hashlib.sha256(name.encode()).digest()[:3]
