"""GPIOs: what the chip does with them, what the outside does to them, what is wired to them."""

import collections
import errno

from ..clock import clock

# machine.Pin and its interrupts on ESP32 (ports/esp32/machine_pin.c).
MODE_IN, MODE_OUT, MODE_OPEN_DRAIN = 1, 3, 7
PULL_DOWN, PULL_UP = 1, 2
# Pin.init() without a pull.
PULL_KEPT = -1
IRQ_RISING, IRQ_FALLING = 1, 2

# Edges from outside that a pin remembers, for the measuring of pulses.
EDGES = 64

# The DHT's start signal as MicroPython gives it, ms, and the longest high pulse that is a 0, us
# (drivers/dht/dht.c).
DHT_START_MS = 18
DHT_ZERO_US = 48


class PinLine:
    """One GPIO: what the chip does with it and what the outside does to it."""

    def __init__(self, number, interrupt, clock=clock):
        self.number = number
        self._interrupt = interrupt
        self._clock = clock
        # The level the outside drives it to; None while nothing is connected.
        self._driven = None
        # (clock seconds, level from then on) of the last edges that came from outside.
        self._edges = collections.deque(maxlen=EDGES)
        # A device that answers on this one wire (devices/dht.py); None without.
        self.device = None
        # Called when the chip, that drives it, lets it fall; None: nobody listens.
        self.on_fall = None
        # What machine.bitstream() sent last: (timing in ns, bytes); None since power-on.
        self.stream = None
        self.release()

    def release(self):
        """What a reset of the chip does: an input without pull and without interrupt."""
        self.mode, self.pull, self.out, self.trigger = MODE_IN, None, 0, 0
        # The Pwm that the pin puts out; None without.
        self.pwm = None

    @property
    def level(self):
        if self.pwm:
            return self.pwm.level
        if self.mode == MODE_OUT or (self.mode == MODE_OPEN_DRAIN and not self.out):
            return self.out
        if self._driven is not None:
            return self._driven
        return 1 if self.pull == PULL_UP or self.mode == MODE_OPEN_DRAIN else 0

    def put(self, value):
        """Puts out a level, as soon as the pin is an output."""
        fell = self.mode == MODE_OUT and self.out and not value
        self.out = int(bool(value))
        if fell and self.on_fall:
            self.on_fall()

    @property
    def held_low(self):
        """True while the outside drives it low, whatever the chip does."""
        return self._driven == 0

    def drive(self, level):
        """Puts 0 or 1 on the pin from outside; None disconnects it."""
        before = self.level
        self._driven = None if level is None else int(bool(level))
        after = self.level
        edge = IRQ_RISING if after > before else IRQ_FALLING if after < before else 0
        if edge:
            self._edges.append((self._clock.now(), after))
        if edge & self.trigger:
            self._interrupt("pin", self.number)

    def expect(self, delay_us, length_us):
        """A high pulse from outside, on time to the us: only the measuring of pulses sees it."""
        began = self._clock.now() + delay_us / 1_000_000
        self._edges.extend(((began, 1), (began + length_us / 1_000_000, 0)))

    def attach(self, device):
        """Connects a device with power: it starts as after power-on."""
        self.device = device
        device.reset()
        return device

    def detach(self, device):
        if self.device is device:
            self.device = None

    def power_cycle(self):
        self.stream = None
        if self.device:
            self.device.reset()

    def send(self, timing_ns, data):
        """Puts the bits of `data` out; what listens there isn't emulated, so they are kept."""
        self.stream = (tuple(timing_ns), bytes(data))

    def dht_read(self):
        """Gives the start signal and returns the 5 bytes of the answer. Raises OSError."""
        pulses = ()
        if self.device and self.mode == MODE_OPEN_DRAIN and not self.held_low:
            pulses = self.device.answer(DHT_START_MS)
        if len(pulses) < 40:
            raise OSError(errno.ETIMEDOUT, "ETIMEDOUT")
        bits = 0
        for us in pulses[:40]:
            bits = bits << 1 | (us > DHT_ZERO_US)
        return bits.to_bytes(5, "big")

    def pulse_us(self, level, start, timeout_us):
        """Returns us of the first pulse of a level since `start` (clock seconds).

        None: it may come or end yet. -2: none began in time, -1: it didn't end in time, as
        machine.time_pulse_us() has it.
        """
        timeout = timeout_us / 1_000_000
        began = self._reached(level, start)
        if began is None or began - start > timeout:
            return -2 if self._clock.now() - start > timeout else None
        ended = self._reached(1 - level, began)
        if ended is None or ended - began > timeout:
            return -1 if self._clock.now() - began > timeout else None
        return round((ended - began) * 1_000_000)

    def _reached(self, level, since):
        # When the pin has a level for the first time from `since` on; None: not yet.
        edges = list(self._edges)
        if self._level_at(edges, since) == level:
            return since
        return next((when for when, at in edges if when > since and at == level), None)

    def _level_at(self, edges, when):
        earlier = [level for at, level in edges if at <= when]
        if earlier:
            return earlier[-1]
        return 1 - edges[0][1] if edges else self.level
