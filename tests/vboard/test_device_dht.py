"""DHT11 and DHT22: pulses, and the time they need."""

import pytest

from vboard.devices.dht import DHT11, DHT22
from vboard.world import World


class Room:
    """A device, and a world whose time is moved by hand."""

    def __init__(self, kind, celsius=20.0, percent=50.0):
        self.seconds = 0.0
        self.world = World(clock=lambda: self.seconds)
        self.world.set("temperature", celsius)
        self.world.set("humidity", percent)
        self.device = kind(self.world)
        self.seconds = 1.0

    def data(self, low_ms=18):
        """Returns the five bytes, b"" for silence."""
        pulses = self.device.answer(low_ms)
        if not pulses:
            return b""
        assert len(pulses) == 40 and set(pulses) <= {27, 70}
        bits = sum((us == 70) << (39 - place) for place, us in enumerate(pulses))
        return bits.to_bytes(5, "big")


@pytest.mark.parametrize(
    "celsius, percent, data",
    [
        # The data sheet's example: 65.2 %, 35.1 °C, and one below zero.
        (35.1, 65.2, "028C 015F EE"),
        (-10.1, 65.2, "028C 8065 73"),
        (0.0, 0.0, "0000 0000 00"),
        (-0.04, 100.0, "03E8 0000 EB"),
        (-60.0, 20.0, "00C8 8190 D9"),
        (100.0, 20.0, "00C8 0320 EB"),
    ],
)
def test_dht22(celsius, percent, data):
    assert Room(DHT22, celsius, percent).data() == bytes.fromhex(data)


@pytest.mark.parametrize(
    "celsius, percent, data",
    [
        (24.4, 53.0, "3500 1800 4D"),
        (24.5, 53.0, "3500 1900 4E"),
        (-5.0, 3.0, "1400 0000 14"),
        (80.0, 99.0, "5A00 3200 8C"),
    ],
)
def test_dht11(celsius, percent, data):
    assert Room(DHT11, celsius, percent).data() == bytes.fromhex(data)


@pytest.mark.parametrize("kind, enough, too_short", [(DHT11, 18, 17.9), (DHT22, 0.8, 0.7)])
def test_start_signal_must_be_long_enough(kind, enough, too_short):
    room = Room(kind)
    assert room.data(too_short) == b"" and len(room.data(enough)) == 5


@pytest.mark.parametrize("kind, apart_s", [(DHT11, 1), (DHT22, 2)])
def test_answers_are_apart(kind, apart_s):
    room = Room(kind)
    first = room.data()
    room.world.set("temperature", 30)
    room.seconds += apart_s - 0.1
    assert room.data() == b""
    # Asking in vain begins no new wait.
    room.seconds += 0.1
    assert room.data() not in (first, b"")


def test_silent_for_a_second_after_power_on():
    room = Room(DHT22)
    room.data()
    room.device.reset()
    room.seconds += 0.9
    assert room.data() == b""
    room.seconds += 0.1
    assert room.data()
