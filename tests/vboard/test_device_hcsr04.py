"""HC-SR04: the length of its answer, and how it comes on a board's pins."""

import pytest

from vboard.clock import clock
from vboard.devices.hcsr04 import HCSR04
from vboard.peripherals.pins import HOST_S, MODE_OUT, PinLine
from vboard.wiring import EchoWire
from vboard.world import World

# Nobody stalls for as long.
TIMEOUT_US = 10_000_000


@pytest.fixture
def device():
    made = HCSR04(World())
    made.world.set("temperature", 20.0)
    return made


@pytest.fixture
def pins():
    """A trigger, which is an output, and an echo."""
    trigger, echo = (PinLine(number, lambda kind, number: None) for number in (5, 6))
    trigger.mode = MODE_OUT
    return trigger, echo


def ask(trigger):
    trigger.put(1)
    trigger.put(0)


def test_length_follows_distance_and_temperature(device):
    assert device.echo_us() == pytest.approx(2_000_000 / 343.4, abs=1)
    device.world.set("temperature", -10.0)
    assert device.echo_us() == pytest.approx(2_000_000 / 325.24, abs=1)
    device.metres = 4.1
    assert device.echo_us() == 38_000


def test_the_end_of_a_pulse_is_answered(device, pins):
    trigger, echo = pins
    wire = EchoWire(trigger, echo, device)
    start = clock.now()
    ask(trigger)
    assert echo.pulse_us(1, start, TIMEOUT_US) == device.echo_us()
    wire.cut()
    start = clock.now() + 1
    ask(trigger)
    assert echo.pulse_us(1, start, TIMEOUT_US) is None


def test_a_host_that_is_late_misses_nothing_a_program_that_sleeps_does(device, pins):
    trigger, echo = pins
    EchoWire(trigger, echo, device)
    for late_s, found in ((HOST_S / 2, device.echo_us()), (HOST_S * 1.5, None)):
        ask(trigger)
        start = clock.now() + late_s
        assert echo.pulse_us(1, start, TIMEOUT_US) == found


def test_only_an_output_asks(device, pins):
    trigger, echo = pins
    EchoWire(trigger, echo, device)
    trigger.release()
    start = clock.now()
    ask(trigger)
    assert echo.pulse_us(1, start, TIMEOUT_US) is None


def test_nothing_in_reach_is_answered_too(device, pins):
    trigger, echo = pins
    EchoWire(trigger, echo, device)
    device.metres = 9
    start = clock.now()
    ask(trigger)
    assert echo.pulse_us(1, start, TIMEOUT_US) == 38_000
