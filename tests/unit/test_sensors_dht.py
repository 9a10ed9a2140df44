# DHT11 and DHT22: bytes, faults and the rest between readings, on a clock of the test's own.

import sys

from clock_kit import PERIOD, Clock

from raises import raises
from sensors import SensorError, _dht, dht11, dht22


class DHTBase:
    # In place of the image's module: each answer is five bytes, or an exception that is raised.
    answers = []

    def __init__(self, pin):
        self.pin, self.buf = pin, bytearray(5)

    def measure(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.buf[:] = bytes.fromhex(answer)


class Module:
    DHTBase = DHTBase


def made(module, *answers, now=0):
    """Returns a driver, and the clock it has."""
    clock = _dht.time = _dht.asyncio = Clock(now)
    DHTBase.answers = list(answers)
    return module.Driver("pin"), clock


def read(driver):
    sys.modules["dht"] = Module
    try:
        driver.read().send(None)
    except StopIteration as end:
        return end.value
    finally:
        del sys.modules["dht"]
    raise AssertionError("it waits for something else")


def test_dht22():
    # The data sheet's examples: 65.2 %, 35.1 °C and -10.1 °C.
    for answer, values in (
        ("028c015fee", (35.1, 65.2)),
        ("028c806573", (-10.1, 65.2)),
        ("0000000000", (0.0, 0.0)),
        ("03e88190fc", (-40.0, 100.0)),
    ):
        assert read(made(dht22, answer)[0]) == values


def test_dht11():
    assert read(made(dht11, "2d001a0047")[0]) == (26, 45)


def test_a_wrong_check_sum_is_told():
    driver, _ = made(dht22, Exception("checksum error"), "028c015fee")
    assert "wrong check sum" in str(raises(SensorError, read, driver))
    assert read(driver) == (35.1, 65.2)


def test_silence_stays_the_bus_s_own_error():
    driver, _ = made(dht22, OSError(116), "028c015fee")
    assert raises(OSError, read, driver).args[0] == 116
    assert read(driver) == (35.1, 65.2)


def test_it_rests_between_readings():
    for module, rest_ms in ((dht11, 1000), (dht22, 2000)):
        # The ticks wrap in the meantime.
        for start in (0, PERIOD - 500):
            driver, clock = made(module, *["2d001a0047"] * 3, now=start)
            read(driver)
            assert clock.now == start
            clock.now += 300
            read(driver)
            assert clock.now == start + rest_ms
            clock.now += 60_000
            read(driver)
            assert clock.now == start + rest_ms + 60_000


def test_a_reading_in_vain_needs_its_rest_too():
    driver, clock = made(dht22, OSError(116), "028c015fee")
    raises(OSError, read, driver)
    read(driver)
    assert clock.now == 2000
