"""Arithmetic of the drivers at pins and on 1-Wire, against formulas computed apart from them."""

import math
from fractions import Fraction

from adc_kit import read as read_adc
from hypothesis import given, strategies as st
from i2c_kit import read as read_with
from one_wire_kit import Bus, Chip
from sensor_bench import check
from test_sensors_hcsr04 import Pins, read as read_echo

from sensors import dht11, dht22, ds18b20, light, moisture, ntc, voltage


@given(st.integers(-55 * 16, 125 * 16), st.integers(9, 12))
def test_ds18b20(count, resolution):
    chip = Chip(count=count)
    driver = ds18b20.Driver(Bus(chip), rom=chip.rom.hex(), resolution=resolution)
    # 85 °C is believed next to the like.
    driver._last = count
    found = read_with(ds18b20, driver)
    step = 1 << (12 - resolution)
    check(found, (Fraction(math.floor(count / step) * step, 16),), ds18b20.QUANTITIES)


@given(st.integers(-400, 800), st.integers(0, 1000))
def test_dht22(tenths, humidity):
    # Its amount and a sign bit (data sheet, "output data").
    word = abs(tenths) | (0x8000 if tenths < 0 else 0)
    data = humidity.to_bytes(2, "big") + word.to_bytes(2, "big")
    exact = Fraction(tenths, 10), Fraction(humidity, 10)
    check(dht22.Driver(None).values(data), exact, dht22.QUANTITIES)


@given(st.integers(0, 60), st.integers(5, 95))
def test_dht11(celsius, percent):
    found = dht11.Driver(None).values(bytes((percent, 0, celsius, 0)))
    check(found, (celsius, percent), dht11.QUANTITIES)


@given(st.integers(117, 23_300), st.integers(-40, 80))
def test_hcsr04(us, celsius):
    found, _ = read_echo(Pins(us), samples=1, celsius=float(celsius))
    exact = us * (Fraction(3313, 10) + Fraction(606, 1000) * celsius) / 20_000
    # Half a decimal, and what floats lose.
    assert abs(Fraction(found) - exact) <= Fraction(50_001, 1_000_000)


def within(found, exact, decimals):
    return abs(found - exact) <= 0.5 * 10**-decimals + 1e-5 * abs(exact)


# What an ADC can tell at 11 dB, in whole mV: it reads whole uV.
volts = st.integers(150, 2440).map(lambda millivolts: millivolts / 1000)


@given(volts, st.floats(1, 1000))
def test_voltage(at_pin, ratio):
    assert within(read_adc(voltage, at_pin, ratio=ratio)[0], at_pin * ratio, 3)


@given(volts, volts, volts)
def test_percent(at_pin, low, high):
    if low == high:
        return
    exact = 100 * (at_pin - low) / (high - low)
    if -10 <= exact <= 110:
        exact = min(max(exact, 0), 100)
    for module, ends in ((moisture, ("dry", "wet")), (light, ("dark", "bright"))):
        found = read_adc(module, at_pin, **dict(zip(ends, (low, high), strict=True)))[0]
        assert within(found, exact, 0), module


@given(volts, st.sampled_from(("ground", "supply")), st.floats(1000, 100_000))
def test_ntc_by_beta(at_pin, to, series):
    # R = R25 * exp(beta * (1/T - 1/298.15)), solved for T.
    ohm = series * at_pin / (3.3 - at_pin)
    if to == "supply":
        ohm = series * series / ohm
    exact = 1 / (1 / 298.15 + math.log(ohm / 10_000) / 3950) - 273.15
    assert within(read_adc(ntc, at_pin, to=to, series=series)[0], exact, 1)
