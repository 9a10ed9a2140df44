"""I2C buses and the devices on them."""

import errno


class I2CBus:
    """Two wires and the devices on them."""

    def __init__(self):
        self.devices = {}
        # True: a device holds SDA low, nothing gets through.
        self.stuck = False

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

    def write(self, address, data):
        """One write transaction; returns the acknowledged bytes. Raises OSError."""
        self._addressed(address).write(bytes(data))
        return len(data)

    def read(self, address, count):
        """One read transaction. Raises OSError."""
        return bytes(self._addressed(address).read(count))

    def _addressed(self, address):
        if self.stuck:
            raise OSError(errno.ETIMEDOUT, "ETIMEDOUT")
        if address not in self.devices:
            # Nobody pulled the acknowledge bit low.
            raise OSError(errno.ENODEV, "ENODEV")
        return self.devices[address]
