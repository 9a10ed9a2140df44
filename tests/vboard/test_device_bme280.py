"""The emulated BME280: its registers, its times, and the driver on top of it."""

import pytest

from sensors import SensorError, _bosch280, bme280
from vboard.devices.bme280 import BME280, EXAMPLE, count_for, seeded
from vboard.world import World

POWER_ON = bytes.fromhex("8000008000008000")
MEASURE_S = 0.0093


class Bench:
    """A chip, a room, and time that passes only when told or slept."""

    def __init__(self, **options):
        self.now = 0.0
        self.world = World(clock=lambda: self.now)
        self.room(25.08, 55.0, 1006.53)
        self.chip = BME280(self.world, **options)
        self.unplugged = False
        self.now += 0.003

    def room(self, temperature, humidity, pressure):
        self.world.set("temperature", temperature)
        self.world.set("humidity", humidity)
        self.world.set("pressure", pressure)

    def write(self, *data):
        self.chip.write(bytes(data))

    def read(self, register, count=1):
        self.chip.write(bytes([register]))
        return self.chip.read(count)

    def status(self):
        return self.read(0xF3)[0]

    # machine.I2C

    def writeto_mem(self, address, register, data):
        self.reach(address)
        self.chip.write(bytes([register]) + bytes(data))

    def readfrom_mem_into(self, address, register, buffer):
        self.reach(address)
        self.chip.write(bytes([register]))
        buffer[:] = self.chip.read(len(buffer))

    def reach(self, address):
        if self.unplugged or address != self.chip.address:
            raise OSError(19, "ENODEV")

    # asyncio

    async def sleep_ms(self, ms):
        self.now += ms / 1000


# -- registers


def test_id_and_reset_state():
    bench = Bench()
    assert bench.read(0xD0) == b"\x60"
    assert bench.read(0xF2, 4) == bytes(4)
    assert bench.read(0xF7, 8) == POWER_ON
    assert bench.read(0xE0) == b"\x00"


def test_calibration_words_stand_in_their_registers():
    bench = Bench(calibration=EXAMPLE)
    assert bench.read(0x88, 6) == bytes.fromhex("706b436718fc")
    assert bench.read(0xA0, 2) == b"\x00\x4b"
    assert bench.read(0xE1, 7) == bytes.fromhex("6a01001329031e")


def test_address_rises_while_reading():
    bench = Bench()
    whole = bench.read(0x88, 26)
    assert bench.read(0x88, 10) + bench.chip.read(16) == whole


def test_several_registers_in_one_write():
    bench = Bench()
    bench.write(0xF2, 0x03, 0xF5, 0xA0)
    assert bench.read(0xF2, 4) == b"\x03\x00\x00\xa0"


def test_read_only_registers_stay():
    bench = Bench()
    before = bench.read(0, 256)
    for register in (0x88, 0xD0, 0xE1, 0xF3, 0xF7, 0x00):
        bench.write(register, 0x5A)
    assert bench.read(0, 256) == before


def test_words_take_their_time_after_a_start():
    bench = Bench()
    bench.write(0xE0, 0xB6)
    assert bench.status() == 0x01
    assert bench.read(0x88, 26) == bytes(26)
    bench.now += 0.002
    assert bench.status() == 0 and bench.read(0x88, 26) != bytes(26)


def test_reset_word_and_no_other_resets():
    bench = Bench()
    bench.write(0xF2, 0x01, 0xF4, 0x24)
    bench.write(0xE0, 0x5B)
    assert bench.read(0xF2, 3) == b"\x01\x00\x24"
    bench.write(0xE0, 0xB6)
    assert bench.read(0xF2)[0] == 0 and bench.read(0xF4)[0] == 0


# -- measuring


def test_forced_mode_measures_once_and_sleeps():
    bench = Bench()
    bench.write(0xF2, 0x01, 0xF4, 0x25)
    assert bench.status() == 0x08 and bench.read(0xF7, 8) == POWER_ON
    bench.now += MEASURE_S - 0.0002
    assert bench.status() == 0x08 and bench.read(0xF4) == b"\x25"
    bench.now += 0.0003
    assert bench.status() == 0 and bench.read(0xF4) == b"\x24"
    first = bench.read(0xF7, 8)
    assert first != POWER_ON
    bench.room(30, 20, 900)
    bench.now += 10
    assert bench.read(0xF7, 8) == first


def test_measurement_time_follows_the_oversampling():
    # 9.1: 1.25 + 2.3 T + (2.3 P + 0.575) + (2.3 H + 0.575) ms.
    bench = Bench()
    for hum, meas, expected in (
        (1, 0x25, 9.3),
        (0, 0x25, 6.425),
        (0, 0x21, 3.55),
        (5, 0xB5, 112.8),
    ):
        bench.write(0xF2, hum, 0xF4, meas)
        assert bench.chip.measure_s * 1000 == pytest.approx(expected)
        bench.now += 1


def test_humidity_setting_waits_for_ctrl_meas():
    bench = Bench()
    bench.write(0xF4, 0x25)
    bench.write(0xF2, 0x01)
    bench.now += 0.02
    assert bench.read(0xFD, 2) == b"\x80\x00"
    bench.write(0xF4, 0x25)
    bench.now += 0.02
    assert bench.read(0xFD, 2) != b"\x80\x00"


