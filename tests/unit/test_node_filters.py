# Each reading filter by itself, chains of them, and what is derived.

from node import filters
from raises import raises
from sensors import SensorError

NAN = float("nan")
INFINITE = float("inf")
MEASURED = (
    ("humidity", "%", 1, 0, 100, "humidity"),
    ("temperature", "°C", 1, -40, 85, "temperature"),
)
DERIVED = (
    ("dew_point", "°C", 1, None, None, "temperature"),
    ("absolute_humidity", "g/m³", 1, None, None, "absolute_humidity"),
)


def chain(*steps):
    """Returns put(value, ms) of one quantity with these (name, arguments)."""
    made = filters.Filters(MEASURED[:1], MEASURED[:1], [steps])
    return lambda value, now=0: made.put(0, value, now)


def passed(step, values, every=1000):
    """Returns what passes of values that come at an interval of ms."""
    put = chain(step)
    return [put(values[i], i * every) for i in range(len(values))]


def near(found, wanted):
    assert len(found) == len(wanted)
    for i in range(len(found)):
        assert abs(found[i] - wanted[i]) < 1e-4, (found, wanted)


def test_without_filters_a_value_stays_as_it_is():
    assert chain()(20.5) == 20.5 and chain()(3) == 3


def test_linear():
    near(passed(("linear", (1.8, 32)), [-40, 0, 100]), [-40, 32, 212])
    # A whole number stays one.
    assert repr(chain(("linear", (1, 5)))(3)) == "8"


def test_clamp():
    assert passed(("clamp", (0, 10)), [-1, 0, 5.5, 10, 11]) == [0, 0, 5.5, 10, 10]
    assert passed(("clamp", (-3.4e38, 10)), [-1e30, 11]) == [-1e30, 10]


def test_round():
    near(passed(("round", (1,)), [20.26, -20.26, 0.04, 20.25]), [20.3, -20.3, 0, 20.3])
    near(passed(("round", (0,)), [20.5, -20.5, 7]), [21, -20, 7])


def test_points_are_met_and_lines_go_on():
    table = [[0, 1], [10, 21], [20, 22]]
    near(passed(("points", (table,)), [0, 10, 20]), [1, 21, 22])
    near(passed(("points", (table,)), [-5, 5, 15, 30]), [-9, 11, 21.5, 23])
    near(passed(("points", ([[1, 0], [2, 10]],)), [0, 1.5, 3]), [-10, 5, 20])


def test_polynomial():
    near(passed(("polynomial", ([1, 2, 3, 4],)), [0, 1, 2, -1]), [1, 10, 49, -2])
    near(passed(("polynomial", ([7],)), [0, 5]), [7, 7])


def test_median_drops_what_stands_out():
    near(passed(("median", (3,)), [20, 99, 21, 22, -50, 23]), [20, 99, 21, 22, 21, 22])


def test_average_of_the_last_ones():
    near(passed(("average", (3,)), [1, 2, 3, 4, 8]), [1, 1.5, 2, 3, 5])
    near(passed(("average", (2,)), [1013.2] * 5), [1013.2] * 5)


def test_least_and_greatest_of_the_last_ones():
    values = [3, 1, 2, 5, 4, 4]
    near(passed(("min", (3,)), values), [3, 1, 1, 1, 2, 4])
    near(passed(("max", (3,)), values), [3, 3, 3, 5, 5, 5])


def test_exponential_goes_its_share_of_the_way():
    near(passed(("exponential", (0.5,)), [10, 20, 20, 0]), [10, 15, 17.5, 8.75])
    near(passed(("exponential", (1,)), [10, 20]), [10, 20])


def test_delta_holds_back_small_changes():
    values = [20.0, 20.1, 20.2, 20.1, 20.0, 19.9]
    assert passed(("delta", (0.2, None)), values) == [20.0, None, 20.2, None, 20.0, None]


def test_delta_counts_from_what_passed_and_not_from_what_came():
    values = [20.0, 20.1, 20.2, 20.3, 20.4, 20.5]
    assert passed(("delta", (0.3, None)), values) == [20.0, None, None, 20.3, None, None]


def test_a_change_of_exactly_delta_passes():
    for tenths in range(-400, 850):
        assert passed(("delta", (0.2, None)), [tenths / 10, (tenths + 2) / 10])[1] is not None
        assert passed(("delta", (0.2, None)), [tenths / 10, (tenths + 1) / 10])[1] is None


