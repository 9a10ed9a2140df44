# Example: what its volts mean.
# pyright: reportAttributeAccessIssue=false

from adc_kit import read

from raises import raises
from sensors import SensorError, example as driver


def test_values_of_volts():
    for volts, celsius in ((0.5, 0.0), (0.75, 25.0), (0.25, -25.0)):
        (value,) = read(driver, volts)
        assert abs(value - celsius) <= 0.05, volts
    (value,) = read(driver, 0.75, offset=0.4)
    assert abs(value - 35) <= 0.05


def test_what_is_no_value():
    assert "no sensor" in str(raises(SensorError, read, driver, 0.0))
    assert "more than" in str(raises(SensorError, read, driver, 3.0))
