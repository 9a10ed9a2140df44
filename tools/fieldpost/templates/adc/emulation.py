"""What an example gives to its pin. Change: the data sheet that says so."""

from vboard.devices.analog import TOLERANCE_V, Analog, highest_volts
from vboard.devices.emulation import Attached, Emulation, Shown, place_of

# V a °C.
STEP = 0.01


def attach(board, world, sensor):
    """Connects one to a board."""
    place, pin, offset = place_of(world, sensor), sensor["pin"], sensor["options"]["offset"]
    # Change: how a value becomes volts.
    device = Analog(place, lambda at: offset + STEP * place.value("temperature", at), pin)
    sources = board.hardware.volts
    # From where to where the pin can show it, and how far off it may be.
    lowest, highest = (
        max(-40, (0.06 - offset) / STEP),
        (highest_volts(board, sensor) - offset) / STEP,
    )
    return Attached(
        f"an example at pin {pin}",
        *(device, place, board.hardware.pins[pin]),
        *(lambda: sources.update({pin: device.volts}), lambda: sources.pop(pin, None)),
        {"temperature": Shown(lowest, min(highest, 125), TOLERANCE_V / STEP)},
    )


# Faults that no reading shows: an open pin has some voltage or other.
EMULATIONS = {"example": Emulation("adc", attach, blind=("unplugged",))}