def test_heartbeat():
    assert passed(("delta", (1, 3000)), [5] * 8) == [5, None, None, 5, None, None, 5, None]
    # A change starts it anew.
    values = [5, 5, 7, 7, 7, 7]
    assert passed(("delta", (1, 3000)), values) == [5, None, 7, None, None, 7]


def test_throttle():
    assert passed(("throttle", (2000,)), [1, 2, 3, 4, 5]) == [1, None, 3, None, 5]
    assert passed(("throttle", (500,)), [1, 2, 3]) == [1, 2, 3]
    # The first reading may come late or at once.
    put = chain(("throttle", (2000,)))
    assert put(1, 0) == 1 and put(2, 1999) is None and put(3, 2000) == 3


def test_debounce_by_readings():
    values = [1, 1, 1, 2, 1, 1, 1]
    assert passed(("debounce", (3, 0)), values) == [None, None, 1, None, None, None, 1]


def test_debounce_by_time():
    values = [1, 1, 1, 1, 2, 2, 2]
    assert passed(("debounce", (1, 2000)), values) == [None, None, 1, 1, None, None, 2]


def test_steps_are_taken_in_their_order():
    assert chain(("linear", (1, 1)), ("linear", (10, 0)))(2) == 30
    assert chain(("linear", (10, 0)), ("linear", (1, 1)))(2) == 21


def test_what_is_held_back_reaches_no_later_step():
    put = chain(("throttle", (1000,)), ("max", (5,)))
    assert put(1, 0) == 1 and put(9, 500) is None and put(2, 1000) == 2


def test_each_quantity_has_a_chain_of_its_own():
    made = filters.Filters(MEASURED, MEASURED, [[("max", (3,))], [("max", (3,))]])
    assert made.put(0, 50, 0) == 50 and made.put(1, 20, 0) == 20


def test_what_is_no_number_never_comes_out():
    for name, arguments in (
        ("linear", (1, 0)),
        ("clamp", (0, 10)),
        ("round", (1,)),
        ("points", ([[0, 1], [1, 2]],)),
        ("polynomial", ([0, 1],)),
        ("average", (3,)),
        ("median", (3,)),
        ("exponential", (0.5,)),
        ("delta", (0.2, None)),
    ):
        for value in (INFINITE, -INFINITE, "warm"):
            put = chain((name, arguments))
            try:
                # Limits make a number even of what is infinite.
                assert put(value) in (0, 10) and name == "clamp"
            except SensorError as error:
                assert str(error) == "humidity: its filters make no number of %r" % (value,)


def test_an_overflow_is_told_and_leaves_nothing_behind():
    for name in ("average", "exponential"):
        argument = 2 if name == "average" else 0.5
        put = chain(("polynomial", ([0, 0, 0, 1],)), (name, (argument,)))
        raises(SensorError, put, 1e15)
        near([put(2)], [8])
    put = chain(("polynomial", ([0, 0, 0, 1],)))
    raises(SensorError, put, 10**20)


def made_of(humidity, temperature):
    one = filters.Filters(MEASURED, MEASURED + DERIVED, [[], [], [], []])
    return one.derived((humidity, temperature))


def test_dew_point():
    # WMO-No. 8 puts saturated air's at its temperature; 9.3 and 12.0 are of common tables.
    for humidity, temperature, wanted in ((100, 20, 20), (50, 20, 9.3), (60, 20, 12.0)):
        assert abs(made_of(humidity, temperature)[0] - wanted) < 0.05
    # Air without humidity has none.
    dry = made_of(0, 20)[0]
    assert dry != dry


def test_absolute_humidity():
    # Saturated air's vapour density in g/m³ by temperature, of the steam tables.
    for temperature, wanted in ((0, 4.85), (10, 9.40), (20, 17.29), (30, 30.36)):
        assert abs(made_of(100, temperature)[1] - wanted) < 0.1
    assert made_of(0, 20)[1] == 0


def test_derived_is_nothing_of_half_a_reading():
    for humidity, temperature in ((None, 20), (50, None), (101, 20), (50, 85.1), (NAN, 20)):
        assert made_of(humidity, temperature) == [None, None]
    assert filters.Filters(MEASURED, MEASURED, [[], []]).derived((50, 20)) == []


def test_a_window_holds_no_more_than_its_size():
    window = filters.Window(max, 5)
    for i in range(100):
        window(i, 0)
    assert len(window._ring) == 5 and min(window._ring) == 95
