"""The emulated BH1750: its commands and times, and the driver on it."""

import pytest
from sensor_bench import Bench

from sensors import bh1750
from vboard.devices.bh1750 import BH1750


def test_it_measures_once_when_it_is_on():
    bench = Bench(BH1750)
    bench.room(illuminance=1000.0)
    bench.device.write(b"\x20")
    bench.now += 1
    assert bench.device.read(2) == bytes(2)
    bench.device.write(b"\x01")
    bench.device.write(b"\x20")
    bench.now += 0.1799
    assert bench.device.read(2) == bytes(2)
    bench.now += 0.0002
    assert int.from_bytes(bench.device.read(2), "big") == 1200
    # It is off again: a reset has no effect.
    bench.device.write(b"\x07")
    assert bench.device.read(2) != bytes(2)
    bench.device.write(b"\x01")
    bench.device.write(b"\x07")
    assert bench.device.read(2) == bytes(2)


@pytest.mark.parametrize(("command", "count"), [(0x20, 120), (0x21, 240), (0x23, 120)])
def test_its_modes(command, count):
    bench = Bench(BH1750)
    bench.room(illuminance=100.4)
    bench.device.write(b"\x01")
    bench.device.write(bytes([command]))
    bench.now += 0.2
    assert abs(int.from_bytes(bench.device.read(2), "big") - count) <= 1


def test_what_it_does_not_know_is_not_acknowledged():
    bench = Bench(BH1750)
    for data in (b"\x99", b"\x01\x20"):
        with pytest.raises(OSError, match="ENODEV"):
            bench.device.write(data)


def test_the_driver_reads_the_room():
    bench = Bench(BH1750, address=0x5C)
    driver = bh1750.Driver(bench, address=0x5C)
    for lux in (0.0, 1.0, 250.3, 54612.5):
        bench.room(illuminance=lux)
        assert bench.read(bh1750, driver)[0] == pytest.approx(lux, abs=0.48)
    bench.room(illuminance=100_000)
    before = bench.now
    assert bench.read(bh1750, driver) == (54612.5,)
    assert 0.18 < bench.now - before < 0.185
    assert bench.longest_s < 0.005


def test_the_driver_after_unplugging():
    bench = Bench(BH1750)
    driver = bh1750.Driver(bench)
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(bh1750, driver)
    bench.bus.attach(bench.device)
    bench.room(illuminance=100)
    assert bench.read(bh1750, driver) == (100.0,)
