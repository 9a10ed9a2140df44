# Example: a leak probe on a pin. Change: what sensor it is.

# Change: a state has a name and nothing else; it is told by a word.
QUANTITIES = (("leak", None, None, None, None, None),)
BUS = "pin"
# Change: {keyword of Driver: (default, allowed)}, the sensor's own keys in config.json.
OPTIONS = {"invert": (False, (False, True))}

# The words for levels 0 and 1.
_WORDS = ("wet", "dry")


# Change: a driver that has wait() as well tells what happens as it happens (digital.py).
class Driver:
    """An example: wet it pulls its pin low, with `invert` dry."""

    def __init__(self, bus, invert: bool = False):
        self._pin = bus
        self._invert = invert

    async def read(self) -> tuple:
        """Returns (word,). Touches nothing but the pin."""
        return (_WORDS[self._pin.value() ^ self._invert],)
