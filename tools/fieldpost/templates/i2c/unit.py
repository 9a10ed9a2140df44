# Example: what its words mean, and what it does when its bus fails.
# pyright: reportAttributeAccessIssue=false

from i2c_kit import Sleeps, Wire, checked, read

from raises import raises
from sensors import SensorError, example as driver


def test_values_of_words():
    for word, celsius in ((0x0000, 0.0), (0x0866, 21.5), (0xFFFF, -0.01), (0xF060, -40.0)):
        assert read(driver, driver.Driver(Wire(checked(word)))) == (celsius,), word


def test_it_is_told_to_measure_at_its_address():
    wire = Wire(checked(0))
    read(driver, driver.Driver(wire, address=0x49))
    assert wire.writes == [(0x49, b"\xe3")] and Sleeps.ms == [11]


def test_a_wrong_check_sum_is_no_value():
    error = raises(SensorError, read, driver, driver.Driver(Wire("086600")))
    assert "wrong check sum" in str(error)


def test_a_bus_that_fails_is_told_and_got_over():
    for good_calls in (0, 1):
        wire = Wire(checked(0x0866))
        wire.fails_after = good_calls
        one = driver.Driver(wire)
        raises(OSError, read, driver, one)
        assert read(driver, one) == (21.5,)
