"""PWM outputs (LEDC): frequency, duty and polarity of a pin."""

from ..clock import clock

# A duty of 1, and what `u16` and `u10` mean by their highest value too (ports/esp32,
# machine_pwm.c: the highest value is always high).
FULL = 1 << 16
TOP = {"u16": FULL - 1, "u10": 1023}

MIN_HZ, MAX_HZ = 1, 40_000_000
DEFAULT_HZ = 5_000


class Pwm:
    """What comes out of a pin: `freq` in Hz, `duty` of FULL, `invert`."""

    def __init__(self, clock=clock):
        self._clock = clock
        self.freq, self.invert = DEFAULT_HZ, False
        # The duty as it was set: "u16", "u10" or "ns", and a count of that. The ns stay the
        # same when the frequency changes.
        self._unit, self._value = "u16", FULL // 2

    @property
    def duty(self):
        """The share of the time that the output is high, 0 to FULL (before `invert`)."""
        if self._unit == "ns":
            return min((self._value * self.freq * FULL + 500_000_000) // 1_000_000_000, FULL)
        if self._value == TOP[self._unit]:
            return FULL
        return self._value << (6 if self._unit == "u10" else 0)

    @property
    def level(self):
        """The pin's level at this moment, 0 or 1."""
        phase = self._clock.now() * self.freq % 1
        return int(phase * FULL < self.duty) ^ self.invert

    def change(self, freq, unit, value):
        """Sets Hz and, unless the unit is None, the duty. Raises ValueError: out of range."""
        if unit is not None:
            top = TOP.get(unit) or 1_000_000_000 // freq
            if not 0 <= value <= top:
                name = {"u10": "duty", "u16": "duty_u16", "ns": "duty_ns"}[unit]
                raise ValueError(f"{name} must be from 0 to {top}")
            self._unit, self._value = unit, value
        self.freq = freq


class Outputs:
    """The PWM channels and clocks of one chip, shared by its pins."""

    def __init__(self, pins, chip, clock=clock):
        self._pins, self._chip, self._clock = pins, chip, clock

    def set(self, number, freq, unit, value, invert):
        """Starts a pin's output or changes it; None leaves what there is, or the default.

        Returns what the chip has no more of, or None. Raises ValueError.
        """
        if freq is not None and not MIN_HZ <= freq <= MAX_HZ:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        pin = self._pins[number]
        pwm = pin.pwm or Pwm(self._clock)
        wanted = freq or pwm.freq
        lacking = self._lacking(number, wanted)
        if lacking:
            return lacking
        pwm.change(wanted, unit, value)
        pwm.invert = pwm.invert if invert is None else bool(invert)
        pin.pwm = pwm

    def _lacking(self, number, freq):
        others = [pin.pwm for pin in self._pins.values() if pin.pwm and pin.number != number]
        if len(others) >= self._chip.pwm_channels:
            return f"out of PWM channels:{self._chip.pwm_channels}"
        if len({freq, *(pwm.freq for pwm in others)}) > self._chip.pwm_frequencies:
            return f"out of PWM timers:{self._chip.pwm_frequencies}"
