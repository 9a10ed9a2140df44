"""The emulated SHT3x and SHT4x: their commands and times, and the drivers on them."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, _sht, sht3x, sht4x
from vboard.devices.sht import SHT3x, SHT4x
from vboard.devices.wire import crc8
from vboard.faults import apply

KINDS = pytest.mark.parametrize(
    ("device", "driver", "measure", "reset", "longest_s"),
    [(SHT3x, sht3x, b"\x24\x00", b"\x30\xa2", 0.0155), (SHT4x, sht4x, b"\xfd", b"\x94", 0.0083)],
    ids=["sht3x", "sht4x"],
)


def test_the_data_sheet_s_check_sum():
    assert crc8(b"\xbe\xef") == 0x92


@KINDS
def test_a_measurement_is_read_once_and_not_too_early(device, driver, measure, reset, longest_s):
    bench = Bench(device)
    bench.room(temperature=25.0, humidity=50.0)
    for early in (b"", measure):
        if early:
            bench.device.write(early)
            bench.now += longest_s - 0.0001
        with pytest.raises(OSError, match="ENODEV"):
            bench.device.read(6)
    with pytest.raises(OSError, match="ENODEV"):
        bench.device.write(measure)
    bench.now += 0.0002
    frame = bench.device.read(6)
    assert frame[:3] == b"\x66\x66\x93" and crc8(frame[3:5]) == frame[5]
    with pytest.raises(OSError, match="ENODEV"):
        bench.device.read(6)


@KINDS
def test_a_reset_takes_its_time_and_ends_a_measurement(device, driver, measure, reset, longest_s):
    bench = Bench(device)
    bench.device.write(measure)
    bench.now += longest_s
    bench.device.write(reset)
    with pytest.raises(OSError, match="ENODEV"):
        bench.device.write(measure)
    bench.now += driver.READY_MS / 1000 + 0.0001
    with pytest.raises(OSError, match="ENODEV"):
        bench.device.read(6)
    with pytest.raises(OSError, match="ENODEV"):
        bench.device.write(b"\xab\xcd")
    bench.device.write(b"")


@KINDS
def test_the_driver_reads_the_room(device, driver, measure, reset, longest_s):
    bench = Bench(device, address=0x45)
    one = driver.Driver(bench, address=0x45)
    for celsius, percent in ((25.08, 55.0), (-39.9, 99.9), (124.9, 0.1)):
        bench.room(temperature=celsius, humidity=percent)
        found = bench.read(_sht, one)
        assert found == pytest.approx((celsius, percent), abs=0.06)
    before = bench.now
    bench.read(_sht, one)
    assert longest_s < bench.now - before < longest_s + 0.005
    assert bench.longest_s < 0.005


@KINDS
def test_the_driver_gets_over_what_goes_wrong(device, driver, measure, reset, longest_s):
    bench = Bench(device)
    one = driver.Driver(bench)
    bench.read(_sht, one)
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(_sht, one)
    bench.bus.attach(bench.device)
    bench.now += 0.1
    fault = apply(bench.bus, "crc")
    with pytest.raises(SensorError, match="wrong check sum"):
        bench.read(_sht, one)
    fault.end()
    assert len(bench.read(_sht, one)) == 2
    # Busy with another's measurement.
    bench.device.write(measure)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(_sht, one)
    bench.now += 0.1
    assert len(bench.read(_sht, one)) == 2


@KINDS
def test_a_driver_that_starts_with_the_sensor_waits(device, driver, measure, reset, longest_s):
    bench = Bench(device)
    bench.device.reset()
    bench.now += driver.READY_MS / 1000 + 0.0001
    assert len(bench.read(_sht, driver.Driver(bench))) == 2


@pytest.mark.parametrize(("command", "seconds"), [(0x2C06, 0.0155), (0x2C0D, 0.0065)])
def test_sht3x_holds_the_clock_until_it_has_measured(command, seconds):
    bench = Bench(SHT3x)
    bench.room(temperature=25.0, humidity=50.0)
    frame = bytearray(6)
    bench.writeto(0x44, command.to_bytes(2, "big"))
    before = bench.now
    bench.readfrom_into(0x44, frame)
    assert bench.now - before == pytest.approx(seconds)
    assert frame[:3] == b"\x66\x66\x93"
    # Without one under way, nothing is held.
    with pytest.raises(OSError, match="ENODEV"):
        bench.readfrom_into(0x44, frame)


def test_a_clock_held_for_too_long_is_a_time_out():
    bench = Bench(SHT3x)
    fault = apply(bench.bus, "slow", factor=10)
    bench.writeto(0x44, b"\x2c\x06")
    with pytest.raises(OSError, match="ETIMEDOUT"):
        bench.readfrom_into(0x44, bytearray(6))
    fault.end()
    bench.now += 0.02
    bench.readfrom_into(0x44, bytearray(6))
