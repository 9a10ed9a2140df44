# What driver-check runs on a board, as its main.py: one sensor under the node's own Sampler.
#
# Before each reading it asks the host what to do, by a call that the board's link makes: the host
# sets the world and judges what came out. A step is what a driver does from one await to the next.
# pyright: reportMissingImports=false, reportMissingModuleSource=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import asyncio
import gc
import json
import sys
import time

import _board
import machine

import sensors
from node.hardware import Buses
from node.sampler import Sampler

# The judge asks for readings sooner.
INTERVAL_MS = 60_000
# A bit of I2C at 100 kHz, of 1-Wire at its usual speed, and a reset pulse on that, us.
I2C_BIT_US, SLOT_US, RESET_US = 10, 70, 960


class Meter:
    """What the steps of a reading take."""

    def __init__(self):
        # True while memory is looked at, which takes time.
        self.weighs = False
        # How deep within the chip's own methods the program is.
        self.depth = 0
        # Bytes that these methods take of the heap without doing anything.
        self.own = 0
        self.clear()

    def clear(self):
        # us of the longest step, and bytes of all of them.
        self.longest_us = self.bytes = 0
        # Of the step that goes on: us on the wire, us and bytes that the board's link took.
        self.wire_us = self.link_us = self.link_bytes = 0

    def begin(self):
        self.wire_us = self.link_us = self.link_bytes = 0
        self._since = time.ticks_us()
        if self.weighs:
            self._before = gc.mem_alloc()
            gc.disable()

    def end(self):
        if self.weighs:
            self.bytes += gc.mem_alloc() - self._before - self.link_bytes
            gc.enable()
        us = time.ticks_diff(time.ticks_us(), self._since) - self.link_us + self.wire_us
        self.longest_us = max(self.longest_us, us)


meter = Meter()


def linked(call):
    """Returns the link's call(), whose time is the host's."""

    def run(name, *args):
        since = time.ticks_us() if name != "ticks_us" else None
        try:
            return call(name, *args)
        finally:
            if since is not None:
                meter.link_us += time.ticks_diff(time.ticks_us(), since)

    return run


def metered(method, wire_us):
    """Returns a method of the chip that notes its us on the wire, by its arguments and result.

    What it takes of the heap is the stand-in's: on the chip it is in C.
    """

    def run(*args, **more):
        since, link_us = time.ticks_us(), meter.link_us
        if not meter.weighs or meter.depth:
            found = method(*args, **more)
        else:
            found = weighed(method, args, more)
        # What passed meanwhile is part of it.
        spent_us = time.ticks_diff(time.ticks_us(), since) - (meter.link_us - link_us)
        meter.wire_us += max(0, wire_us(args, found) - spent_us)
        return found

    return run


