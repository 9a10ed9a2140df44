"""The emulated INA219: its registers and times, and the driver on it."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, ina219
from vboard.devices.ina219 import INA219


def word(bench, register):
    bench.device.write(bytes([register]))
    return int.from_bytes(bench.device.read(2), "big")


def test_registers_after_power_on():
    bench = Bench(INA219)
    assert [word(bench, i) for i in range(6)] == [0x399F, 0, 0, 0, 0, 0]
    bench.device.write(b"\x05\x12\x35")
    assert word(bench, 5) == 0x1234
    bench.device.write(b"\x00\x80\x00")
    assert word(bench, 5) == 0 and word(bench, 0) == 0x399F
    for data in (b"\x06", b"\x00\x01"):
        with pytest.raises(OSError, match="ENODEV"):
            bench.device.write(data)


@pytest.mark.parametrize(
    ("config", "typical_ms"),
    [(0x3DDB, 8.512), (0x399B, 1.064), (0x3803, 0.168), (0x3FFB, 136.192)],
)
def test_a_measurement_takes_its_time(config, typical_ms):
    bench = Bench(INA219, volts=12.0, amperes=0.2)
    bench.device.write(b"\x00" + config.to_bytes(2, "big"))
    assert bench.device.measure_s * 1000 == pytest.approx(typical_ms * 586 / 532)
    bench.now += bench.device.measure_s - 0.00001
    assert word(bench, 2) == 0
    bench.now += 0.00002
    assert word(bench, 2) == 3000 << 3 | 2 and word(bench, 1) == 2000
    # A new trigger ends "converted", the words stay.
    bench.device.write(b"\x00" + config.to_bytes(2, "big"))
    assert word(bench, 2) == 3000 << 3


def test_it_ends_at_its_full_scale():
    bench = Bench(INA219, volts=40.0, amperes=-100.0)
    for config, bus, shunt in ((0x3DDB, 8000, 32000), (0x05DB, 4000, 4000)):
        bench.device.write(b"\x00" + config.to_bytes(2, "big"))
        bench.now += 0.01
        assert word(bench, 2) == bus << 3 | 2 and word(bench, 1) == 0x10000 - shunt


def test_the_driver_reads_its_supply():
    bench = Bench(INA219, address=0x41, shunt_ohm=0.05)
    driver = ina219.Driver(bench, address=0x41, shunt_mohm=50)
    for volts, amperes in ((5.0, 0.5), (12.2, -1.5), (0.0, 0.0), (26.0, 6.39)):
        bench.device.volts, bench.device.amperes = volts, amperes
        expected = (volts, amperes, volts * amperes)
        assert bench.read(ina219, driver) == pytest.approx(expected, abs=0.011)
    before = bench.now
    bench.read(ina219, driver)
    assert 0.0094 < bench.now - before < 0.013
    assert bench.longest_s < 0.005


def test_the_driver_gets_over_what_goes_wrong():
    bench = Bench(INA219, volts=5.0)
    driver = ina219.Driver(bench)
    bench.read(ina219, driver)
    for harm, heal, told in (
        ({"amperes": 4.0}, {"amperes": 1.0}, "320 mV or more"),
        ({"slowness": 9.0}, {"slowness": 1.0}, "stays busy"),
        ({"power_on_config": 0x4127}, {"power_on_config": 0x399F}, "is no INA219"),
    ):
        driver.reset()
        vars(bench.device).update(harm)
        with pytest.raises(SensorError, match=told):
            bench.read(ina219, driver)
        vars(bench.device).update(heal)
        assert bench.read(ina219, driver)[0] == 5.0
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(ina219, driver)
    bench.bus.attach(bench.device)
    assert bench.read(ina219, driver)[0] == 5.0
