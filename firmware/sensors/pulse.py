# A meter's or gauge's pulses on a pin: rain, water, gas, energy. Counted by interrupt.

import time

from sensors import Range, SensorError, Text

# The units and decimals are the options'.
QUANTITIES = (
    ("rate", None, 3, None, None, None),
    ("total", None, 3, None, None, None),
)
BUS = "pin"
KEPT = True
OPTIONS = {
    # Units a pulse stands for, and their name.
    "scale": (1.0, Range(0.000001, 1_000_000.0)),
    "unit": ("pulses", Text(1, 16)),
    "per": ("hour", ("minute", "hour")),
    "decimals": (3, (0, 1, 2, 3, 4, 5, 6)),
    # The level of a pulse; a contact to ground with a pull-up makes low ones.
    "active": ("low", ("low", "high")),
    "debounce_ms": (20, Range(0, 1000)),
}
# A save that has to erase a sector of the flash.
BLOCKS_MS = 50

# How long pulses may be counted in memory only. Each save takes 32 bytes of NVS and one erase a
# sector's 126: at one in 5 min its sectors last for centuries, at one a pulse they would not.
SAVE_MS = 300_000
# After so many pulses the total begins at 0 again, as meters do.
_WRAP = 1_000_000_000
_PER = {"minute": (60_000, "/min"), "hour": (3_600_000, "/h")}


class Driver:
    """Counts pulses that come after `debounce_ms` of quiet; `store` keeps the total.

    A loss of power or a watchdog's reset loses the pulses of SAVE_MS and one interval at most,
    any other reset none.
    """

    def __init__(
        self,
        bus,
        store,
        scale: float = 1.0,
        unit: str = "pulses",
        per: str = "hour",
        decimals: int = 3,
        active: str = "low",
        debounce_ms: int = 20,
    ):
        self._pin = bus
        self._store = store
        self._scale = scale
        self._decimals = decimals
        # What the rate is told for, ms.
        self._per_ms, suffix = _PER[per]
        self.quantities = (
            ("rate", unit + suffix, decimals, None, None, None),
            ("total", unit, decimals, None, None, None),
        )
        self._active = active == "high"
        self._debounce_ms = debounce_ms
        # Pulses ever, as far as they were kept, and what of them is saved; None until the
        # interrupt is armed, which alone changes the first.
        self._count = self._saved = None
        # ticks_ms() of the last edge, and True while the level was active after it.
        self._edge = 0
        self._within = False
        # ticks_ms() when it was last time to save.
        self._looked = 0
        # The count and ticks_ms() from which the rate is measured, and the rate up to there.
        self._mark = self._rate = None

    async def read(self) -> tuple:
        """Returns (rate, total) in units; the rate is None at first. Touches no bus.

        Raises SensorError when the total can't be kept.
        """
        now = time.ticks_ms()
        if self._count is None:
            self._arm(now)
        count = self._count
        self._measure(now, count)
        if time.ticks_diff(now, self._looked) >= SAVE_MS:
            # First: what can't be saved is told each SAVE_MS, and read all the same in between.
            self._looked = now
            self._save()
        return self._rate, round(count * self._scale, self._decimals)

    def stop(self):
        """Saves the total: a reset comes."""
        self._save()

    def _arm(self, now):
        self._count = self._saved = self._store.load()
        self._mark = self._count, now
        self._looked = now
        # The first edge comes after quiet, however soon.
        self._edge = time.ticks_add(now, -1000)
        self._within = self._pin.value() == self._active
        # At both edges, for it has no trigger of its own.
        self._pin.irq(self._on_edge)

    def _on_edge(self, pin):
        # Runs as an interrupt: allocates nothing. It may be late, so that the level is another by
        # now: the first edge after quiet begins a pulse unless one was on. What follows bounces.
        now = time.ticks_ms()
        quiet = time.ticks_diff(now, self._edge)
        # Below 0 after more than six days: the ticks have wrapped.
        if not self._within and not 0 <= quiet < self._debounce_ms:
            self._count = (self._count + 1) % _WRAP
        self._edge = now
        self._within = pin.value() == self._active

    def _measure(self, now, count):
        before, since = self._mark
        elapsed = time.ticks_diff(now, since)
        # Two readings within less are no measure of a rate.
        if elapsed >= 1000:
            units = (count - before) % _WRAP * self._scale
            self._rate = round(units * self._per_ms / elapsed, self._decimals)
            self._mark = count, now

    def _save(self):
        count = self._count
        if count == self._saved:
            return
        try:
            self._store.save(count)
        except OSError as error:
            raise SensorError("total not kept: %r: erase the NVS" % error)
        self._saved = count
