"""A driver on an emulated sensor, on a bus whose bytes take their time; what values must be."""

import struct
from fractions import Fraction

from vboard.peripherals.i2c import I2CBus
from vboard.world import World

# Of a bus as the configuration has it by default, 9 bits a byte.
BYTE_S = 9 / 100_000
# How long a held wire blocks.
TIMEOUT_S = 0.05


def check(found, exact, quantities):
    """Each value is the exact one, rounded to its decimals, and the same text in 32 bits."""
    assert len(found) == len(exact) == len(quantities)
    for value, true, (name, _, decimals, *_) in zip(found, exact, quantities, strict=True):
        text = f"{value:.{decimals}f}"
        assert abs(Fraction(text) - true) <= Fraction(1, 2 * 10**decimals), (name, value, true)
        assert float(text) == value
        (single,) = struct.unpack("f", struct.pack("f", value))
        assert f"{single:.{decimals}f}" == text


class Bench:
    """machine.I2C, asyncio and time for one driver; time passes only when it is said to, when it
    is slept or as bytes go."""

    def __init__(self, device, **options):
        self.now = 0.0
        self.world = World(clock=lambda: self.now)
        self.bus = I2CBus()
        self.device = self.bus.attach(device(self.world, **options))
        self.now = 1.0
        # Seconds of the longest call, and how many there were.
        self.longest_s, self.calls = 0.0, 0
        # Good calls before one that fails; None: none does.
        self.fails_after = None

    def room(self, **quantities):
        for name, value in quantities.items():
            self.world.set(name, value)

    def read(self, module, driver):
        """Returns what a driver reads."""
        before = {
            name: getattr(module, name) for name in ("asyncio", "time") if name in vars(module)
        }
        vars(module).update(dict.fromkeys(before, self))
        try:
            driver.read().send(None)
        except StopIteration as end:
            return end.value
        finally:
            vars(module).update(before)
        raise AssertionError("it waits for something else")

    # machine.I2C

    def writeto(self, address, data):
        self._transfer(1 + len(data))
        self.bus.write(address, data)

    def readfrom_into(self, address, buffer):
        self._transfer(1 + len(buffer))
        self._stretched(address)
        buffer[:] = self.bus.read(address, len(buffer))

    def writeto_mem(self, address, register, data):
        self.writeto(address, bytes([register]) + bytes(data))

    def readfrom_mem_into(self, address, register, buffer):
        self._transfer(3 + len(buffer))
        self.bus.write(address, bytes([register]))
        self._stretched(address)
        buffer[:] = self.bus.read(address, len(buffer))

    def _transfer(self, count):
        self.calls += 1
        if self.fails_after is not None and self.calls > self.fails_after:
            self.fails_after = None
            raise OSError(116, "ETIMEDOUT")
        self.longest_s = max(self.longest_s, count * BYTE_S)
        self.now += count * BYTE_S

    def _stretched(self, address):
        # SCL is held low, as long as the bus bears it.
        waited_s = 0.0
        while (held_s := self.bus.held_s(address, True, waited_s)) > 0:
            if waited_s >= TIMEOUT_S:
                raise OSError(110, "ETIMEDOUT")
            step_s = min(held_s, TIMEOUT_S - waited_s)
            waited_s += step_s
            self.now += step_s
        self.longest_s = max(self.longest_s, waited_s)

    # asyncio

    async def sleep_ms(self, ms):
        # The shortest that MicroPython makes of it: its ticks are whole ms.
        self.now += max(0, ms - 0.999) / 1000

    # time

    def ticks_ms(self):
        return int(self.now * 1000)

    def ticks_add(self, ticks, ms):
        return ticks + ms

    def ticks_diff(self, end, start):
        return end - start
