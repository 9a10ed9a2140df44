# The BME280 driver: register bytes in, values out; and how it treats a chip that misbehaves.
# Expected values: the data sheet's formulas in double precision (8.1), computed apart from here.

import struct

from raises import raises
from sensors import SensorError, _bosch280, bme280

# Temperature and pressure words of Bosch's worked example, and those of another chip.
EXAMPLE = (
    bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"),
    bytes.fromhex("6a01001329031e"),
)
OTHER = (
    bytes.fromhex("456f6f683200828f75d6d00b441bfcfff9ffac260ad8bd10004b"),
    bytes.fromhex("6101001504001e"),
)

# Registers 0xF7..0xFE with the values they mean.
EXAMPLE_RESULTS = (
    ("655ac07eed007530", 25.0825, 55.0007, 1006.5327),
    ("5cc6006ddd0061a8", 3.1300, 27.5830, 1031.5111),
    ("7ef4009c400088b8", 62.5513, 86.0403, 873.0424),
    # 0x80000 and 0x8000 are ordinary counts when the quantity was measured.
    ("655b008000008000", 26.4608, 70.4551, 1008.6488),
)
OTHER_RESULTS = (
    ("655ac07eed007530", 20.4403, 44.6473, 879.8792),
    ("530200927c006d60", 45.9820, 35.8089, 1048.8934),
    ("493e0061a80061a8", -17.7693, 16.1056, 1010.2944),
)
POWER_ON = bytes.fromhex("8000008000008000")


def check(found, expected):
    # Half of the last decimal, and what the integer formulas differ from the others.
    assert len(found) == 3
    for value, wanted in zip(found, expected):
        assert abs(value - wanted) < 0.06, (found, expected)
        assert value == round(value, 2)


def calibration(low, high):
    return _bosch280.calibration(low) + bme280.humidity_words(high)


def test_calibration_words_are_taken_apart():
    words = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
    assert calibration(*EXAMPLE) == words + (75, 362, 0, 313, 50, 30)


def test_twelve_bit_words_keep_their_sign():
    words = calibration(EXAMPLE[0], bytes.fromhex("610103eaecfce2"))
    assert words[13:] == (353, 3, -340, -50, -30)


def test_the_worked_example():
    words = calibration(*EXAMPLE)
    fine = _bosch280.fine_temperature(words, 519888)
    assert fine == 128422
    assert (fine * 5 + 128) >> 8 == 2508
    assert abs(_bosch280.air_pressure(words, fine, 415148) / 256 - 100653.27) < 0.1


def test_values_of_counts():
    for chip, results in ((EXAMPLE, EXAMPLE_RESULTS), (OTHER, OTHER_RESULTS)):
        words = calibration(*chip)
        for data, temperature, humidity, pressure in results:
            found = bme280.convert(words, bytes.fromhex(data))
            check(found, (temperature, humidity, pressure))


def test_humidity_with_all_its_words():
    # H3 is 0 in the chips above; with 100 it adds 0.87 % here.
    words = calibration(EXAMPLE[0], bytes.fromhex("6a01641329031e"))
    fine = _bosch280.fine_temperature(words, 600000)
    assert abs(bme280.relative_humidity(words, fine, 28000) / 1024 - 44.8663) < 0.01


def test_humidity_ends_at_0_and_100_percent():
    words = calibration(*EXAMPLE)
    data = bytearray(bytes.fromhex("655ac07eed000000"))
    assert bme280.convert(words, data)[1] == 0
    data[6:] = b"\xff\xff"
    assert bme280.convert(words, data)[1] == 100


