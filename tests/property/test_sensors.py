"""Drivers' arithmetic against the data sheets' formulas, computed with fractions."""

from fractions import Fraction

from hypothesis import given, strategies as st
from i2c_kit import Wire, checked, read
from sensor_bench import Bench, check

from sensors import _sht, ads1115, aht20, bh1750, ina219, scd4x, sht3x, sht4x
from sensors._crc8 import crc8
from vboard.devices.ads1115 import ADS1115
from vboard.devices.aht20 import AHT20
from vboard.devices.bh1750 import BH1750
from vboard.devices.ina219 import INA219
from vboard.devices.scd4x import SCD4x
from vboard.devices.sht import SHT3x, SHT4x

words = st.integers(0, 0xFFFF)


def limited(value, lowest, highest):
    return min(max(value, Fraction(lowest)), Fraction(highest))


@given(words, words)
def test_sht3x(temperature, humidity):
    exact = -45 + Fraction(175 * temperature, 65535), Fraction(100 * humidity, 65535)
    found = read(_sht, sht3x.Driver(Wire(checked(temperature) + checked(humidity))))
    check(found, exact, sht3x.QUANTITIES)


@given(words, words)
def test_sht4x(temperature, humidity):
    percent = limited(-6 + Fraction(125 * humidity, 65535), 0, 100)
    exact = -45 + Fraction(175 * temperature, 65535), percent
    found = read(_sht, sht4x.Driver(Wire(checked(temperature) + checked(humidity))))
    check(found, exact, sht4x.QUANTITIES)


def room_read(bench, module, driver, **room):
    bench.room(**room)
    return bench.read(module, driver)


@given(st.floats(-40, 125), st.floats(0, 100))
def test_sht_drivers_read_the_room(celsius, percent):
    for device, driver in ((SHT3x, sht3x), (SHT4x, sht4x)):
        bench = Bench(device)
        found = room_read(bench, _sht, driver.Driver(bench), temperature=celsius, humidity=percent)
        assert abs(found[0] - celsius) < 0.007 and abs(found[1] - percent) < 0.052


def scd4x_read(bench, answers=None):
    """Returns what a warm driver reads: a bench's room, or given words."""
    driver = scd4x.Driver(bench)
    bench.read(scd4x, driver)
    bench.now += 11
    if answers:
        bench.readfrom_into = lambda _, buffer: memoryview(buffer).__setitem__(
            slice(None), bytes.fromhex(answers.pop(0))
        )
    return bench.read(scd4x, driver)


@given(words, words, words)
def test_scd4x(ppm, temperature, humidity):
    bench = Bench(SCD4x)
    frame = checked(ppm) + checked(temperature) + checked(humidity)
    found = scd4x_read(bench, [checked(0x8001), frame])
    exact = ppm, -45 + Fraction(175 * temperature, 65535), Fraction(100 * humidity, 65535)
    check(found, exact, scd4x.QUANTITIES)


@given(st.integers(200, 40_000), st.floats(-10, 60), st.floats(0, 100))
def test_scd4x_driver_reads_the_room(ppm, celsius, percent):
    bench = Bench(SCD4x)
    bench.room(co2=ppm, temperature=celsius, humidity=percent)
    bench.device.first_error = 5000
    found = scd4x_read(bench)
    assert found[0] == ppm
    assert abs(found[1] - celsius) < 0.009 and abs(found[2] - percent) < 0.052


counts = st.integers(0, 0xFFFFF)


@given(counts, counts)
def test_aht20(humidity, temperature):
    data = b"\x18" + (humidity << 20 | temperature).to_bytes(5, "big")
    found = read(aht20, aht20.Driver(Wire((data + bytes([crc8(data, 0, 6)])).hex())))
    exact = -50 + Fraction(200 * temperature, 1 << 20), Fraction(100 * humidity, 1 << 20)
    check(found, exact, aht20.QUANTITIES)


