"""Aosong DHT11 and DHT22 (AM2302), thermometer and hygrometer on one wire of their own kind.

They answer a start signal with 40 bits, each a high pulse whose length says what it is. Source:
Aosong's data sheets of the DHT11 and the AM2302.
"""

import math

from .emulation import Attached, Emulation, Shown, place_of

# Length of the high pulse of a bit, us: 26 to 28 and 70 (both data sheets, "data transmission").
ZERO_US, ONE_US = 27, 70

# Seconds after power-on in which nothing must be asked (both, "power and pins").
START_S = 1.0


class _OneLine:
    """A device that measures a World when it is asked."""

    # How long the start signal must be, ms.
    START_MS = 1.0
    # Seconds from one answer to the next. Sooner the data sheets promise nothing: it stays silent
    # here, where a real one may repeat itself.
    READY_S = 2.0

    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Power-on."""
        # Second of the world from which on it answers.
        self._ready = self.world.now() + START_S

    def answer(self, low_ms: float) -> list:
        """Returns what follows a start signal of low_ms: 40 lengths of high pulses in us.

        Empty while it isn't ready, or for a signal that is too short: nothing comes.
        """
        now = self.world.now()
        if now < self._ready or low_ms < self.START_MS:
            return []
        self._ready = now + self.READY_S
        data = self.data(self.world.value("humidity", now), self.world.value("temperature", now))
        bits = int.from_bytes(data + bytes([sum(data) & 0xFF]), "big")
        return [ONE_US if bits >> place & 1 else ZERO_US for place in range(39, -1, -1)]

    def data(self, humidity, celsius) -> bytes:
        """Returns the four bytes before the checksum."""
        raise NotImplementedError


class DHT11(_OneLine):
    """Whole numbers: 20 to 90 % and 0 to 50 °C."""

    START_MS, READY_S = 18.0, 1.0

    def data(self, humidity, celsius) -> bytes:
        return bytes((_counts(humidity, 20, 90), 0, _counts(celsius, 0, 50), 0))


class DHT22(_OneLine):
    """Tenths: 0 to 100 % and -40 to 80 °C, a negative one as its amount and a sign bit."""

    # "At least 800 us" (AM2302, table 5).
    START_MS = 0.8

    def data(self, humidity, celsius) -> bytes:
        tenths = _counts(celsius * 10, -400, 800)
        shown = abs(tenths) | (0x8000 if tenths < 0 else 0)
        return _counts(humidity * 10, 0, 1000).to_bytes(2, "big") + shown.to_bytes(2, "big")


def _counts(value, lowest, highest):
    return min(max(math.floor(value + 0.5), lowest), highest)


def _attached(device, shown):
    def attach(board, world, sensor):
        place, pin = place_of(world, sensor), board.hardware.pins[sensor["pin"]]
        made = device(place)
        return Attached(
            f"a {device.__name__} at pin {sensor['pin']}",
            *(made, place, pin),
            *(lambda: pin.attach(made), lambda: pin.detach(made)),
            shown,
        )

    return attach


# The check sum of zeros is right.
_BLIND = ("zeros",)
# Half a step.
_WHOLE = {"temperature": Shown(0, 50, 0.5), "humidity": Shown(20, 90, 0.5)}
_TENTHS = {"temperature": Shown(-40, 80, 0.05), "humidity": Shown(0, 100, 0.05)}
EMULATIONS = {
    "dht11": Emulation("pin", _attached(DHT11, _WHOLE), blind=_BLIND),
    "dht22": Emulation("pin", _attached(DHT22, _TENTHS), blind=_BLIND),
}