def test_skipped_quantities_read_their_mark():
    bench = Bench()
    bench.write(0xF2, 0x01, 0xF4, 0x01)
    bench.now += 0.02
    data = bench.read(0xF7, 8)
    assert data[:6] == POWER_ON[:6] and data[6:] != POWER_ON[6:]


def test_normal_mode_goes_on_by_itself():
    bench = Bench()
    bench.write(0xF5, 0xA0)  # 1 s standby
    bench.write(0xF2, 0x01, 0xF4, 0x27)
    bench.now += 0.01
    first = bench.read(0xF7, 8)
    assert first != POWER_ON and bench.status() == 0
    bench.room(30, 20, 900)
    bench.now += 0.9
    assert bench.read(0xF7, 8) == first
    bench.now += 0.102
    assert bench.status() == 0x08
    bench.now += 0.01
    assert bench.read(0xF7, 8) != first and bench.read(0xF4) == b"\x27"
    bench.write(0xF4, 0x24)
    bench.now += 5
    assert bench.status() == 0


def test_config_is_deaf_in_normal_mode():
    bench = Bench()
    bench.write(0xF4, 0x27)
    bench.write(0xF5, 0xA0)
    assert bench.read(0xF5) == b"\x00"


def test_counts_are_nearest():
    assert count_for(lambda c: c * 2.0, 100.9, 8) == 50
    assert count_for(lambda c: c * 2.0, 101.1, 8) == 51
    assert count_for(lambda c: -float(c), -77.2, 8) == 77
    assert count_for(lambda c: float(c), 999, 8) == 255
    assert count_for(lambda c: float(c), -5, 8) == 0
    assert count_for(lambda c: float(c), 100, 8, lost_bits=4) == 96


# -- the driver on it


def read(driver, bench, monkeypatch):
    monkeypatch.setattr(_bosch280, "asyncio", bench)
    with pytest.raises(StopIteration) as end:
        driver.read().send(None)
    return end.value.value


@pytest.mark.parametrize("seed", range(10))
def test_driver_reads_the_room(seed, monkeypatch):
    bench = Bench(seed=seed)
    driver = bme280.Driver(bench)
    for room in ((25.08, 55.0, 1006.53), (-12.34, 99.0, 701.5), (61.7, 3.21, 1085.03)):
        bench.room(*room)
        temperature, humidity, pressure = read(driver, bench, monkeypatch)
        # 16 bits at x1: steps of 0.005 °C and 0.03 hPa.
        assert temperature == pytest.approx(room[0], abs=0.06)
        assert humidity == pytest.approx(room[1], abs=0.08)
        assert pressure == pytest.approx(room[2], abs=0.09)


def test_driver_at_the_other_address(monkeypatch):
    bench = Bench(address=0x77)
    assert len(read(bme280.Driver(bench, address=0x77), bench, monkeypatch)) == 3
    with pytest.raises(OSError, match="ENODEV"):
        read_error(bme280.Driver(bench), bench, monkeypatch)


def read_error(driver, bench, monkeypatch):
    monkeypatch.setattr(_bosch280, "asyncio", bench)
    driver.read().send(None)


def test_driver_waits_no_longer_than_it_must(monkeypatch):
    bench = Bench()
    driver = bme280.Driver(bench)
    read(driver, bench, monkeypatch)
    before = bench.now
    read(driver, bench, monkeypatch)
    assert MEASURE_S <= bench.now - before <= 0.016


def test_driver_after_unplugging_and_another_chip(monkeypatch):
    bench = Bench(seed=1)
    driver = bme280.Driver(bench)
    read(driver, bench, monkeypatch)
    bench.unplugged = True
    with pytest.raises(OSError, match="ENODEV"):
        read_error(driver, bench, monkeypatch)
    bench.unplugged, bench.chip = False, BME280(bench.world, seed=2)
    assert seeded(1) != seeded(2)
    assert read(driver, bench, monkeypatch)[0] == pytest.approx(25.08, abs=0.06)


def test_driver_notices_a_brown_out(monkeypatch):
    bench = Bench()
    driver = bme280.Driver(bench)
    read(driver, bench, monkeypatch)
    bench.chip.reset()
    with pytest.raises(SensorError, match="lost its settings"):
        read_error(driver, bench, monkeypatch)
    assert read(driver, bench, monkeypatch)[0] == pytest.approx(25.08, abs=0.06)


def test_driver_refuses_a_bmp280(monkeypatch):
    bench = Bench()
    bench.chip.chip_id = 0x58
    with pytest.raises(SensorError, match="0x76 has chip id 0x58 .* BMP280: 0x58"):
        read_error(bme280.Driver(bench), bench, monkeypatch)


def test_driver_reads_a_room_beyond_the_chip(monkeypatch):
    # The node judges it by QUANTITIES.
    bench = Bench()
    bench.room(95, 50, 1000)
    temperature = read(bme280.Driver(bench), bench, monkeypatch)[0]
    assert temperature == pytest.approx(95, abs=0.06) and temperature > bme280.QUANTITIES[0][4]
