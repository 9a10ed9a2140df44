# What the sampler makes of a reading: what it hands on, what it tells, when a driver begins anew.

from sampler_kit import ALL, GOOD, Bench, Climate, Driver, Line

from node import filters
from sensors import SensorError


class Plain:
    # A driver without reset().

    async def read(self):
        raise SensorError("is cold")


def test_a_good_reading_is_handed_on():
    bench = Bench(Driver(GOOD))
    assert bench.sample() == ALL and bench.told == []
    assert [reading.unit for reading in bench.readings] == ["°C", "%", None, None]
    assert [reading.decimals for reading in bench.readings] == [1, 0, 2, 0]


def test_the_ends_of_a_range_are_in_it():
    bench = Bench(Driver((-40.0, 0, 0.0, -1), (85.0, 100, 2.0, 10**9)))
    assert len(bench.sample()) == len(bench.sample()) == 4
    assert bench.told == []


def test_a_value_out_of_range_is_told_and_the_others_go_on():
    for value in (130.0, 85.1, -40.1):
        bench = Bench(Driver((value,) + GOOD[1:]))
        assert bench.sample() == {"humidity": 45, "factor": 1.0, "count": 3}
        fault = "temperature: temperature %s °C is not in -40 to 85: check the sensor"
        assert bench.told == [fault % value]


def test_a_quantity_without_unit():
    bench = Bench(Driver((20.5, 45, 3, 3)))
    bench.sample()
    assert bench.told == ["temperature: factor 3 is not in 0 to 2: check the sensor"]


def test_what_is_no_number_is_told():
    for value, told in (
        (float("nan"), "temperature nan is no value to publish"),
        (float("inf"), "temperature inf is no value to publish"),
        ("warm", "temperature warm °C is not in -40 to 85: check the sensor"),
        (True, "temperature True °C is not in -40 to 85: check the sensor"),
    ):
        bench = Bench(Driver((value,) + GOOD[1:]))
        assert len(bench.sample()) == 3
        assert bench.told == ["temperature: " + told]
    bench = Bench(Driver(GOOD[:3] + (float("-inf"),)))
    assert len(bench.sample()) == 3
    assert bench.told == ["temperature: count -inf is no value to publish"]


def test_a_fault_is_told_once_whatever_the_value():
    bench = Bench(Driver((130.0, 101, 1, 1), (131.0, 102, 1, 1), GOOD, (130.0, 1, 1, 1)))
    bench.sample()
    both = "humidity 101 % is not in 0 to 100: check the sensor; temperature 130.0 °C is not in"
    assert len(bench.told) == 1 and both in bench.told[0]
    bench.sample()
    assert len(bench.told) == 1
    assert bench.sample() == ALL and bench.told[1:] == ["temperature: works again"]
    bench.sample()
    assert len(bench.told) == 3


def test_another_quantity_s_fault_is_another_fault():
    bench = Bench(Driver((130.0, 45, 1, 1), (20.0, 145, 1, 1), OSError(19)))
    bench.sample(3)
    assert ["humidity" in told for told in bench.told] == [False, True, False]
    assert "no answer on the bus" in bench.told[2] and len(bench.told) == 3


def test_numbers_count_what_was_handed_on():
    bench = Bench(Driver(GOOD, (130.0,) + GOOD[1:], GOOD))
    bench.sample(3)
    assert [reading.seq for reading in bench.readings] == [1, 2, 2, 2]


def test_a_driver_begins_anew_before_each_fourth_faulty_reading():
    harm = (SensorError("is busy"), (130.0, 1, 1, 1), OSError(19), ValueError())
    driver = Driver(*(harm + harm[:3]), GOOD)
    bench = Bench(driver)
    bench.sample(7)
    assert driver.resets == [3, 6]
    assert bench.sample() == ALL


def test_a_good_reading_ends_the_row():
    fault = SensorError("is busy")
    driver = Driver(fault, fault, GOOD, fault, fault, GOOD, GOOD, GOOD)
    Bench(driver).sample(8)
    assert driver.resets == []


def test_a_driver_without_reset_goes_on():
    bench = Bench(Plain())
    bench.sample(5)
    assert bench.told == ["temperature: is cold"]


def test_a_value_that_is_missing_is_no_fault():
    bench = Bench(Driver((None,) + GOOD[1:]))
    assert len(bench.sample()) == 3 and bench.told == []
    assert bench.sampler.incomplete


def test_a_driver_s_own_quantities_go_before_its_module_s():
    driver = Driver(GOOD)
    driver.quantities = (("temperature", "K", 2, 0, 500, None),) + Climate.QUANTITIES[1:]
    bench = Bench(driver)
    bench.sample()
    assert (bench.readings[0].unit, bench.readings[0].decimals) == ("K", 2)


class Keeper(Driver):
    # A driver with something to save.
    stops = 0
    fault = None

    def stop(self):
        self.stops += 1
        if self.fault:
            raise self.fault


