"""I2C buses and the devices on them."""

import errno
import math

from .harm import through
from .pins import PinLine


class I2CBus:
    """Two wires and the devices on them; without pins, the wires end nowhere.

    Of a held wire the controller knows only that nothing comes of it: ESP-IDF's own nine clocks
    after a time-out aren't done here. Each of its versions does them otherwise, some in vain.
    """

    def __init__(self, scl: PinLine | None = None, sda: PinLine | None = None):
        self.scl, self.sda = scl or _loose(), sda or _loose()
        self.devices = {}
        # The faults there are (harm.py).
        self.harms = []

    def attach(self, device):
        """Connects a device with power: it starts as after power-on."""
        self.devices[device.address] = device
        device.reset()
        return device

    def detach(self, device):
        self.devices.pop(device.address, None)

    def power_cycle(self):
        for device in self.devices.values():
            device.reset()
        for harm in tuple(self.harms):
            harm.power_cycle()

    def held_s(self, address, reading=False, waited_s=0.0):
        """Returns for how many s more a transaction can't begin or go on, 0.0: it can.

        Infinite while a wire is held low. A device that stretches the clock has `stretch_s`, the s
        for which it would hold SCL if it were read now.
        """
        if self._low:
            return math.inf
        if not reading or address not in self.devices:
            return 0.0
        stretches = [harm.stretch_s - waited_s for harm in self._harms(address)]
        return max(getattr(self.devices[address], "stretch_s", 0.0), *stretches, 0.0)

    def write(self, address, data):
        """One write transaction. Raises OSError."""
        device, data = self._addressed(address), bytes(data)
        taken = min((harm.taken(data) for harm in self._harms(address)), default=len(data))
        device.write(data[:taken])
        self._done(device)
        if taken < len(data):
            raise _nack()

    def read(self, address, count):
        """One read transaction. Raises OSError."""
        device = self._addressed(address)
        data = through(self._harms(address), "read", bytes(device.read(count)))
        self._done(device)
        return data

    def _addressed(self, address):
        if self._low:
            raise OSError(errno.ETIMEDOUT, "ETIMEDOUT")
        acknowledged = [harm.acknowledges() for harm in self._harms(address)]
        if address not in self.devices or not all(acknowledged):
            raise _nack()
        return self.devices[address]

    def _done(self, device):
        for harm in self._harms(device.address):
            harm.done(device)

    def _harms(self, address):
        return [harm for harm in tuple(self.harms) if harm.address in (None, address)]

    @property
    def _low(self):
        return self.scl.held_low or self.sda.held_low


def _loose():
    return PinLine(-1, lambda kind, number: None)


def _nack():
    # Nobody pulled the acknowledge bit low.
    return OSError(errno.ENODEV, "ENODEV")
