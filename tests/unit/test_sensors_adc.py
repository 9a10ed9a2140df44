# The sensors at an ADC pin: samples, calibrations, and what is out of range.

import math

from adc_kit import Adc, read
from i2c_kit import Sleeps, read as read_with

from raises import raises
from sensors import SensorError, _adc, battery, light, moisture, ntc, voltage


def fault(part, module, volts, **options):
    told = str(raises(SensorError, read, module, volts, **options))
    assert part in told, told


def test_the_middle_half():
    assert _adc.middle([5]) == 5
    assert _adc.middle([1, 3]) == 2
    assert _adc.middle([9, 1, 2]) == 4
    assert _adc.middle([900, 2, 4, 0]) == 3
    assert _adc.middle(list(range(64))) == 31.5


def test_samples_are_taken_one_by_one():
    for samples in (1, 20, 64):
        adc = Adc(1.5)
        assert read_with(_adc, voltage.Driver(adc, samples=samples)) == (1.5,)
        assert adc.reads == samples
        # Nothing blocks for longer than one of them.
        assert Sleeps.ms == [1] * samples


def test_spikes_are_left_out():
    adc = Adc(2.4, 0, 1.0, 1.002, 1.0, 1.002, 1.0, 1.0)
    assert read_with(_adc, voltage.Driver(adc, samples=8)) == (1.0,)
    assert read_with(_adc, voltage.Driver(Adc(2.4, 1.0), samples=1)) == (2.4,)


def test_the_ends_of_the_scale():
    # Whatever it says in volts there.
    assert read(voltage, 0) == (0.0,)
    fault("more than the pin can measure", voltage, 2.5)
    fault("more than the pin can measure", voltage, 3.3)


def test_a_divider():
    assert read(voltage, 1.2345, ratio=1.0) == (1.234,)
    assert read(voltage, 1.2, ratio=11) == (13.2,)


def test_battery():
    for volts, values in (
        (2.1, (4.2, 100)),
        (1.65, (3.3, 0)),
        (1.875, (3.75, 50)),
        (2.2, (4.4, 100)),
        (1.4, (2.8, 0)),
    ):
        assert read(battery, volts) == values, volts
    assert read(battery, 1.25, ratio=10, empty=11.5, full=12.5) == (12.5, 100)
    fault("no battery", battery, 0)
    fault("no battery", battery, 0.2)


def test_percent_rises_and_falls():
    assert read(moisture, 2.0, dry=2.0, wet=1.0) == (0,)
    assert read(moisture, 1.25, dry=2.0, wet=1.0) == (75,)
    assert read(moisture, 1.75, dry=1.0, wet=2.0) == (75,)
    assert read(light, 0) == (0,)
    assert read(light, 1.2) == (50,)
    assert read(light, 0.6, dark=2.4, bright=0) == (75,)


def test_percent_a_little_beyond_its_points_is_theirs():
    assert read(moisture, 0.91, dry=2.0, wet=1.0) == (100,)
    assert read(moisture, 2.09, dry=2.0, wet=1.0) == (0,)
    # Farther on it is for the sampler to tell.
    assert read(moisture, 0.5, dry=2.0, wet=1.0) == (150,)
    assert read(moisture, 2.3, dry=2.0, wet=1.0) == (-30,)


def test_two_points_that_are_one():
    fault("0 % and 100 % are the same", moisture, 1.0, dry=2.0, wet=2.0)
    fault("0 % and 100 % are the same", battery, 1.0, empty=3.0, full=3)


def ntc_volts(kelvin, beta=3950, r25=10_000, series=10_000, supply=3.3):
    """Returns what a thermistor to ground gives."""
    ohm = r25 * math.exp(beta * (1 / kelvin - 1 / 298.15))
    return supply * ohm / (series + ohm)


def test_ntc_by_beta():
    for celsius in (10, 25, 60, 100):
        volts = ntc_volts(celsius + 273.15)
        assert abs(read(ntc, volts)[0] - celsius) < 0.06, celsius
    for celsius in (-30, 0, 25, 40):
        volts = 3.3 - ntc_volts(celsius + 273.15)
        assert abs(read(ntc, volts, to="supply")[0] - celsius) < 0.06, celsius
    volts = ntc_volts(273.15 - 20, 3435, 2000, 22_000, 3.0)
    options = {"beta": 3435, "r25": 2000, "series": 22_000, "supply": 3.0}
    assert abs(read(ntc, volts, **options)[0] + 20) < 0.06


def test_ntc_by_steinhart_and_hart():
    # A common 10 kohm thermistor: 32650 ohm at 0 °C, 3603 at 50 °C, by its table.
    steinhart = [1.129241e-3, 2.341077e-4, 8.775468e-8]
    for ohm, celsius in ((32_650, 0), (10_000, 25), (3603, 50)):
        volts = 3.0 * ohm / (22_000 + ohm)
        found = read(ntc, volts, steinhart=steinhart, series=22_000, supply=3.0)[0]
        assert abs(found - celsius) <= 0.11, celsius


def test_ntc_open_or_shorted():
    fault("shorted", ntc, 0)
    fault("shorted", ntc, 2.4, supply=2.41, to="supply")
    fault("open", ntc, 0, to="supply")
    fault("open", ntc, 2.4, supply=2.41)
    fault("more than the pin can measure", ntc, 3.3)


def test_options():
    samples = voltage.OPTIONS["samples"][1]
    for value in (1, 64):
        assert value in samples
    for value in (0, 65, 1.5, True, None):
        assert value not in samples
    assert str(samples) == "a whole number from 1 to 64"
    coefficients = ntc.OPTIONS["steinhart"][1]
    assert [1.1e-3, 2.3e-4, 0] in coefficients
    for value in ([], [1e-3, 2e-4], [0, 0, 0], [1e-3, True, 0], [1e-3, 5, 0], 1e-3, None, "abc"):
        assert value not in coefficients
    assert "Steinhart" in str(coefficients)
