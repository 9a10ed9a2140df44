"""The BME280 driver's arithmetic against the emulated chip's, which are written apart."""

import math

import pytest
from hypothesis import given, strategies as st

from sensors import SensorError, _bosch280, bme280
from vboard.devices.bme280 import (
    BME280,
    EXAMPLE,
    Calibration,
    celsius,
    fine_temperature,
    hectopascal,
    percent,
    seeded,
)
from vboard.world import World

seeds = st.integers(0, 2**32)
truths = st.tuples(st.floats(-40, 85), st.floats(0, 100), st.floats(300, 1100))


def octets(count):
    return st.binary(min_size=count, max_size=count)


signed = st.integers(-(2**15), 2**15 - 1)
unsigned = st.integers(0, 2**16 - 1)
byte, twelve_bits = st.integers(0, 255), st.integers(-(2**11), 2**11 - 1)
any_words = st.builds(
    Calibration,
    *(st.integers(1, 2**16 - 2), signed, signed),
    *(unsigned, signed, signed, signed, signed, signed, signed, signed, signed),
    *(byte, signed, byte, twelve_bits, twelve_bits, st.integers(-128, 127)),
)

# Half of the only decimal, and what the integer formulas (4.2.3) differ from 8.1's.
TOLERANCES = (0.05 + 0.003, 0.05 + 0.009, 0.05 + 0.006)


class Clock:
    """Seconds that pass only when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def measured(temperature, humidity, pressure, ctrl_meas=0x25, **options):
    """Returns a chip and its registers 0xF7..0xFE after one measurement in such a room."""
    clock = Clock()
    world = World(clock=clock)
    world.set("temperature", temperature)
    world.set("humidity", humidity)
    world.set("pressure", pressure)
    chip = BME280(world, **options)
    chip.write(bytes([0xF2, 0x01, 0xF4, ctrl_meas]))
    clock.now += 0.2
    chip.write(b"\xf7")
    return chip, chip.read(8)


def counts(data):
    pressure, temperature = int.from_bytes(data[:3], "big"), int.from_bytes(data[3:6], "big")
    return pressure >> 4, temperature >> 4, int.from_bytes(data[6:], "big")


def independent(words, data):
    """Returns (°C, %, hPa) by the double formulas, and what one step of the counts is worth."""
    p, t, h = counts(data)
    fine = fine_temperature(words, t)
    values = celsius(words, t), percent(words, fine, h), hectopascal(words, fine, p)
    nexts = (
        celsius(words, t + 16),
        percent(words, fine, h + 1),
        hectopascal(words, fine, p + 16),
    )
    return values, [abs(b - a) for a, b in zip(values, nexts, strict=True)]


@given(seeds, truths)
def test_driver_reads_what_the_world_holds(seed, truth):
    chip, data = measured(*truth, seed=seed)
    computed, steps = independent(chip.calibration, data)
    for value, true, step in zip(computed, truth, steps, strict=True):
        assert abs(value - true) <= 0.51 * step
    found = bme280.convert(tuple(chip.calibration), data)
    for value, other, tolerance in zip(found, computed, TOLERANCES, strict=True):
        assert abs(value - other) <= tolerance or other < 0 == value or other > 100 == value


@given(seeds, truths)
def test_oversampling_raises_the_resolution(seed, truth):
    pressure, temperature, _ = counts(measured(*truth, seed=seed)[1])
    assert pressure % 16 == temperature % 16 == 0
    # osrs_t and osrs_p x16: one count is worth a sixteenth of what it was.
    chip, data = measured(*truth, ctrl_meas=0xB5, seed=seed)
    values, steps = independent(chip.calibration, data)
    assert abs(values[0] - truth[0]) <= steps[0] / 16
    assert abs(values[2] - truth[2]) <= steps[2] / 16


def calibration(low, high):
    return _bosch280.calibration(low) + bme280.humidity_words(high)


@given(any_words)
def test_words_survive_the_registers(words):
    assert calibration(words.low, words.high) == tuple(words)


@given(seeds, octets(6))
def test_a_bmp280_s_driver_computes_alike(seed, data):
    words = tuple(seeded(seed))
    try:
        temperature, _, pressure = bme280.convert(words, data + b"\x80\x00")
    except SensorError:
        return
    # Without the humidity's words.
    assert _bosch280.convert(words[:12], data)[1:] == (temperature, pressure)


@given(seeds, octets(8))
def test_any_counts_give_a_number_or_a_sensor_error(seed, data):
    check_any(tuple(seeded(seed)), data)


@given(octets(26), octets(7), octets(8))
def test_any_words_and_counts_give_a_number_or_a_sensor_error(low, high, data):
    try:
        words = calibration(low, high)
    except SensorError:
        return
    check_any(words, data)


def check_any(words, data):
    try:
        values = bme280.convert(words, data)
    except SensorError:
        return
    assert all(math.isfinite(value) for value in values)
    assert all(value == float(f"{value:.2f}") for value in values)
    assert 0 <= values[1] <= 100


@given(st.floats(-200, 200), st.floats(-500, 500), st.floats(-1000, 5000))
def test_a_world_beyond_the_chip_leaves_counts_all_the_same(temperature, humidity, pressure):
    _, data = measured(temperature, humidity, pressure, calibration=EXAMPLE)
    check_any(tuple(EXAMPLE), data)


@pytest.mark.parametrize("seed", range(50))
def test_seeded_chips_differ_and_reach_over_the_whole_range(seed):
    words = seeded(seed)
    assert words != seeded(seed + 1)
    assert celsius(words, 0) < -40 and celsius(words, 0xFFFFF) > 85
    for temperature in (0x50000, 0xA0000):
        fine = fine_temperature(words, temperature)
        assert hectopascal(words, fine, 0) > 1100
        assert hectopascal(words, fine, 0xFFFFF) < 300
        assert percent(words, fine, 0) < 0 and percent(words, fine, 0xFFFF) > 100
