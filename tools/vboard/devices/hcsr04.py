"""HC-SR04, a distance by ultrasound: a pulse on one pin is answered by one on another.

Source: ELEC Freaks' data sheet "Ultrasonic Ranging Module HC-SR04".
"""

from .emulation import Attached, Emulation, Shown, place_of
from .source import Source, value_at

# From the end of the trigger to the beginning of the answer, us: eight cycles of 40 kHz and some.
DELAY_US = 450
# Length of the answer when no echo comes, us.
LOST_US = 38_000
# The farthest it hears, m.
FARTHEST = 4.0
# °C for which a driver takes the speed of sound if nothing else is said.
USUAL_CELSIUS = 20.0


class HCSR04:
    """Something is `metres` away; sound is as fast as the World's temperature makes it."""

    def __init__(self, world, metres: Source = 1.0):
        self.world, self.metres = world, metres

    def echo_us(self) -> int:
        """Returns the length of the answer."""
        now = self.world.now()
        metres = value_at(self.metres, now)
        if metres > FARTHEST:
            return LOST_US
        return round(2_000_000 * metres / _speed(self.world.temperature(now)))


def _speed(celsius):
    # Of sound, m/s.
    return 331.3 + 0.606 * celsius


def _attach(board, world, sensor):
    place, trigger, echo = place_of(world, sensor), sensor["trigger"], sensor["pin"]
    device = HCSR04(place, place.source("distance", 0.01))
    # The wire while it is connected.
    wires = []
    assumed = _speed(sensor["options"].get("celsius", USUAL_CELSIUS))

    def tolerance(cm):
        # A microsecond, and what the air isn't as warm as its driver takes it to be.
        return 0.02 + abs(cm * (assumed / _speed(place.temperature()) - 1))

    return Attached(
        f"an HC-SR04 at trigger {trigger}, pin {echo}",
        *(device, place, board.hardware.pins[echo]),
        lambda: wires.append(board.wire_echo(trigger, echo, device)),
        lambda: board.unwire(wires.pop()),
        {"distance": Shown(2, 100 * FARTHEST, tolerance)},
    )


EMULATIONS = {"hcsr04": Emulation("echo", _attach)}
