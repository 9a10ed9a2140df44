# HC-SR04 and the like: distance by ultrasound, asked on one pin and answered on another.

import asyncio
import time

from sensors import Range, SensorError

QUANTITIES = (("distance", "cm", 1, 2, 400, "distance"),)
BUS = "echo"
OPTIONS = {
    # Pings of which the middle one counts.
    "samples": (3, (1, 3, 5, 7, 9)),
    # Of the air, °C: sound is 0.2 % faster for each.
    "celsius": (20.0, Range(-40.0, 80.0)),
}
# From a ping to the end of an echo from farther than 4 m.
BLOCKS_MS = 25

_TRIGGER_US = 10
# 24 ms are 4.1 m there and back.
_TIMEOUT_US = 24_000
# From ping to ping, so that no echo is taken for the next one's.
_PAUSE_MS = 60
# Without an echo some hold the pin high for 200 ms.
_QUIET_MS = 250


class Driver:
    """A sensor that is asked by a pulse on `bus.trigger` and answers by one on `bus.echo`."""

    def __init__(self, bus, samples: int = 3, celsius: float = 20.0):
        self._bus = bus
        self._samples = samples
        # cm/s there and back, halved: 331.3 m/s at 0 °C, 0.606 m/s more for each.
        self._speed = (33_130 + 60.6 * celsius) / 2

    async def read(self) -> tuple:
        """Returns (cm,), rounded to 1 decimal. Takes 60 ms a sample, awaited but for 25 of them.

        Raises SensorError when there is no sensor, or nothing within 4 m.
        """
        found = []
        for _ in range(self._samples):
            await self._quiet()
            found.append(self._ping())
            await asyncio.sleep_ms(_PAUSE_MS)
        found.sort()
        us = found[len(found) // 2]
        if us == -2:
            raise SensorError("no answer to a ping: check trigger, echo and the supply of 5 V")
        if us < 0:
            raise SensorError("no echo: nothing within 4 m, or it is turned away")
        return (round(us * self._speed / 1_000_000, 1),)

    async def _quiet(self):
        end = time.ticks_add(time.ticks_ms(), _QUIET_MS)
        while self._bus.echo.value():
            if time.ticks_diff(end, time.ticks_ms()) < 0:
                raise SensorError("its echo pin stays high: check wiring and supply")
            await asyncio.sleep_ms(5)

    def _ping(self):
        # Returns us, or a number below 0: -2 without an answer, -1 for one that doesn't end.
        self._bus.trigger.value(1)
        time.sleep_us(_TRIGGER_US)
        self._bus.trigger.value(0)
        return self._bus.pulse_us(_TIMEOUT_US)