@given(st.floats(-40, 85), st.floats(0, 100))
def test_aht20_driver_reads_the_room(celsius, percent):
    bench = Bench(AHT20)
    found = room_read(bench, aht20, aht20.Driver(bench), temperature=celsius, humidity=percent)
    assert abs(found[0] - celsius) < 0.051 and abs(found[1] - percent) < 0.051


@given(words)
def test_bh1750(count):
    found = read(bh1750, bh1750.Driver(Wire(f"{count:04x}")))
    check(found, (Fraction(count * 10, 12),), bh1750.QUANTITIES)


@given(st.floats(0, 54612))
def test_bh1750_driver_reads_the_room(lux):
    bench = Bench(BH1750)
    found = room_read(bench, bh1750, bh1750.Driver(bench), illuminance=lux)
    assert abs(found[0] - lux) < 0.47


ranges = st.sampled_from(ads1115.OPTIONS["range_mv"][1])


def signed(word):
    return word - (word >> 15 << 16)


@given(st.lists(words, min_size=4, max_size=4), ranges)
def test_ads1115(counts, range_mv):
    gain = ads1115.OPTIONS["range_mv"][1].index(range_mv) << 1
    answers = []
    for i, count in enumerate(counts):
        answers += [f"{0xC1 | i << 4 | gain:02x}83", f"{count:04x}"]
    found = read(ads1115, ads1115.Driver(Wire(*answers), range_mv=range_mv))
    exact = [Fraction(signed(count) * range_mv, 32768 * 1000) for count in counts]
    check(found, exact, ads1115.QUANTITIES)


@given(st.lists(st.floats(-0.2, 4.09), min_size=4, max_size=4))
def test_ads1115_driver_reads_its_inputs(volts):
    bench = Bench(ADS1115, inputs=volts)
    found = bench.read(ads1115, ads1115.Driver(bench))
    assert all(abs(value - true) < 0.00007 for value, true in zip(found, volts, strict=True))


pairs = st.sampled_from(((0, 1), (0, 3), (1, 3), (2, 3)))


@given(st.lists(st.floats(-0.3, 5.8), min_size=4, max_size=4), pairs)
def test_ads1115_driver_reads_a_difference(volts, pair):
    bench = Bench(ADS1115, inputs=volts)
    plus, minus = pair
    driver = ads1115.Driver(bench, range_mv=6144, **{f"ain{plus}_minus": minus})
    expected = volts[:plus] + [volts[plus] - volts[minus]] + volts[plus + 1 :]
    found = bench.read(ads1115, driver)
    assert all(abs(value - true) < 0.0001 for value, true in zip(found, expected, strict=True))
    for value, (_, _, _, lowest, highest, _) in zip(found, driver.quantities, strict=True):
        assert lowest - 0.0001 <= value <= highest + 0.0001


@given(st.integers(0, 6500), st.integers(-31999, 31999), st.integers(10, 100_000))
def test_ina219(bus, shunt, shunt_mohm):
    answers = ("399f", f"{bus << 3 | 2:04x}", f"{shunt & 0xFFFF:04x}")
    found = read(ina219, ina219.Driver(Wire(*answers), shunt_mohm=shunt_mohm))
    volts, amperes = Fraction(bus * 4, 1000), Fraction(shunt, 100 * shunt_mohm)
    check(found, (volts, amperes, volts * amperes), ina219.QUANTITIES)
    for value, (_, _, _, lowest, highest, _) in zip(found, ina219.QUANTITIES, strict=True):
        assert lowest <= value <= highest


@given(st.floats(0, 26), st.floats(-3, 3))
def test_ina219_driver_reads_its_supply(volts, amperes):
    bench = Bench(INA219, volts=volts, amperes=amperes)
    found = bench.read(ina219, ina219.Driver(bench))
    assert abs(found[0] - volts) < 0.0021 and abs(found[1] - amperes) < 0.00011
    assert abs(found[2] - volts * amperes) < 0.011
