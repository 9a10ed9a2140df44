"""1-Wire buses: resets and time slots on a wire that everyone may pull low, no one high."""

from .harm import through
from .pins import MODE_OPEN_DRAIN


class OneWireBus:
    """One wire with a pull-up and the devices on it (devices/onewire.py).

    A read slot and a slot that writes 1 are the same on the wire: the master lets go early, and
    what it finds then is low if a device holds the wire (Maxim application note 126).
    """

    def __init__(self, pin):
        self.pin = pin
        self.devices = []
        # The faults there are (harm.py).
        self.harms = []

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
            return not self.pin.level
        for device in list(self.devices):
            device.restart()
        return self.pin.held_low or through(self.harms, "present", bool(self.devices))

    def slot(self, bit):
        """One time slot that writes `bit`; returns the level found: by writing 1 one reads."""
        if not self._master_speaks:
            return self.pin.level
        devices = list(self.devices)
        pulled = 0 in [device.output for device in devices]
        level = 0 if self.pin.held_low or pulled else bit & 1
        for device in devices:
            device.slot(level)
        return level if self.pin.held_low else through(self.harms, "slot", level, pulled)

    @property
    def _master_speaks(self):
        # Whoever drives the wire high hears nobody, and an input can't pull it low.
        return self.pin.mode == MODE_OPEN_DRAIN
