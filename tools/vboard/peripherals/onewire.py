"""1-Wire buses: resets and time slots on a wire that everyone may pull low, no one high."""

from .pins import MODE_OPEN_DRAIN


class OneWireBus:
    """One wire with a pull-up and the devices on it (devices/onewire.py).

    A read slot and a slot that writes 1 are the same on the wire: the master lets go early, and
    what it finds then is low if a device holds the wire (Maxim application note 126).
    """

    def __init__(self, pin):
        self._pin = pin
        self.devices = []

    def attach(self, device):
        """Connects a device with power: it starts as after power-on."""
        self.devices.append(device)
        device.reset()
        return device

    def detach(self, device):
        if device in self.devices:
            self.devices.remove(device)

    def power_cycle(self):
        for device in self.devices:
            device.reset()

    def restart(self):
        """A reset pulse; returns True when the wire is low afterwards: devices are present."""
        if not self._master_speaks:
            return not self._pin.level
        for device in list(self.devices):
            device.restart()
        return bool(self.devices) or self._pin.held_low

    def slot(self, bit):
        """One time slot that writes `bit`; returns the level found: by writing 1 one reads."""
        if not self._master_speaks:
            return self._pin.level
        devices = list(self.devices)
        level = 0 if self._pin.held_low else bit & 1
        for device in devices:
            level &= device.output
        for device in devices:
            device.slot(level)
        return level

    @property
    def _master_speaks(self):
        # Whoever drives the wire high hears nobody, and an input can't pull it low.
        return self._pin.mode == MODE_OPEN_DRAIN
