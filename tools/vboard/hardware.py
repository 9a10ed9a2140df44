"""The chip's peripherals as the wires see them: pins, buses, timers, ADC, RTC, NVS, radio.

The stand-ins of `machine`, `esp32` and `network` (folder chip/) reach all of this by the name of a
method of `Hardware` and plain values, so that a board in another process can do the same over a
pipe. What they are told of faults is OSError or ValueError.
"""

import errno
import hashlib

from .peripherals.adc import Adc
from .peripherals.chips import CHIPS
from .peripherals.i2c import I2CBus
from .peripherals.onewire import OneWireBus
from .peripherals.pins import MODE_OPEN_DRAIN, MODE_OUT, PULL_KEPT, PinLine
from .peripherals.pwm import Outputs
from .peripherals.station import Station
from .peripherals.timers import Timers
from .peripherals.watchdog import Watchdog

# The RTC's count begins with 2000 (the ESP32 port's epoch), in microseconds since 1970.
EPOCH_2000_US = 946_684_800_000_000

RTC_MEMORY_SIZE = 2048

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
        # Volts at the ADC pins, and the temperature of the chip in °C: set from outside.
        self.volts = {}
        self.die_celsius = 40.0
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
        return self._buses.setdefault((scl, sda), I2CBus())

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
            self.station.reset()
            self._cpu_hz = CPU_HZ
            self.started = self._clock.now()

    # -- machine

    def pin_setup(self, number, mode, pull, value):
        pin = self._pin(number)
        if mode in (MODE_OUT, MODE_OPEN_DRAIN) and number in self._profile.input_only:
            raise ValueError("pin can only be input")
        if value is not None:
            pin.out = int(bool(value))
        if mode is not None:
            pin.mode, pin.pwm = mode, None
        # These have no pull resistors (ESP32 datasheet, appendix "IO_MUX").
        if pull != PULL_KEPT and number not in self._profile.input_only:
            pin.pull = pull

    def pin_get(self, number):
        return self.pins[number].level

    def pin_set(self, number, value):
        self.pins[number].put(value)

    def pin_toggle(self, number):
        pin = self.pins[number]
        pin.put(not pin.out)

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
        return self._adc.uv(number, self.volts.get(number, 0.0))

    def adc_count(self, number):
        """Returns (count, its bits)."""
        return self._adc.count(number, self.volts.get(number, 0.0)), self._adc.bits

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
