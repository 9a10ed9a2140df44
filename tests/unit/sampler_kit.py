"""A sampler on a bench: scripted drivers, no waiting; on MicroPython too."""

from node import sampler


class Climate:
    # Stands for a driver's module.
    QUANTITIES = (
        ("temperature", "°C", 1, -40, 85, "temperature"),
        ("humidity", "%", 0, 0, 100, "humidity"),
        ("factor", None, 2, 0, 2, None),
        ("count", None, 0, None, None, None),
    )


class Driver:
    # Its readings one by one; an exception among them is raised.

    def __init__(self, *readings):
        self.readings = list(readings)
        # Readings that were taken when reset() was called.
        self.resets = []
        self.taken = 0

    async def read(self):
        self.taken += 1
        reading = self.readings.pop(0)
        if isinstance(reading, Exception):
            raise reading
        return reading

    def reset(self):
        self.resets.append(self.taken)


class Asyncio:
    # In place of asyncio: nothing waits.
    TimeoutError = RuntimeError

    class Event:
        pass

    @staticmethod
    async def wait_for_ms(awaitable, ms):
        return await awaitable


class Clock:
    def __init__(self, bench):
        self.bench = bench

    def uptime(self):
        return self.bench.now

    def now(self):
        return self.bench.utc()


class Bench:
    def __init__(self, driver, module=Climate, filters=None, line=None):
        sampler.asyncio = Asyncio
        self.readings, self.told = [], []
        quantities = filters.published if filters else module.QUANTITIES
        # The running time, ms, and UTC in ms.
        self.now = 5
        self.utc = lambda: None
        # What was told of faults, but on the console.
        self.faults = []
        self.sampler = sampler.Sampler(
            driver,
            module,
            [quantity[0] for quantity in quantities],
            1000,
            Clock(self),
            self.readings.append,
            self.told.append,
            filters,
            line,
        )
        self.sampler.on_fault = lambda sensor, text: self.faults.append((sensor, text))

    def sample(self, count=1):
        """Takes readings; returns {level: value} of what the last one handed on."""
        for _ in range(count):
            self.readings.clear()
            try:
                self.sampler._sample(False).send(None)
            except StopIteration:
                pass
        return {reading.level: reading.value for reading in self.readings}


GOOD = (20.5, 45, 1.0, 3)
ALL = {"temperature": 20.5, "humidity": 45, "factor": 1.0, "count": 3}


class Line:
    # Stands for hardware.Line; what is wrong with the bus after each recovery.

    def __init__(self, *faults):
        self.faults = list(faults)
        self.scans = 0
        self.low = ""

    def held(self):
        return self.low

    def recover(self):
        return self.faults.pop(0)

    async def told(self):
        self.scans += 1
        return "bus main has 0x40 (ina219)"
