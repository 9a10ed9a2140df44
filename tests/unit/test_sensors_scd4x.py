# SCD4x: its settings, its warm-up, its frames and what becomes of bad ones.

from clock_kit import PERIOD, Clock
from i2c_kit import Sleeps, Wire, checked, read as read_with

from raises import raises
from sensors import SensorError, scd4x
from sensors._crc8 import crc8

STOP, START, PERSIST = b"\x3f\x86", b"\x21\xb1", b"\x36\x15"
READY, READ = b"\xe4\xb8", b"\xec\x05"
# What a new sensor has: 4 °C, sea level, self-calibration.
FACTORY = (checked(0x05DA), checked(0), checked(1))
GETS = [b"\x23\x18", b"\x23\x22", b"\x23\x13"]
SET_UP = [STOP] + GETS + [START]
YES, NO = checked(0x8006), checked(0x8000)
# The data sheet's example (3.5.2).
VALUES = "01f433" + "6667a2" + "5eb93c"
NONE = (None, None, None)


class Sensor:
    """A driver on a scripted wire, and a clock."""

    def __init__(self, *answers, start=0, **options):
        self.wire, self.clock = Wire(*answers), Clock(start)
        scd4x.time = self.clock
        self.driver = scd4x.Driver(self.wire, **options)

    def read(self, after_ms=0):
        self.clock.now += after_ms
        self.wire.writes.clear()
        return read_with(scd4x, self.driver)

    def answer(self, *answers):
        self.wire.answers = [bytes.fromhex(answer) for answer in answers]

    @property
    def commands(self):
        assert {address for address, _ in self.wire.writes} == {0x62}
        return [data for _, data in self.wire.writes]


def test_the_data_sheet_s_check_sums():
    for word, crc in (
        (0x01F4, 0x33),
        (0x6667, 0xA2),
        (0x5EB9, 0x3C),
        (0xF896, 0x31),
        (0x9F07, 0xC2),
        (0x3BBE, 0x89),
        (0x0001, 0xB0),
        (0x01E0, 0xB4),
        (0x7FCE, 0x7B),
    ):
        assert crc8(word.to_bytes(2, "big"), 0, 2) == crc


def test_the_data_sheet_s_example():
    sensor = Sensor(*FACTORY)
    assert sensor.read() == NONE
    sensor.answer(YES, VALUES)
    # 500 ppm, 25 °C, 37 %.
    assert sensor.read(11_000) == (500, 25.0, 37.0)
    assert sensor.commands == [READY, READ] and Sleeps.ms == [2, 2]


def test_nothing_is_touched_before_the_first_use():
    assert Sensor(*FACTORY).wire.writes == []


def test_a_sensor_with_these_settings_is_not_written():
    sensor = Sensor(*FACTORY)
    assert sensor.read() == NONE
    assert sensor.commands == SET_UP
    # It is deaf for half a second when it has been stopped (3.5.3).
    assert Sleeps.ms == [501, 2, 2, 2, 2]


def test_what_differs_is_written_and_kept_once():
    sensor = Sensor(
        checked(0x05DA),
        checked(0x07E6),
        checked(0),
        checked(1950),
        checked(1),
        checked(0),
        temperature_offset=5.4,
        altitude=1950,
        asc=False,
    )
    sensor.read()
    # The data sheet's examples: 5.4 °C are 0x07e6 (3.6.1), 1950 m are 0x079e (3.6.3).
    put = [b"\x24\x1d\x07\xe6\x48", b"\x24\x27\x07\x9e\x09", b"\x24\x16\x00\x00\x81"]
    expected = [STOP]
    for get, one in zip(GETS, put):
        expected += [get, one, get]
    assert sensor.commands == expected + [PERSIST, START]
    assert sensor.wire.answers == [bytes.fromhex(checked(0))] and Sleeps.ms[-2:] == [801, 2]


def test_a_setting_that_it_rounds_does_not_wear_it_out():
    sensor = Sensor(checked(0x05D9), checked(0x05D9), checked(0), checked(1))
    sensor.read()
    assert PERSIST not in sensor.commands and sensor.commands[-1] == START


def test_no_value_before_it_is_warm():
    sensor = Sensor(*FACTORY, start=PERIOD - 5000)
    sensor.read()
    sensor.answer(YES, VALUES)
    assert sensor.read(5000) == NONE and sensor.wire.writes == []
    assert sensor.read(5999) == NONE
    assert sensor.read(1) == (500, 25.0, 37.0)


def test_no_value_twice():
    sensor = Sensor(*FACTORY)
    sensor.read()
    sensor.answer(YES, VALUES, NO)
    assert sensor.read(11_000) == (500, 25.0, 37.0)
    assert sensor.read(1000) == NONE and sensor.commands == [READY]
    sensor.answer(YES, VALUES)
    assert sensor.read(4000) == (500, 25.0, 37.0)


def test_one_that_lost_its_power_is_told_and_set_up():
    sensor = Sensor(*FACTORY)
    sensor.read()
    sensor.answer(YES, VALUES, NO)
    sensor.read(11_000)
    assert sensor.read(15_000) == NONE
    told = str(raises(SensorError, sensor.read, 1))
    assert "0x62 doesn't measure any more" in told
    sensor.answer(*FACTORY)
    assert sensor.read() == NONE and sensor.commands[0] == STOP


def test_any_flipped_bit_is_a_wrong_check_sum():
    for bit in range(72):
        sensor = Sensor(*FACTORY)
        sensor.read()
        bad = bytearray(bytes.fromhex(VALUES))
        bad[bit // 8] ^= 1 << bit % 8
        sensor.wire.answers = [bytes.fromhex(YES), bytes(bad)]
        assert "0x62 wrong check sum" in str(raises(SensorError, sensor.read, 11_000)), bit


def test_a_disturbed_setting_is_not_written():
    for bit in range(24):
        bad = bytearray(bytes.fromhex(FACTORY[0]))
        bad[bit // 8] ^= 1 << bit % 8
        sensor = Sensor(bad.hex(), *FACTORY[1:])
        assert "wrong check sum" in str(raises(SensorError, sensor.read))
        assert sensor.commands == [STOP, GETS[0]]


def test_each_call_may_fail():
    for good_calls in range(8):
        sensor = Sensor(*FACTORY)
        sensor.wire.fails_after = good_calls
        assert raises(OSError, sensor.read).args[0] == 19
        sensor.answer(*FACTORY)
        assert sensor.read() == NONE and sensor.commands == SET_UP
    for good_calls in range(4):
        sensor = Sensor(*FACTORY)
        sensor.read()
        sensor.answer(YES, VALUES)
        sensor.wire.fails_after = good_calls
        assert raises(OSError, sensor.read, 11_000).args[0] == 19
        sensor.answer(*FACTORY)
        assert sensor.read() == NONE and sensor.commands[0] == STOP


def test_a_reset_sets_it_up_anew():
    sensor = Sensor(*FACTORY)
    sensor.read()
    sensor.driver.reset()
    assert sensor.wire.writes[-1][1] == START
    sensor.answer(*FACTORY)
    sensor.read(20_000)
    assert sensor.commands == SET_UP