def weighed(method, args, more):
    before, meter.depth = gc.mem_alloc(), 1
    try:
        found = method(*args, **more)
    finally:
        meter.depth = 0
        meter.link_bytes += gc.mem_alloc() - before + meter.own
    if isinstance(found, bytes):
        # These the chip takes, too: an object and its data.
        meter.link_bytes -= 32 + (len(found) // 32 + 1) * 32
    return found


def _nothing(*args):
    return 0


def _always(us):
    return lambda *_: us


def i2c_us(size):
    """Returns the us of a transaction: a byte has 9 bits, and there are a start and a stop."""
    return I2C_BIT_US * (9 * (1 + size) + 2)


def meter_all():
    """Has all that drivers are handed metered."""
    _board.call = linked(_board.call)
    found = {
        "writeto": lambda args, _: i2c_us(len(args[2])),
        "readfrom": lambda args, _: i2c_us(args[2]),
    }
    others = "scan writevto readfrom_into readfrom_mem readfrom_mem_into writeto_mem"
    _meter(machine.I2C, found, others)
    _meter(machine.ADC, {}, "read_uv read_u16 read")
    _meter(machine.Pin, {}, "init value __call__ irq")
    meter.weighs = True
    nothing = metered(_nothing, _nothing)
    meter.begin()
    nothing(None, None)
    meter.end()
    meter.own, meter.weighs = meter.bytes, False


def meter_more(kind):
    """The same for what only drivers of one kind of bus use."""
    if kind == "one_wire":
        from onewire import OneWire

        took = {"readbit": SLOT_US, "writebit": SLOT_US, "reset": RESET_US}
        took["readbyte"] = took["writebyte"] = 8 * SLOT_US
        found = {name: _always(took[name]) for name in took}
        _meter(OneWire, found, "readinto write select_rom scan crc8")
    elif kind == "pin":
        from dht import DHTBase

        _meter(DHTBase, {}, "measure")
    elif kind == "echo":
        from node.wires import EchoPins

        # An echo is known here before it has come.
        _meter(EchoPins, {"pulse_us": lambda args, us: max(0, us)}, "")


def _meter(owner, found, others):
    for name in others.split():
        found[name] = _nothing
    for name in found:
        setattr(owner, name, metered(getattr(owner, name), found[name]))


class Steps:
    """Runs a coroutine, a step at a time."""

    def __init__(self, coro):
        self._coro = coro

    def __await__(self):
        error = None
        while True:
            meter.begin()
            try:
                left = self._coro.throw(error) if error else self._coro.send(None)
            except StopIteration as end:
                return end.value
            finally:
                meter.end()
            error = None
            try:
                yield left
            except BaseException as thrown:
                error = thrown

    # MicroPython's name of it.
    __iter__ = __await__


class Watched:
    """A driver whose steps are metered; `make` makes another one."""

    def __init__(self, make):
        self._make = make
        self.begin_anew()

    def begin_anew(self):
        self._driver = self._make()
        # Values of the last reading; None: it raised.
        self.count = None

    async def read(self):
        self.count = None
        meter.clear()
        values = await Steps(self._driver.read())
        self.count = len(values)
        return values

    def __getattr__(self, name):
        # What is optional: wait(), reset(), stop(), quantities.
        found = getattr(self._driver, name)
        return (lambda: Steps(found())) if name == "wait" else found


class Milled(Sampler):
    """A Sampler that says when a reading is over, and whatever is wrong with it each time."""

    def __init__(self, *args):
        super().__init__(*args)
        self.over = asyncio.Event()

    async def _sample(self, event):
        await super()._sample(event)
        self.over.set()

    def _tell(self, fault, text):
        if fault:
            self._log(text)


class Node:
    """What a sensor hears of the node: its clock, and Wi-Fi."""

    def rssi(self):
        return -60

    def uptime(self):
        return time.ticks_ms()

    def now(self):
        return None


class Mill:
    """A sensor of a checked configuration, its Sampler, and what came out since the last order."""

    def __init__(self, sensor, buses):
        module = sensors.load(sensor["driver"])
        node, buses, options = Node(), Buses(buses), sensor["options"]
        bus = buses.of(module.BUS, sensor) if module.BUS else self._chip(node)
        if getattr(module, "KEPT", False):
            options["store"] = buses.store(sensor)
        line = buses.line(sensor) if module.BUS == "i2c" else None
        self.driver = Watched(lambda: module.Driver(bus, **options))
        self.quantities = getattr(self.driver, "quantities", module.QUANTITIES)
        levels = [quantity[0] for quantity in self.quantities]
        self.sampler = Milled(
            *(self.driver, module, levels, INTERVAL_MS),
            *(node, self.report, self.log, None, line),
        )
        # Readings [quantity, value, whether it is an event], texts of faults, and of tasks that
        # ended: all since the last order.
        self.readings, self.faults, self.died = [], [], []

    def _chip(self, node):
        # Here: no other driver needs it.
        from node.hardware import Chip

        return Chip(node, node)

    def report(self, reading):
        self.readings.append([reading.level, reading.value, reading.event])

    def log(self, text):
        self.faults.append(text)

    async def run(self):
        """Reads as the host orders, until it has enough."""
        loop = asyncio.get_event_loop()
        loop.set_exception_handler(lambda loop, context: self._ended(context["exception"]))
        self._tasks = [asyncio.create_task(self._guarded(self.sampler.run()))]
        if self.sampler.events:
            self._tasks.append(asyncio.create_task(self._guarded(self.sampler.run_events())))
        # False when one of them ended, which none does on a node.
        self._alive = True
        await self.sampler.over.wait()
        while True:
            order = json.loads(_board.call("judge", json.dumps(self._told())))
            if not order:
                return
            await self._obey(order)

    async def _obey(self, order):
        # What is asked for: "pause", ms before the reading; "anew", a new driver; "weigh".
        if order.get("anew"):
            self.driver.begin_anew()
        meter.weighs = bool(order.get("weigh"))
        await asyncio.sleep_ms(order["pause"])
        self.sampler.over.clear()
        self.sampler.read_now()
        await self.sampler.over.wait()

    def _told(self):
        found = {
            "quantities": self.quantities,
            "readings": self.readings,
            "faults": self.faults,
            "died": self.died,
            "alive": self._alive,
            "count": self.driver.count,
            "tells": self.sampler.events,
            "us": meter.longest_us,
            "bytes": meter.bytes,
        }
        self.readings, self.faults, self.died = [], [], []
        if meter.weighs:
            gc.collect()
            found["heap"] = gc.mem_alloc()
        return found

    async def _guarded(self, coro):
        try:
            await coro
        except BaseException as error:
            self._ended(error)
        self._alive = False
        self.sampler.over.set()

    def _ended(self, error):
        self.died.append(repr(error))


def main():
    with open("/mill.json") as file:
        order = json.load(file)
    meter_all()
    meter_more(order["kind"])
    mill = Mill(order["sensor"], order["buses"])
    asyncio.run(mill.run())


try:
    main()
except Exception as error:
    # The driver's file itself, or its constructor.
    sys.print_exception(error)
    _board.call("judge", json.dumps({"crash": repr(error)}))
