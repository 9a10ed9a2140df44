# Digital input as a source of events: reed contact, motion detector, leak probe, switch.

import asyncio

from sensors import Range

# The device class is the option's.
QUANTITIES = (("state", None, None, None, None, None),)
BUS = "pin"

# The words for levels 0 and 1, by device class: Home Assistant's classes of a binary sensor and
# what it shows for them. Level 1 is the first of a pair that one would act on: a reed contact
# to ground with a pull-up opens, and reads 1, when the door does.
STATES = {
    "none": ("off", "on"),
    "door": ("closed", "open"),
    "window": ("closed", "open"),
    "garage_door": ("closed", "open"),
    "opening": ("closed", "open"),
    "motion": ("clear", "detected"),
    "occupancy": ("clear", "detected"),
    "smoke": ("clear", "detected"),
    "moisture": ("dry", "wet"),
    "vibration": ("clear", "detected"),
    "problem": ("ok", "problem"),
}

OPTIONS = {
    "device_class": ("none", tuple(sorted(STATES))),
    "invert": (False, (False, True)),
    "debounce_ms": (50, Range(0, 1000)),
}


class Driver:
    """One pin whose level has a name; a level counts when it stayed for `debounce_ms`."""

    def __init__(
        self, bus, device_class: str = "none", invert: bool = False, debounce_ms: int = 50
    ):
        self._pin = bus
        self._words = STATES[device_class]
        self._invert = invert
        self._debounce_ms = debounce_ms
        # Set by the interrupt, awaited by wait(); None until the interrupt is armed.
        self._flag = None
        # True when there was an edge since it was last set to False.
        self._moved = False
        # The level that counts; it changes only after a stay of `debounce_ms`.
        self._level = 0

    async def read(self) -> tuple:
        """Returns the state that counts: (word,). Touches nothing but the pin."""
        self._watch()
        return self._values()

    async def wait(self) -> tuple:
        """Returns (word,) as soon as the state has changed and stayed so for `debounce_ms`."""
        self._watch()
        while True:
            await self._flag.wait()
            level = await self._settled()
            if level != self._level:
                self._level = level
                return self._values()

    def _watch(self):
        if self._flag is None:
            self._flag = asyncio.ThreadSafeFlag()
            self._level = self._pin.value()
            # At both edges, for it has no trigger of its own.
            self._pin.irq(self._on_edge)
        if self._pin.value() != self._level:
            # Its edge is being debounced, or was lost (a cancelled wait(), an interrupt that a
            # sleeping chip missed): either way it is worth a look.
            self._flag.set()

    def _on_edge(self, _pin):
        # Runs as an interrupt: allocates nothing.
        self._moved = True
        self._flag.set()

    async def _settled(self):
        # Ends when a whole `debounce_ms` passed without an edge.
        while True:
            self._moved = False
            await asyncio.sleep_ms(self._debounce_ms)
            # The level first: an edge between the two lines must not go unseen.
            level = self._pin.value()
            if not self._moved:
                return level

    def _values(self):
        return (self._words[self._level ^ self._invert],)
