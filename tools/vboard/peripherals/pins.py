"""GPIOs: what the chip does with them, what the outside does to them, what is wired to them."""

import collections
import errno

from ..clock import clock
from .harm import through

# machine.Pin and its interrupts on ESP32 (ports/esp32/machine_pin.c).
MODE_IN, MODE_OUT, MODE_OPEN_DRAIN = 1, 3, 7
PULL_DOWN, PULL_UP = 1, 2
# Pin.init() without a pull.
PULL_KEPT = -1
IRQ_RISING, IRQ_FALLING = 1, 2

# Edges from outside that a pin remembers, for the measuring of pulses.
EDGES = 64

# So late after a trigger the measuring of its answer may begin by the host's doing, s: a chip
# needs microseconds.
HOST_S = 0.05

# The DHT's start signal as MicroPython gives it, ms, and the longest high pulse that is a 0, us
# (drivers/dht/dht.c).
DHT_START_MS = 18
DHT_ZERO_US = 48


class PinLine:
    """One GPIO: what the chip does with it and what the outside does to it."""

    def __init__(self, number, interrupt, clock=clock):
        self.number = number
        self._interrupt = interrupt
        self.clock = clock
        # The level the outside drives it to; None while nothing is connected.
        self._driven = None
        # What holds it at a level of its own, whatever drives it -> 0, 1, None: cut off from that.
        self._holders = {}
        # (clock seconds, level from then on) of the last edges that came from outside.
        self._edges = collections.deque(maxlen=EDGES)
        # When a pulse was asked for last (clock seconds).
        self._asked = -HOST_S
        # A device that answers on this one wire (devices/dht.py); None without.
        self.device = None
        # The faults of what comes over it (harm.py).
        self.harms = []
        # Called when the chip, that drives it, lets it fall; None: nobody listens.
        self.on_fall = None
        # Called when the wire rises because the chip drives it or lets go of it.
        self.on_rise = []
        # What machine.bitstream() sent last: (timing in ns, bytes); None since power-on.
        self.stream = None
        self.release()

    def release(self):
        """What a reset of the chip does: an input without pull and without interrupt."""
        self.mode, self.pull, self.out, self.trigger = MODE_IN, None, 0, 0
        # The Pwm that the pin puts out; None without.
        self.pwm = None

    def set_up(self, mode, pull, value):
        """What machine.Pin.init() does; None and PULL_KEPT leave things as they are."""
        before = self.level
        if value is not None:
            self.out = int(bool(value))
        if mode is not None:
            self.mode, self.pwm = mode, None
        if pull != PULL_KEPT:
            self.pull = pull
        self._tell_rise(before)

    @property
    def level(self):
        if self.pwm:
            return self.pwm.level
        if self.mode == MODE_OUT or (self.mode == MODE_OPEN_DRAIN and not self.out):
            return self.out
        outside = self._outside
        if outside is not None:
            return outside
        return 1 if self.pull == PULL_UP or self.mode == MODE_OPEN_DRAIN else 0

    def put(self, value):
        """Puts out a level, as soon as the pin is an output."""
        before = self.level
        fell = self.mode == MODE_OUT and self.out and not value
        self.out = int(bool(value))
        if fell and self.on_fall:
            self.on_fall()
        self._tell_rise(before)

    def _tell_rise(self, before):
        if self.level > before:
            for function in tuple(self.on_rise):
                function()

    @property
    def held_low(self):
        """True while the outside pulls it low, whatever the chip does."""
        return self._outside == 0

    @property
    def _outside(self):
        # A holder's low is stronger than another's high, and both than what else drives it.
        levels = tuple(self._holders.values())
        return (0 if 0 in levels else 1 if 1 in levels else None) if levels else self._driven

    def drive(self, level):
        """Puts 0 or 1 on the pin from outside; None disconnects it."""
        before = self.level
        self._driven = None if level is None else int(bool(level))
        self._note_edge(before)

    def hold(self, holder, level):
        """Has a holder, anything, put 0 or 1 on it over what drives it; None: cut off from it."""
        before = self.level
        self._holders[holder] = level
        self._note_edge(before)

    def let_go(self, holder):
        """Ends what hold() began."""
        before = self.level
        self._holders.pop(holder, None)
        self._note_edge(before)

    def _note_edge(self, before):
        after = self.level
        edge = IRQ_RISING if after > before else IRQ_FALLING if after < before else 0
        if edge:
            self._edges.append((self.clock.now(), after))
        if edge & self.trigger:
            self._interrupt("pin", self.number)

    def expect(self, delay_us, length_us):
        """A high pulse from outside, on time to the us: only the measuring of pulses sees it."""
        self._asked = self.clock.now()
        began = self._asked + delay_us / 1_000_000
        length_us = through(self.harms, "echo", length_us)
        if length_us is not None:
            self._edges.append((began, 1))
            # Of one without end it never comes.
            self._edges.append((began + length_us / 1_000_000, 0))

    def cut_short(self):
        """Ends the pulses that were expected to last longer."""
        now = self.clock.now()
        for edge in [edge for edge in self._edges if edge[0] > now]:
            self._edges.remove(edge)
        self._edges.append((now, 0))

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
            pulses = through(self.harms, "pulses", self.device.answer(DHT_START_MS))
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
        if 0 <= start - self._asked < HOST_S:
            start = self._asked
        began = self._reached(level, start)
        if began is None or began - start > timeout:
            return -2 if self.clock.now() - start > timeout else None
        ended = self._reached(1 - level, began)
        if ended is None or ended - began > timeout:
            return -1 if self.clock.now() - began > timeout else None
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
