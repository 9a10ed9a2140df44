# Sensors of one I2C bus, read side by side. A call is a whole transaction and nothing else runs
# meanwhile, an address belongs to one sensor (node.config): so a bus needs no lock.

import asyncio

from i2c_kit import Wire, checked

from sensors import SensorError, _sht, aht20, sht4x
from sensors._crc8 import crc8

# Half of what there is to measure, as each chip says it.
SHT = checked(0x8000) + checked(0x8000)
MIDDLE = bytes((0x18, 0x80, 0, 0x08, 0, 0))
AHT = (MIDDLE + bytes((crc8(MIDDLE, 0, 6),))).hex()


class Shared:
    """One bus of several scripted chips, by their addresses."""

    def __init__(self, wires):
        self.wires = wires
        # The address of each call, in their order.
        self.calls = []

    def _of(self, address):
        self.calls.append(address)
        return self.wires[address]

    def writeto(self, address, data):
        self._of(address).writeto(address, data)

    def readfrom_into(self, address, buffer):
        self._of(address).readfrom_into(address, buffer)

    def writeto_mem(self, address, register, data):
        self._of(address).writeto_mem(address, register, data)

    def readfrom_mem_into(self, address, register, buffer):
        self._of(address).readfrom_mem_into(address, register, buffer)


class Turns:
    # In place of asyncio: each sleep gives the others a turn.

    @staticmethod
    async def sleep_ms(ms):
        await asyncio.sleep(0)


def side_by_side(*drivers):
    """Returns [(place, what the driver there reads or why it doesn't)] as they end."""
    for module in (_sht, aht20):
        module.asyncio = Turns
    ended = []

    async def read(place, driver):
        try:
            ended.append((place, await driver.read()))
        except SensorError as error:
            ended.append((place, str(error)))

    async def all_of_them():
        await asyncio.gather(*[read(i, driver) for i, driver in enumerate(drivers)])

    asyncio.run(all_of_them())
    return ended


def alone(make, address, answer):
    """Returns (reading, calls) of a sensor that has the bus for itself."""
    wire = Wire(answer)
    ((_, values),) = side_by_side(make(Shared({address: wire})))
    return values, wire.writes


def test_each_reads_what_it_reads_alone():
    first, commands = alone(sht4x.Driver, 0x44, SHT)
    second, others = alone(aht20.Driver, 0x38, AHT)
    assert len(first) == len(second) == 2
    bus = Shared({0x44: Wire(SHT), 0x38: Wire(AHT)})
    ended = side_by_side(sht4x.Driver(bus), aht20.Driver(bus))
    assert sorted(ended) == [(0, first), (1, second)]
    assert bus.wires[0x44].writes == commands and bus.wires[0x38].writes == others
    # They did run side by side: between a command and its answer there are calls of the other.
    changes = [bus.calls[i] != bus.calls[i - 1] for i in range(1, len(bus.calls))]
    assert changes.count(True) >= 4, bus.calls


def test_a_slow_one_delays_no_other():
    # Busy for ever: it is looked at until its driver gives up.
    bus = Shared({0x44: Wire(SHT), 0x38: Wire("98" + 12 * "0")})
    ended = side_by_side(aht20.Driver(bus), sht4x.Driver(bus))
    assert [place for place, _ in ended] == [1, 0]
    assert len(ended[0][1]) == 2 and "stays busy" in ended[1][1]
