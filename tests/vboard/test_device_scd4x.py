"""The emulated SCD4x: its states and times, and the driver on it."""

import pytest
from sensor_bench import Bench

from sensors import SensorError, scd4x
from vboard.devices.scd4x import SCD4x
from vboard.devices.wire import crc8

START, STOP, READY, READ = (bytes.fromhex(text) for text in ("21b1", "3f86", "e4b8", "ec05"))
GET_ASC, PERSIST, REINIT = (bytes.fromhex(text) for text in ("2313", "3615", "3646"))
NO_ASC = b"\x24\x16\x00\x00\x81"
NONE = (None, None, None)


@pytest.fixture
def bench():
    made = Bench(SCD4x)
    made.now += 1.0
    made.room(co2=612.0, temperature=25.0, humidity=50.0)
    return made


def refused(call, *arguments):
    with pytest.raises(OSError, match="ENODEV"):
        call(*arguments)


def ask(bench, command, count=3, takes_s=0.0011):
    bench.device.write(command)
    bench.now += takes_s
    return bench.device.read(count)


def test_it_is_deaf_while_it_starts():
    bench = Bench(SCD4x)
    bench.now -= 0.001
    refused(bench.device.write, STOP)
    bench.now += 0.002
    bench.device.write(STOP)


def test_a_command_takes_its_time(bench):
    bench.device.write(GET_ASC)
    refused(bench.device.read, 3)
    refused(bench.device.write, GET_ASC)
    bench.now += 0.0011
    assert bench.device.read(3) == b"\x00\x01\xb0"
    refused(bench.device.read, 3)
    bench.device.write(STOP)
    bench.now += 0.499
    refused(bench.device.write, START)
    bench.now += 0.002
    bench.device.write(START)


def test_unknown_commands_and_wrong_words_are_refused(bench):
    for data in (b"\x21", b"\xab\xcd", START + b"\x00", NO_ASC[:-1], NO_ASC[:-1] + b"\x80"):
        refused(bench.device.write, data)
    assert bench.device.settings["asc"] == 1


def test_while_it_measures_it_takes_few_commands(bench):
    bench.device.write(START)
    for data in (START, GET_ASC, NO_ASC, PERSIST, REINIT):
        refused(bench.device.write, data)
    assert ask(bench, READY)[:2] == b"\x80\x00"


def test_a_measurement_each_5_s_is_read_once(bench):
    bench.device.write(START)
    bench.now += 4.9
    refused(ask, bench, READ, 9)
    bench.now += 0.2
    assert int.from_bytes(ask(bench, READY)[:2], "big") & 0x7FF
    frame = ask(bench, READ, 9)
    # The first one is less exact than the others.
    assert frame[:2] == (612 + bench.device.first_error).to_bytes(2, "big")
    assert frame[3:6] == b"\x66\x66\x93" and crc8(frame[6:8]) == frame[8]
    refused(ask, bench, READ, 9)
    bench.now += 20
    assert ask(bench, READ, 9)[:2] == (612).to_bytes(2, "big")
    refused(ask, bench, READ, 9)


def test_settings_outlive_power_only_when_they_are_kept(bench):
    bench.device.write(NO_ASC)
    bench.device.reset()
    bench.now += 1.001
    assert ask(bench, GET_ASC)[:2] == b"\x00\x01"
    bench.device.write(NO_ASC)
    bench.now += 0.0011
    bench.device.write(PERSIST)
    bench.device.reset()
    bench.now += 1.001
    assert ask(bench, GET_ASC)[:2] == b"\x00\x00"


def warm(bench, **options):
    driver = scd4x.Driver(bench, **options)
    assert bench.read(scd4x, driver) == NONE
    bench.now += 11
    return driver


def test_the_driver_reads_the_room(bench):
    driver = warm(bench)
    for room in ((612, 25.08, 55.0), (421, -9.9, 99.9), (39_999, 59.9, 0.1)):
        bench.room(**dict(zip(("co2", "temperature", "humidity"), room, strict=True)))
        before = bench.now
        assert bench.read(scd4x, driver) == pytest.approx(room, abs=0.06)
        assert bench.now - before < 0.01
        assert bench.read(scd4x, driver) == NONE
        bench.now += 5
    assert bench.longest_s < 0.005


def test_the_driver_sets_up_a_sensor_that_measures_and_wears_it_once(bench):
    bench.device.write(START)
    before = bench.now
    options = {"asc": False, "altitude": 1100, "temperature_offset": 2.5}
    driver = warm(bench, **options)
    assert bench.now - 11 - before < 1.5
    kept = bench.device.eeprom
    assert (kept["asc"], kept["altitude"], kept["temperature_offset"]) == (0, 1100, 936)
    # It warms itself by more than it was told.
    assert bench.read(scd4x, driver)[1] == pytest.approx(26.5, abs=0.01)
    for _ in range(3):
        warm(bench, **options)
    assert bench.device.writes == 1


def test_the_driver_gets_over_what_goes_wrong(bench):
    driver = warm(bench)
    assert bench.read(scd4x, driver)[0] == 612
    bench.now += 5
    bench.device.garbled = True
    with pytest.raises(SensorError, match="wrong check sum"):
        bench.read(scd4x, driver)
    bench.device.garbled = False
    assert bench.read(scd4x, driver) == NONE
    bench.now += 11
    assert bench.read(scd4x, driver)[0] == 612
    bench.bus.detach(bench.device)
    bench.now += 60
    with pytest.raises(OSError, match="ENODEV"):
        bench.read(scd4x, driver)
    bench.bus.attach(bench.device)
    bench.now += scd4x.READY_MS / 1000 + 0.001
    assert bench.read(scd4x, driver) == NONE


def test_a_loss_of_power_between_two_readings_is_told(bench):
    driver = warm(bench)
    assert bench.read(scd4x, driver)[0] == 612
    bench.device.reset()
    bench.now += 60
    with pytest.raises(SensorError, match="doesn't measure any more"):
        bench.read(scd4x, driver)
    assert bench.read(scd4x, driver) == NONE
    bench.now += 11
    assert bench.read(scd4x, driver)[0] == 612


def test_each_call_of_the_set_up_may_fail(bench):
    for good_calls in range(8):
        driver = scd4x.Driver(bench)
        bench.fails_after = bench.calls + good_calls
        with pytest.raises(OSError, match="ETIMEDOUT"):
            bench.read(scd4x, driver)
        # Where it was stopped just before, it is deaf for a while.
        bench.now += 1
        assert bench.read(scd4x, driver) == NONE
