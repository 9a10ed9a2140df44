# What the DHT11 and the DHT22 have in common: a start signal, 40 bits, and a rest behind them.

import asyncio
import time

from sensors import SensorError

# dht_readinto() lets go of the wire for 250 ms, pulls it low for 18 ms, listens for 5 ms, and
# nothing else runs meanwhile (drivers/dht/dht.c of MicroPython): Python is too slow for the bits.
BLOCKS_MS = 280


class Dht:
    """A sensor that measures when it is asked, and must rest before the next time."""

    # From one reading to the next, ms (both data sheets).
    REST_MS = 0

    def __init__(self, bus):
        self._pin = bus
        # The image's own driver; None until the first reading.
        self._sensor = None
        # ticks_ms() at which it may be asked again; None before the first reading.
        self._due = None

    async def read(self) -> tuple:
        """Returns (°C, %). Blocks for 0.3 s; sooner than REST_MS after the last it waits, awaited.

        Raises OSError when nothing answers, SensorError when the check sum is wrong.
        """
        if self._sensor is None:
            # Loaded late: the host, which only looks at OPTIONS, has no such module.
            from dht import DHTBase

            self._sensor = DHTBase(self._pin)
        await self._rest()
        try:
            self._sensor.measure()
        except OSError:
            raise
        except Exception:
            # It has no class of its own for this one.
            raise SensorError("wrong check sum: check wire and pull-up, shorten the wire")
        finally:
            self._due = time.ticks_add(time.ticks_ms(), self.REST_MS)
        return self.values(self._sensor.buf)

    def values(self, data) -> tuple:
        """Returns (°C, %) of the five bytes of an answer."""
        raise NotImplementedError

    async def _rest(self):
        if self._due is None:
            return
        left = time.ticks_diff(self._due, time.ticks_ms())
        if left > 0:
            # A sleep of n ms may end after n - 1.
            await asyncio.sleep_ms(left + 1)
