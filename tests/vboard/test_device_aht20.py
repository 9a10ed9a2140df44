"""The emulated AHT20: its status and times, and the driver on it."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, aht20
from vboard.devices.aht20 import AHT20
from vboard.devices.wire import crc8
from vboard.faults import apply

MEASURE = b"\xac\x33\x00"


def test_a_measurement_is_there_when_it_is_no_longer_busy():
    bench = Bench(AHT20)
    bench.room(temperature=25.0, humidity=50.0)
    assert bench.device.read(1) == b"\x18"
    bench.device.write(MEASURE)
    bench.now += 0.0799
    assert bench.device.read(6) == b"\x98" + bytes(5)
    bench.now += 0.0002
    frame = bench.device.read(7)
    assert frame[:6] == b"\x18\x80\x00\x06\x00\x00" and frame[6] == crc8(frame[:6])


def test_it_is_deaf_while_it_starts():
    bench = Bench(AHT20)
    bench.device.write(b"\xba")
    for act in (lambda: bench.device.write(MEASURE), lambda: bench.device.read(1)):
        with pytest.raises(OSError, match="ENODEV"):
            act()
    bench.now += 0.0201
    bench.device.write(MEASURE)


def test_the_driver_reads_the_room():
    bench = Bench(AHT20)
    driver = aht20.Driver(bench)
    for room in ((25.08, 55.0), (-39.9, 99.9), (84.9, 0.1)):
        bench.room(temperature=room[0], humidity=room[1])
        assert bench.read(aht20, driver) == pytest.approx(room, abs=0.051)
    before = bench.now
    bench.read(aht20, driver)
    assert 0.08 < bench.now - before < 0.085
    assert bench.longest_s < 0.005


def test_the_driver_initialises_a_sensor_without_calibration():
    bench = Bench(AHT20)
    bench.device.factory_calibrated = False
    bench.device.reset()
    bench.now += aht20.READY_MS / 1000
    bench.room(temperature=21.5)
    assert bench.read(aht20, aht20.Driver(bench))[0] == 21.5
    bench.device.works = False
    with pytest.raises(SensorError, match="not calibrated"):
        bench.device.reset()
        bench.now += 0.1
        bench.read(aht20, aht20.Driver(bench))


def test_the_driver_gets_over_what_goes_wrong():
    bench = Bench(AHT20)
    driver = aht20.Driver(bench)
    bench.room(temperature=21.5)
    bench.read(aht20, driver)
    for name, options, told in (
        ("crc", {}, "wrong check sum"),
        ("zeros", {}, "wrong check sum"),
        ("ones", {}, "stays busy"),
        ("slow", {"factor": 5}, "stays busy"),
    ):
        fault = apply(bench.bus, name, **options)
        with pytest.raises(SensorError, match=told):
            bench.read(aht20, driver)
        fault.end()
        assert bench.read(aht20, driver)[0] == 21.5
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(aht20, driver)
