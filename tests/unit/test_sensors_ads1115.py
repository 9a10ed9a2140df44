# ADS1115: its settings, its counts and what becomes of a chip that isn't there.

from i2c_kit import Sleeps, Wire, check_each_call_may_fail, read

from raises import raises
from sensors import SensorError, ads1115

# Settings when a conversion has ended at 4.096 V, and the count, of each input.
GOOD = ("c383", "2ee0", "d383", "6720", "e383", "0000", "f383", "fff8")


def test_values_of_counts():
    # 125 uV a step.
    found = read(ads1115, ads1115.Driver(Wire(*GOOD)))
    assert found == (1.5, 3.3, 0.0, -0.001)


def test_each_full_scale():
    # Data sheet: the least step is full scale / 2^15.
    for range_mv, high, step, top in (
        (6144, "c1", 0.00019, 6.14381),
        (4096, "c3", 0.00013, 4.09588),
        (2048, "c5", 0.00006, 2.04794),
        (1024, "c7", 0.00003, 1.02397),
        (512, "c9", 0.00002, 0.51198),
        (256, "cb", 0.00001, 0.25599),
    ):
        rest = []
        for i in range(1, 4):
            rest += ["%02x83" % (int(high, 16) | i << 4), "7fff"]
        wire = Wire(high + "83", "0001", *rest)
        found = read(ads1115, ads1115.Driver(wire, range_mv=range_mv))
        assert abs(found[0] - step) < 0.0000051 and abs(found[1] - top) < 0.0000051, range_mv


def test_the_data_sheet_s_table_of_codes():
    # Full scale and more, one step, nothing, one step below it, full scale below it and more.
    for code, volts in (
        ("7fff", 2.04794),
        ("0001", 0.00006),
        ("0000", 0.0),
        ("ffff", -0.00006),
        ("8000", -2.048),
    ):
        answers = []
        for high in ("c5", "d5", "e5", "f5"):
            answers += [high + "83", code]
        assert read(ads1115, ads1115.Driver(Wire(*answers), range_mv=2048)) == (volts,) * 4


def test_it_starts_each_conversion_and_looks_at_its_settings():
    wire = Wire(*GOOD)
    driver = ads1115.Driver(wire, address=0x4A)
    assert wire.writes == []
    read(ads1115, driver)
    assert Sleeps.ms == [10, 10, 10, 10]
    for i in range(4):
        start = bytes([0x01, 0xC3 | i << 4, 0x83])
        assert wire.writes[3 * i : 3 * i + 3] == [(0x4A, start), (0x4A, b"\x01"), (0x4A, b"\x00")]


def test_differences():
    # MUX 000 to 011; the rest stays against ground.
    for options, codes in (
        ({"ain0_minus": 1, "ain2_minus": 3}, "83d3b3f3"),
        ({"ain0_minus": 3, "ain1_minus": 3, "ain2_minus": 3}, "93a3b3f3"),
        ({"ain1_minus": 3}, "c3a3e3f3"),
    ):
        codes, answers = list(bytes.fromhex(codes)), []
        for code, count in zip(codes, ("2ee0", "d120", "8000", "7fff")):
            answers += ["%02x83" % code, count]
        wire = Wire(*answers)
        driver = ads1115.Driver(wire, **options)
        assert read(ads1115, driver) == (1.5, -1.5, -4.096, 4.09588)
        starts = [data[1] for _, data in wire.writes if len(data) == 3]
        assert starts == codes, options
        for i, quantity in enumerate(driver.quantities):
            # Only a difference may be below ground.
            lowest = -6.1 if "ain%d_minus" % i in options else -0.3
            assert quantity[:4] == ("ain%d" % i, "V", 5, lowest)


def test_only_the_pairs_that_the_chip_has():
    allowed = [ads1115.OPTIONS["ain%d_minus" % i][1] for i in range(3)]
    assert allowed == [(1, 3), (3,), (3,)] and "ain3_minus" not in ads1115.OPTIONS


def test_a_conversion_without_end_is_told():
    error = str(raises(SensorError, read, ads1115, ads1115.Driver(Wire("4383", "0000"))))
    assert "0x48 stays busy" in error


def test_another_chip_or_a_lost_supply_is_told():
    for config in ("8583", "0000", "ffff", "c384"):
        error = str(raises(SensorError, read, ads1115, ads1115.Driver(Wire(config, "0000"))))
        assert "0x48 is no ADS1115 or lost its supply" in error


def test_each_call_may_fail():
    check_each_call_may_fail(ads1115, ads1115.Driver, GOOD, 12)