def test_a_driver_is_told_of_a_reset():
    driver = Keeper()
    bench = Bench(driver)
    bench.sampler.stop()
    assert driver.stops == 1 and bench.told == []
    driver.fault = SensorError("is full")
    bench.sampler.stop()
    assert driver.stops == 2 and bench.told == ["temperature: is full"]
    # Most have nothing to save.
    Bench(Driver()).sampler.stop()


DEW_POINT = ("dew_point", "°C", 1, None, None, "temperature")


def filtered(*temperature):
    """Returns Climate's filters: these steps for the temperature, and the dew point."""
    published = (("temperature", "°F", 0) + Climate.QUANTITIES[0][3:],) + Climate.QUANTITIES[1:]
    chains = [temperature, [], [], [], []]
    return filters.Filters(Climate.QUANTITIES, published + (DEW_POINT,), chains)


def test_filters_make_what_is_handed_on():
    bench = Bench(Driver(GOOD), filters=filtered(("linear", (1.8, 32))))
    made = bench.sample()
    assert abs(made.pop("temperature") - 68.9) < 1e-4 and abs(made.pop("dew_point") - 8.1) < 0.1
    assert made == {"humidity": 45, "factor": 1.0, "count": 3} and bench.told == []
    assert [reading.unit for reading in bench.readings] == ["°F", "%", None, None, "°C"]
    assert [reading.decimals for reading in bench.readings] == [0, 0, 2, 0, 1]


def test_numbers_count_what_filters_let_pass():
    bench = Bench(Driver(*[GOOD] * 5), filters=filtered(("throttle", (2000,))))
    seqs = []
    for _ in range(5):
        bench.sample()
        seqs.append([reading.seq for reading in bench.readings if reading.level == "temperature"])
        bench.now += 1000
    assert seqs == [[0], [], [1], [], [2]]
    assert bench.told == [] and not bench.sampler.incomplete


def test_the_sensor_s_range_is_that_before_the_filters():
    bench = Bench(Driver(GOOD, (130.0,) + GOOD[1:]), filters=filtered(("linear", (10, 0))))
    assert bench.sample()["temperature"] == 205.0
    # Of a faulty reading nothing is derived.
    assert sorted(bench.sample()) == ["count", "factor", "humidity"]
    assert "temperature 130.0 °C is not in -40 to 85" in bench.told[0] and len(bench.told) == 1


def test_what_comes_to_no_number_is_told_once():
    wild = filtered(("polynomial", ([0, 0, 0, 1e6],)), ("polynomial", ([0, 0, 0, 1e6],)))
    wild._chains[0] *= 3
    bench = Bench(Driver(GOOD, GOOD), filters=wild)
    assert "temperature" not in bench.sample() and "humidity" in bench.sample()
    assert bench.told == ["temperature: temperature: its filters make no number of 20.5"]


def test_air_without_humidity_has_no_dew_point():
    bench = Bench(Driver((20.5, 0, 1.0, 3)), filters=filtered())
    assert "dew_point" not in bench.sample()
    assert bench.told == ["temperature: dew_point nan is no value to publish"]


def test_filters_go_over_a_driver_s_own_quantities():
    driver = Driver(GOOD)
    driver.quantities = (("temperature", "K", 2, 0, 500, None),) + Climate.QUANTITIES[1:]
    published = (Climate.QUANTITIES[0][:3] + (None, None, "temperature"),) + Climate.QUANTITIES[1:]
    chains = [[("linear", (2, 0))], [], [], []]
    bench = Bench(driver, filters=filters.Filters(Climate.QUANTITIES, published, chains))
    assert bench.sample()["temperature"] == 41.0
    assert (bench.readings[0].unit, bench.readings[0].decimals) == ("K", 2)


def test_faults_are_told_to_who_publishes_them():
    bench = Bench(Driver(OSError(19), OSError(19), (130.0,) + GOOD[1:], GOOD, GOOD))
    bench.sample(5)
    first, second, end = bench.faults
    assert first[0] == "temperature" and first[1].startswith("no answer on the bus")
    assert "is not in -40 to 85" in second[1] and end == ("temperature", "")
    # The console has the same.
    assert bench.told[0] == "temperature: " + first[1] and len(bench.told) == 3


def test_a_sensor_that_flaps_is_told_in_measure():
    bench = Bench(Driver(*[OSError(19), GOOD] * 500))
    for i in range(1000):
        # Ten a second, for 100 s.
        bench.now = 100 * i
        bench.sample()
    assert len(bench.told) == len(bench.faults) == 11
    # What is true in the end is told, as soon as it may be.
    bench.sampler._driver.readings = [GOOD] * 2 if bench.faults[-1][1] else [OSError(19)] * 2
    before = bench.faults[-1]
    bench.sample()
    assert bench.faults[-1] == before
    bench.now += 60_000
    bench.sample()
    assert bench.faults[-1][1] != before[1] and "" in (before[1], bench.faults[-1][1])


def test_after_a_quiet_time_each_change_is_told_again():
    bench = Bench(Driver(*[OSError(19), GOOD] * 20))
    bench.sample(20)
    assert len(bench.told) == 10
    bench.now += 600_000
    bench.sample(8)
    assert len(bench.told) == 18


