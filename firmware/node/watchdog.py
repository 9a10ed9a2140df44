"""Resets the board when the loop no longer turns."""

import asyncio

import machine

# What stopping stretches the time-out to: a watchdog can't be switched off, and someone at the
# prompt must not be thrown out by it.
RELAXED_MS = 3_600_000


class Watchdog:
    """`timeout_s` 0: there is none."""

    def __init__(self, timeout_s: int):
        self._timeout_ms = timeout_s * 1000
        self._wdt = None

    async def run(self):
        """Arms it and feeds it as long as the loop turns."""
        if self._timeout_ms:
            self._wdt = machine.WDT(timeout=self._timeout_ms)
        while self._wdt:
            self._wdt.feed()
            await asyncio.sleep_ms(self._timeout_ms // 4)

    def relax(self):
        """Gives whoever is at the prompt an hour."""
        if self._wdt:
            machine.WDT(timeout=RELAXED_MS)
            self._wdt = None