def test_text_is_the_same_in_single_precision():
    # Every value that can come out, as a chip with 32-bit floats holds it.
    for first, last in ((-400, 1001), (3000, 11001)):
        for tenths in range(first, last):
            (single,) = struct.unpack("f", struct.pack("f", tenths / 10))
            sign, rest = "-" if tenths < 0 else "", abs(tenths)
            assert "%.1f" % single == "%s%d.%d" % (sign, rest // 10, rest % 10)


def test_nothing_measured_is_refused():
    error = raises(SensorError, bme280.convert, calibration(*EXAMPLE), POWER_ON)
    assert "nothing was measured" in str(error)


def test_counts_of_a_broken_chip_are_out_of_range():
    words = calibration(*EXAMPLE)
    for data, quantity in (
        ("655ac00000007530", 0),
        ("655ac0fffff07530", 0),
        ("0000007eed007530", 2),
        ("fffff07eed007530", 2),
    ):
        value = bme280.convert(words, bytes.fromhex(data))[quantity]
        _, _, _, lowest, highest, _ = bme280.QUANTITIES[quantity]
        assert not lowest <= value <= highest


def test_blank_calibration_words_are_refused():
    for byte in (b"\x00", b"\xff"):
        assert "blank" in str(raises(SensorError, _bosch280.calibration, byte * 26))


def test_a_calibration_word_of_zero_divides_nothing():
    words = list(calibration(*EXAMPLE))
    words[3] = 0
    pressure = bme280.convert(words, bytes.fromhex("655ac07eed007530"))[2]
    assert pressure < bme280.QUANTITIES[2][3]


class Chip:
    # Registers behind machine.I2C, and what goes wrong with them.

    def __init__(self, words=EXAMPLE, results="655ac07eed007530"):
        self.words, self.results = words, bytes.fromhex(results)
        self.chip_id = 0x60
        # Reads of the status that find the chip busy, from each start of a measurement on.
        self.busy = 0
        self.plugged = True
        # Good calls before one that fails; -1: none fails.
        self.fails_after = -1
        self.calls = []
        self.power_on()

    def power_on(self):
        self.registers = bytearray(256)
        self.put(0x88, self.words[0])
        self.put(0xE1, self.words[1])
        self.put(0xD0, bytes([self.chip_id]))
        self.put(0xF7, POWER_ON)
        self.left_busy = 0

    def put(self, register, data):
        self.registers[register : register + len(data)] = data

    def writeto_mem(self, address, register, data):
        self.reach(address, register)
        if register == 0xE0:
            assert bytes(data) == b"\xb6"
            self.power_on()
        else:
            self.put(register, data)
        if register == 0xF4:
            assert self.registers[0xF4] == 0x25
            self.left_busy = self.busy

    def readfrom_mem_into(self, address, register, buffer):
        self.reach(address, register)
        if register == 0xF2:
            self.progress()
        buffer[:] = self.registers[register : register + len(buffer)]

    def progress(self):
        self.registers[0xF3] = 8 if self.left_busy else 0
        if self.left_busy:
            self.left_busy -= 1
        elif self.registers[0xF4] & 3:
            self.registers[0xF4] &= 0xFC
            self.put(0xF7, self.results)
            if not self.registers[0xF2]:
                self.put(0xFD, POWER_ON[6:])

    def reach(self, address, register):
        self.calls.append((address, register))
        if not self.plugged:
            raise OSError(19)
        if self.fails_after >= 0:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise OSError(110)


class Sleeps:
    # In place of asyncio: notes the pauses of the last reading and makes none.
    ms = []

    @staticmethod
    async def sleep_ms(ms):
        Sleeps.ms.append(ms)


def read(driver):
    # Runs a coroutine that never really waits.
    _bosch280.asyncio = Sleeps
    Sleeps.ms.clear()
    try:
        driver.read().send(None)
    except StopIteration as end:
        return end.value


def read_error(kind, driver):
    return raises(kind, read, driver)


def test_nothing_is_touched_before_the_first_read():
    chip = Chip()
    bme280.Driver(chip)
    assert not chip.calls


def test_reads_values():
    driver = bme280.Driver(Chip())
    check(read(driver), EXAMPLE_RESULTS[0][1:])
    check(read(driver), EXAMPLE_RESULTS[0][1:])


def test_uses_its_address():
    chip = Chip()
    read(bme280.Driver(chip, address=0x77))
    assert {address for address, _ in chip.calls} == {0x77}


def test_the_words_are_read_once():
    chip = Chip()
    driver = bme280.Driver(chip)
    read(driver)
    chip.calls.clear()
    read(driver)
    assert [register for _, register in chip.calls] == [0xF4, 0xF2]
    assert Sleeps.ms == [10]


def test_waits_for_a_slow_measurement():
    chip = Chip()
    chip.busy = 3
    driver = bme280.Driver(chip)
    check(read(driver), EXAMPLE_RESULTS[0][1:])
    assert sum(Sleeps.ms) < 50


def test_gives_up_on_a_chip_that_stays_busy():
    chip = Chip()
    chip.busy = 1000
    driver = bme280.Driver(chip)
    assert "stays busy" in str(read_error(SensorError, driver))
    assert sum(Sleeps.ms) < 100
    chip.busy = 0
    check(read(driver), EXAMPLE_RESULTS[0][1:])


def test_other_chips_are_told_apart():
    for chip_id, text in (
        (0x58, "0x58 (BME280: 0x60, BMP280: 0x58)"),
        (0x61, "0x61"),
        (0, "0x00"),
        (0xFF, "0xff"),
    ):
        chip = Chip()
        chip.registers[0xD0] = chip_id
        error = str(read_error(SensorError, bme280.Driver(chip)))
        assert text in error and "0x76" in error


def test_a_missing_sensor_is_an_oserror_and_comes_back():
    chip = Chip()
    chip.plugged = False
    driver = bme280.Driver(chip)
    for _ in range(3):
        assert read_error(OSError, driver).args[0] == 19
    chip.plugged = True
    check(read(driver), EXAMPLE_RESULTS[0][1:])


def test_another_chip_plugged_in_brings_its_own_words():
    chip = Chip()
    driver = bme280.Driver(chip)
    read(driver)
    chip.plugged = False
    read_error(OSError, driver)
    chip.plugged, chip.words = True, OTHER
    chip.power_on()
    check(read(driver), OTHER_RESULTS[0][1:])


def test_another_chip_plugged_in_between_two_reads_is_noticed():
    chip = Chip()
    driver = bme280.Driver(chip)
    read(driver)
    chip.words = OTHER
    chip.power_on()
    assert "lost its settings" in str(read_error(SensorError, driver))
    check(read(driver), OTHER_RESULTS[0][1:])


def test_a_reset_sets_the_chip_up_anew_and_touches_nothing():
    chip = Chip()
    driver = bme280.Driver(chip)
    read(driver)
    chip.calls.clear()
    driver.reset()
    assert not chip.calls
    check(read(driver), EXAMPLE_RESULTS[0][1:])
    assert chip.calls[:2] == [(0x76, 0xD0), (0x76, 0xE0)]


def test_every_broken_call_is_got_over():
    for good_calls in range(8):
        chip = Chip()
        chip.fails_after = good_calls
        driver = bme280.Driver(chip)
        assert read_error(OSError, driver).args[0] == 110
        check(read(driver), EXAMPLE_RESULTS[0][1:])


def test_declares_what_it_delivers():
    names = [quantity[0] for quantity in bme280.QUANTITIES]
    assert names == ["temperature", "humidity", "pressure"]
