"""HC-SR04, a distance by ultrasound: a pulse on one pin is answered by one on another.

Source: ELEC Freaks' data sheet "Ultrasonic Ranging Module HC-SR04".
"""

# From the end of the trigger to the beginning of the answer, us: eight cycles of 40 kHz and some.
DELAY_US = 450
# Length of the answer when no echo comes, us.
LOST_US = 38_000
# The farthest it hears, m.
FARTHEST = 4.0


class HCSR04:
    """Something is `metres` away; sound is as fast as the World's temperature makes it."""

    def __init__(self, world, metres: float = 1.0):
        self.world, self.metres = world, metres

    def echo_us(self) -> int:
        """Returns the length of the answer."""
        if self.metres > FARTHEST:
            return LOST_US
        return round(2_000_000 * self.metres / (331.3 + 0.606 * self.world.temperature()))
