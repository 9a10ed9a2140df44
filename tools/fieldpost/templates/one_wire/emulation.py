"""What an example does on its wire. Change: the data sheet that says so."""

from vboard.devices.emulation import Attached, Emulation, Shown, place_of
from vboard.devices.onewire import OneWireDevice, crc8, rom_code, send

# Change: the first byte of its ROM code; its commands.
FAMILY = 0x3B
CONVERT, READ = 0x44, 0xBE
# Seconds of a measurement, at most.
CONVERT_S = 0.1
# What it tells before it has measured.
NOTHING = b"\x00\x00"


class Device(OneWireDevice):
    """Measures once when it is told to; `world` is the place where it is."""

    def __init__(self, world, serial: int = 1):
        self.world = world
        super().__init__(rom_code(FAMILY, serial))

    def reset(self) -> None:
        """Power-on."""
        super().reset()
        # When a measurement ends, s of the world; None without one.
        self._ends = None

    def function(self, command):
        """Talks on after a command."""
        if command == CONVERT:
            self._ends = self.world.now() + CONVERT_S
        elif command == READ:
            word = self._word()
            yield from send(word + bytes([crc8(word)]))

    def _word(self):
        ends = self._ends
        if ends is None or self.world.now() < ends:
            return NOTHING
        # Change: how a value becomes bytes.
        counts = round((self.world.value("temperature", ends) + 100) * 100)
        return min(max(counts, 1), 0xFFFF).to_bytes(2, "little")


def attach(board, world, sensor):
    """Connects one to a board."""
    place, pin, rom = place_of(world, sensor), sensor["pin"], sensor["options"]["rom"]
    serial = int.from_bytes(bytes.fromhex(rom)[1:7], "little") if rom else pin
    device, bus = Device(place, serial), board.hardware.one_wire(pin)
    return Attached(
        f"an example at pin {pin}, its rom {device.rom.hex()}",
        *(device, place, bus),
        *(lambda: bus.attach(device), lambda: bus.detach(device)),
        # From where to where it can be shown, and how far off: half a step of 0.01 °C.
        {"temperature": Shown(-55, 125, 0.005)},
    )


EMULATIONS = {"example": Emulation("one_wire", attach)}
