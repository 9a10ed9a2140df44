"""A clock for drivers' unit tests, in place of time and asyncio, on MicroPython too."""

# When ticks and their differences wrap.
PERIOD = 1 << 30


class Clock:
    def __init__(self, now=0):
        self.now = now

    def ticks_ms(self):
        return self.now % PERIOD

    def ticks_add(self, ticks, ms):
        return (ticks + ms) % PERIOD

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2

    async def sleep_ms(self, ms):
        # As short as MicroPython makes it.
        self.now += ms - 1