def test_who_is_on_the_bus_is_told_once_if_it_never_answered():
    bench = Bench(Driver(*[OSError(19)] * 3, GOOD, OSError(19)), line=Line(""))
    for _ in range(5):
        bench.sample()
        bench.sampler._pause(0, 0)
    assert bench.told[0].endswith("address; bus main has 0x40 (ina219)")
    assert len(bench.told) == 3 and bench.told[2].endswith("check wiring, supply and address")
    assert bench.sampler._line.scans == 1


def test_a_scan_that_fails_stops_nobody():
    line = Line()
    bench = Bench(Driver(OSError(19), GOOD), line=line)

    async def no_memory():
        raise MemoryError("no room")

    line.told = no_memory
    bench.sample()
    assert "; no scan: MemoryError(" in bench.told[0]
    assert bench.sample() == ALL


def test_no_scan_for_what_is_no_fault_of_the_bus():
    for error in (SensorError("is cold"), ValueError("no")):
        bench = Bench(Driver(error), line=Line())
        bench.sample()
        assert bench.sampler._line.scans == 0 and len(bench.told) == 1


def test_a_bus_is_recovered_before_each_fourth_reading_that_it_failed():
    line = Line("", "")
    bench = Bench(Driver(*[OSError(110)] * 8), line=line)
    for taken, left in ((3, 2), (1, 1), (2, 1), (1, 0)):
        bench.sample(taken)
        assert len(line.faults) == left
    # A value out of range says nothing against the bus.
    bench = Bench(Driver(*[OSError(110)] * 2, *[(130.0,) + GOOD[1:]] * 3), line=Line())
    bench.sample(5)
    assert bench.sampler._driver.resets == [3]


def test_what_is_wrong_with_the_bus_goes_before_what_a_driver_sees():
    bench = Bench(Driver(*[OSError(110)] * 7, GOOD), line=Line("SDA is held low", ""))
    bench.sample(6)
    assert bench.told[1:] == ["temperature: SDA is held low"]
    bench.sample(2)
    assert bench.told[2].startswith("temperature: no answer") and len(bench.told) == 4


def test_a_bus_that_is_known_to_be_held_is_not_tried():
    line = Line("SDA is held low", "SDA is held low", "")
    driver = Driver(*[OSError(110)] * 3, GOOD)
    bench = Bench(driver, line=line)
    line.low = "sda"
    bench.sample(3)
    assert driver.taken == 3
    # It is recovered before each third one all the same.
    bench.sample(4)
    assert driver.taken == 3 and len(line.faults) == 1
    line.low = ""
    assert bench.sample() == ALL and driver.taken == 4
    assert bench.told[1:] == ["temperature: SDA is held low", "temperature: works again"]


def test_how_a_reading_is_published():
    class Contact(Driver):
        async def wait(self):
            return await self.read()

    for driver, event, given, qos in (
        (Driver, False, None, 0),
        (Driver, False, 1, 1),
        (Contact, True, None, 1),
        (Contact, True, 0, 0),
        (Contact, False, None, 0),
    ):
        bench = Bench(driver())
        bench.sampler.qos = given
        bench.sampler._hand_on(GOOD, event)
        assert [reading.qos for reading in bench.readings] == [qos] * 4
        assert not any(reading.retain for reading in bench.readings)
        bench.sampler.retain = True
        bench.sampler._hand_on(GOOD, event)
        assert all(reading.retain for reading in bench.readings[4:])


def test_the_first_fault_is_followed_by_a_reading_at_once():
    driver = Driver(GOOD, OSError(19), GOOD, OSError(19), OSError(19), OSError(19), GOOD)
    bench = Bench(driver)
    bench.sample(whole=True)
    assert bench.sample(whole=True) == ALL and driver.taken == 3
    assert bench.told[1:] == ["temperature: works again"]
    # Only the first one: what is unplugged is tried at its interval.
    assert bench.sample(whole=True) == {} and driver.taken == 5
    assert bench.sample(whole=True) == {} and driver.taken == 6
    assert bench.sample(whole=True) == ALL and driver.taken == 7


def test_one_that_never_answered_is_not_read_twice():
    driver = Driver(OSError(19), OSError(19), GOOD)
    bench = Bench(driver)
    bench.sample(2, whole=True)
    assert driver.taken == 2


def test_a_reading_that_is_none_stops_nobody():
    for reading in (None, 20.5, GOOD + (1,)):
        bench = Bench(Driver(reading, reading, GOOD))
        bench.sample(2)
        assert bench.told[0].startswith("temperature: its driver has a fault: ")
        assert bench.sample() == ALL and bench.told[1:] == ["temperature: works again"]


def test_one_without_a_value_yet_works_not_again():
    missing = (None,) * 4
    bench = Bench(Driver((130.0,) + GOOD[1:], missing, (130.0,) + GOOD[1:], missing, GOOD))
    bench.sample(4)
    assert len(bench.told) == 1
    assert bench.sample() == ALL and bench.told[1:] == ["temperature: works again"]
