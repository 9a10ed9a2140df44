"""The emulated BMP280, and the driver on it. The rest is the BME280's."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, _bosch280, bme280, bmp280
from vboard.devices.bme280 import BME280, EXAMPLE
from vboard.devices.bmp280 import BMP280


def registers(bench, first, count):
    bench.device.write(bytes([first]))
    return bench.device.read(count)


def test_it_has_no_humidity():
    bench = Bench(BMP280, calibration=EXAMPLE)
    bench.device.write(bytes([0xF2, 0x01, 0xF4, 0x25]))
    bench.now += 0.0065
    assert registers(bench, 0xD0, 1) == b"\x58"
    assert registers(bench, 0xF2, 3) == b"\x00\x00\x24"
    assert registers(bench, 0xFD, 2) == bytes(2) and registers(bench, 0xE1, 7) == bytes(7)
    assert registers(bench, 0x88, 6) == bytes.fromhex("706b436718fc")


@pytest.mark.parametrize("seed", range(5))
def test_the_driver_reads_the_room(seed):
    bench = Bench(BMP280, seed=seed, address=0x77)
    driver = bmp280.Driver(bench, address=0x77)
    for room in ((25.08, 1006.53), (-12.34, 701.5), (61.7, 1085.03)):
        bench.room(temperature=room[0], pressure=room[1])
        assert bench.read(_bosch280, driver) == pytest.approx(room, abs=0.09)
    before = bench.now
    bench.read(_bosch280, driver)
    assert 0.0064 < bench.now - before < 0.01
    assert bench.longest_s < 0.005


def test_the_drivers_tell_the_two_chips_apart():
    for device, driver, found in ((BME280, bmp280, "0x60"), (BMP280, bme280, "0x58")):
        bench = Bench(device)
        with pytest.raises(SensorError, match=f"0x76 has chip id {found}"):
            bench.read(_bosch280, driver.Driver(bench))


def test_the_driver_gets_over_what_goes_wrong():
    bench = Bench(BMP280)
    bench.room(temperature=21.5)
    driver = bmp280.Driver(bench)
    bench.read(_bosch280, driver)
    bench.device.reset()
    with pytest.raises(SensorError, match="lost its settings"):
        bench.read(_bosch280, driver)
    assert bench.read(_bosch280, driver)[0] == 21.5
    bench.bus.detach(bench.device)
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(_bosch280, driver)
    bench.bus.attach(bench.device)
    bench.now += 0.01
    assert bench.read(_bosch280, driver)[0] == 21.5
