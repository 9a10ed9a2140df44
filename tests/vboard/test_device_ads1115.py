"""The emulated ADS1115: its registers and times, and the driver on it."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, ads1115
from vboard.devices.ads1115 import ADS1115


def word(bench, register):
    bench.device.write(bytes([register]))
    return int.from_bytes(bench.device.read(2), "big")


def convert(bench, config):
    bench.device.write(b"\x01" + config.to_bytes(2, "big"))
    bench.now += 0.01
    return word(bench, 0)


def test_registers_after_power_on():
    bench = Bench(ADS1115)
    assert [word(bench, i) for i in range(4)] == [0, 0x8583, 0x8000, 0x7FFF]
    for data in (b"\x04", b"\x01\x02"):
        with pytest.raises(OSError, match="ENODEV"):
            bench.device.write(data)


def test_a_conversion_takes_its_time():
    bench = Bench(ADS1115, inputs=(1.0, 0, 0, 0))
    bench.device.write(b"\x01\xc3\x83")
    bench.now += 0.0085
    assert word(bench, 1) == 0x4383 and word(bench, 0) == 0
    bench.now += 0.0002
    assert word(bench, 1) == 0xC383 and word(bench, 0) == 8000


def test_inputs_gains_and_ends():
    bench = Bench(ADS1115, inputs=(1.0, 0.25, lambda now: 3.0, -0.2))
    assert convert(bench, 0x8383) == 6000  # AIN0 against AIN1
    assert convert(bench, 0xE383) == 24000
    assert convert(bench, 0xF383) == 0x10000 - 1600
    assert convert(bench, 0xCB83) == 0x7FFF
    assert convert(bench, 0xFB83) == 0x10000 - 25600
    bench.device.inputs[3] = -5
    assert convert(bench, 0xF383) == 0x8000


@pytest.mark.parametrize("range_mv", ads1115.OPTIONS["range_mv"][1])
def test_the_driver_reads_its_inputs(range_mv):
    top = range_mv / 1000
    inputs = (-0.1, 0.0, top / 3, top * 0.999)
    bench = Bench(ADS1115, inputs=inputs, address=0x4B)
    driver = ads1115.Driver(bench, address=0x4B, range_mv=range_mv)
    assert bench.read(ads1115, driver) == pytest.approx(inputs, abs=top / 60_000 + 0.000005)
    assert bench.longest_s < 0.005


def test_the_driver_gets_over_what_goes_wrong():
    bench = Bench(ADS1115, inputs=(1.0, 0, 0, 0))
    driver = ads1115.Driver(bench)
    assert bench.read(ads1115, driver)[0] == 1.0
    bench.device.slowness = 5
    with pytest.raises(SensorError, match="stays busy"):
        bench.read(ads1115, driver)
    bench.device.slowness = 1
    bench.now += 1
    assert bench.read(ads1115, driver)[0] == 1.0
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(ads1115, driver)
    bench.bus.attach(bench.device)
    assert bench.read(ads1115, driver)[0] == 1.0


def test_the_driver_notices_a_lost_supply():
    bench = Bench(ADS1115)
    sleep_ms = bench.sleep_ms

    async def brown_out(ms):
        bench.device.reset()
        await sleep_ms(ms)

    bench.sleep_ms = brown_out
    with pytest.raises(SensorError, match="lost its supply"):
        bench.read(ads1115, ads1115.Driver(bench))
