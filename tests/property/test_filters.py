"""Reading filters: what each keeps to, whatever comes in, and what single precision changes."""

import math
import statistics
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, strategies as st

from node import config, filters, reporter
from sensors import SensorError
from sensors.bme280 import QUANTITIES

numbers = st.floats(-1e4, 1e4, width=32)
streams = st.lists(numbers, min_size=1, max_size=40)
# ms from one reading to the next.
gaps = st.lists(st.integers(0, 100_000), min_size=1, max_size=40)
whole = st.integers(2, 30)


def chain(steps, quantity=QUANTITIES[0]) -> Callable[..., Any]:
    """Returns put(value, ms) of one quantity."""
    made = filters.Filters((quantity,), (quantity,), [steps])
    return lambda value, now=0: made.put(0, value, now)


# ---- Each by itself ----------------------------------------------------------------------------


@given(streams, st.integers(1, 7).map(lambda half: 2 * half + 1))
def test_median_is_the_middle_of_the_window(values, size):
    put = chain([("median", (size,))])
    for i, value in enumerate(values):
        window = sorted(values[max(0, i + 1 - size) : i + 1])
        assert put(value) == window[len(window) // 2]
        if len(window) % 2:
            assert statistics.median(window) == window[len(window) // 2]


@given(streams, whole)
def test_average_is_that_of_the_window(values, size):
    put = chain([("average", (size,))])
    for i, value in enumerate(values):
        window = values[max(0, i + 1 - size) : i + 1]
        exact = sum(map(Fraction, window)) / len(window)
        assert abs(Fraction(put(value)) - exact) < 1e-10


@given(streams, whole)
def test_least_and_greatest_of_the_window(values, size):
    least, greatest = chain([("min", (size,))]), chain([("max", (size,))])
    for i, value in enumerate(values):
        window = values[max(0, i + 1 - size) : i + 1]
        assert (least(value), greatest(value)) == (min(window), max(window))


@given(streams, st.floats(0.01, 1))
def test_exponential_stays_among_its_values(values, alpha):
    put = chain([("exponential", (alpha,))])
    made = [put(value) for value in values]
    assert min(values) - 1e-9 <= min(made) and max(made) <= max(values) + 1e-9
    for _ in range(3000):
        put(values[-1])
    assert math.isclose(put(values[-1]), values[-1], abs_tol=1e-6)


@given(streams, st.floats(0.001, 100))
def test_delta_drops_no_change_as_large_as_it(values, delta):
    put, last = chain([("delta", (delta, None))]), None
    for value in values:
        passed = put(value)
        if passed is None:
            assert abs(value - last) < delta
        else:
            # And it lets no change pass that is smaller, but for the millionth of its margin.
            margin = 1e-6 * (abs(value) + delta)
            assert passed == value
            assert last is None or abs(value - last) >= delta - margin - 1e-9
            last = value


def passes_each(seconds, put, value, gaps):
    """Holds a chain to passing a 20, then `value` once in so many seconds."""
    now = last = 0
    assert put(20, 0) == 20
    for gap in gaps:
        now += gap
        passed = put(value, now)
        early = min(100, seconds * 100)
        assert passed is not None or now - last < seconds * 1000
        assert passed is None or now - last >= seconds * 1000 - early - 1.01
        last = last if passed is None else now


@given(gaps, st.floats(0.1, 86_400))
def test_heartbeat_keeps_its_bound(gaps, seconds):
    """The first reading at or behind the time passes, and none before it."""
    ((_, arguments),) = checked([{"delta": 1, "heartbeat": seconds}])[0]
    passes_each(seconds, chain([("delta", arguments)]), 20.5, gaps)


@given(gaps, st.floats(0.1, 86_400))
def test_throttle_keeps_its_distance_and_no_more(gaps, seconds):
    ((_, arguments),) = checked([{"throttle": seconds}])[0]
    passes_each(seconds, chain([("throttle", arguments)]), 20, gaps)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2000)), max_size=60), st.integers(1, 9)
)
def test_debounce_lets_pass_what_stayed(readings, count):
    put, now, seen = chain([("debounce", (count, 3000))]), 0, []
    for value, gap in readings:
        now += gap
        seen.append((value, now))
        run = [seen[-1]]
        while len(run) < len(seen) and seen[-len(run) - 1][0] == value:
            run.append(seen[-len(run) - 1])
        stayed = len(run) >= count and now - run[-1][1] >= 3000
        assert put(value, now) == (value if stayed else None)


@st.composite
def tables(draw):
    xs = sorted(draw(st.sets(st.integers(-999, 999), min_size=2, max_size=8)))
    return [[x / 8, draw(numbers)] for x in xs]


@given(tables(), st.floats(0, 1))
def test_calibrate_passes_through_its_points(table, share):
    put = chain([("points", (table,))])
    for x, y in table:
        assert put(x) == pytest.approx(y, abs=1e-7)
    for (x, y), (next_x, next_y) in zip(table, table[1:], strict=False):
        made = put(x + share * (next_x - x))
        assert min(y, next_y) - 1e-7 <= made <= max(y, next_y) + 1e-7


@given(st.lists(numbers, min_size=1, max_size=4), st.floats(-100, 100))
def test_polynomial(coefficients, value):
    exact = sum(
        Fraction(coefficient) * Fraction(value) ** power
        for power, coefficient in enumerate(coefficients)
    )
    made = chain([("polynomial", (coefficients,))])(value)
    assert abs(Fraction(made) - exact) <= 1e-5


@given(st.floats(-45, 60), st.floats(1, 100))
def test_derived_quantities_are_those_of_the_air(celsius, percent):
    point = filters.dew_point(celsius, percent)
    assert point <= celsius + 1e-9
    # Air of that temperature is saturated by the same vapour, and a cubic metre of it has less
    # mass of it the warmer it is.
    saturated = filters.absolute_humidity(point, 100) * (273.15 + point)
    assert filters.absolute_humidity(celsius, percent) * (273.15 + celsius) == pytest.approx(
        saturated, rel=1e-6
    )


# ---- Chains, as configurations have them ------------------------------------------------------

seconds = st.sampled_from((0.1, 1, 60, 86_400))
small = st.floats(-1000, 1000)
PASSING = st.one_of(
    st.builds(lambda value: {"offset": value}, small),
    st.builds(lambda value: {"scale": value}, small),
    st.builds(lambda low: {"clamp": {"low": low, "high": low + 7}}, small),
    st.builds(lambda table: {"calibrate": {"points": table}}, tables()),
    st.builds(
        lambda factors: {"calibrate": {"polynomial": factors}},
        st.lists(small, min_size=1, max_size=4),
    ),
    st.builds(lambda value: {"exponential": value}, st.floats(0.01, 1)),
    st.builds(
        lambda name, value: {name: value}, st.sampled_from(("average", "min", "max")), whole
    ),
    st.builds(lambda value: {"median": value}, st.sampled_from((3, 9, 15))),
)
ROUND = st.builds(lambda decimals: {"round": decimals}, st.integers(0, 4))
DECIDING = st.one_of(
    st.builds(lambda value: {"throttle": value}, seconds),
    st.builds(lambda count: {"debounce": {"readings": count}}, st.integers(2, 5)),
)
DELTA = st.builds(
    lambda delta, beat: {"delta": delta, "heartbeat": beat}, st.floats(0.1, 9), seconds
)
CHAINS = st.builds(
    lambda first, last: first + last,
    st.lists(st.one_of(PASSING, ROUND, DECIDING), max_size=7),
    st.lists(DELTA, max_size=1),
)
ANY = st.one_of(st.floats(), st.integers(), numbers, st.sampled_from((3.4e38, -3.5e38, 10**400)))


def checked(data):
    """Returns (steps, the quantity as it is published) of a temperature's filters."""
    sensor = {"driver": "bme280", "filters": {"temperature": data}}
    made = config.check(
        {
            "identity": {"company": "acme", "device": "n1"},
            "wifi": {"ssid": "net"},
            "broker": {"host": "broker.lan"},
            "buses": {"main": {"scl": 22, "sda": 21}},
            "sensors": [sensor],
        }
    )["sensors"][0]
    return (made["filters"] or [[]])[0], made["quantities"][0]


@given(CHAINS, st.lists(ANY, min_size=1, max_size=20))
def test_only_numbers_come_out(data, values):
    put = chain(checked(data)[0])
    for i, value in enumerate(values):
        try:
            made = put(value, i * 1000)
        except SensorError as error:
            assert "its filters make no number" in str(error)
        else:
            assert not data or made is None or math.isfinite(made)


@given(CHAINS, CHAINS, streams)
def test_a_chain_is_its_parts_in_their_order(first, second, values):
    first = [one for one in first if "delta" not in one]
    both = (first + second)[:8]
    whole_chain = chain(checked(both)[0])
    parts = chain(checked(first[:8])[0]), chain(checked(both[len(first) :])[0])
    for i, value in enumerate(values):
        assert outcome(whole_chain, value, i) == outcome(parts[0], value, i, parts[1])


def outcome(put, value, i, then=None):
    try:
        made = put(value, i * 1000)
        return then(made, i * 1000) if then and made is not None else made
    except SensorError:
        return "no number"


# ---- Single precision, which is what a chip has -----------------------------------------------


def single(value):
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


class Single(float):
    """A number whose arithmetic is rounded to single precision, as a chip's is."""

    def __new__(cls, value):
        return super().__new__(cls, single(float(value)))


def rounded(name):
    """Returns an operation of float's on operands in single precision, its result rounded."""
    method = getattr(float, name)
    return lambda one, *others: Single(method(one, *(single(float(other)) for other in others)))


BINARY = "add sub mul truediv radd rsub rmul rtruediv".split()
for operation in [*BINARY, "abs", "neg"]:
    setattr(Single, f"__{operation}__", rounded(f"__{operation}__"))


class Ring(list):
    """In place of an array of single floats: what is read of it is single."""

    def __init__(self, kind, values):
        super().__init__(map(Single, values))

    def __setitem__(self, i, value):
        super().__setitem__(i, Single(value))


class Math:
    """In place of math."""

    floor = staticmethod(math.floor)
    log = staticmethod(lambda value: Single(math.log(value)))
    exp = staticmethod(lambda value: Single(math.exp(value)))


def on_a_chip(function, *arguments):
    with mock.patch.multiple(filters, array=Ring, math=Math):
        return function(*arguments)


def run(steps, values, number=float):
    put = chain(steps)
    return [put(number(value), i * 1000) for i, value in enumerate(values)]


HALF_ULP = 2**-24
# A driver's values are rounded to its decimals already.
measured = st.lists(
    st.integers(-400, 850).map(lambda tenths: tenths / 10), min_size=1, max_size=40
)
# What corrects a sensor, as opposed to any number that is allowed.
TAME = st.one_of(
    st.builds(lambda value: {"offset": value}, st.floats(-20, 20)),
    st.builds(lambda value: {"scale": value}, st.floats(0.5, 2)),
    st.builds(lambda low: {"clamp": {"low": low, "high": low + 50}}, st.floats(-50, 50)),
    st.builds(
        lambda a, b: {"calibrate": {"points": [[-40, a - 40], [25, b + 25], [85, a + 85]]}},
        st.floats(-5, 5),
        st.floats(-5, 5),
    ),
    st.builds(
        lambda a, b: {"calibrate": {"polynomial": [a, 1, b, 0]}},
        st.floats(-5, 5),
        st.floats(-0.001, 0.001),
    ),
    st.builds(lambda value: {"exponential": value}, st.floats(0.1, 1)),
    st.builds(
        lambda name, value: {name: value}, st.sampled_from(("average", "min", "max")), whole
    ),
    st.builds(lambda value: {"median": value}, st.sampled_from((3, 9, 15))),
)
ENDS = st.sampled_from(([], [{"convert": "°F"}], [{"convert": "K"}], [{"round": 2}]))


@given(st.lists(TAME, max_size=4), ENDS, measured)
def test_text_is_the_same_but_at_a_border(data, end, values):
    """Texts are alike, or a unit apart where the value is within single precision of a border.

    Up to four filters that correct a sensor, then units and a rounding: the numbers on the way
    are below 10,000, and the error stays below a hundred times half a unit of their last place.
    """
    steps, (_, _, decimals, *_) = checked(data + end)
    unit = Fraction(1, 10**decimals)
    before_rounding = checked(data)[0] if "round" in str(end) else steps
    exact = run(before_rounding, values)
    largest = max([2000.0, *map(abs, exact)])
    error = 100 * HALF_ULP * largest
    twice = zip(run(steps, values), on_a_chip(run, steps, values, Single), exact, strict=True)
    for double, chip, value in twice:
        one, other = reporter._text(double, decimals), reporter._text(chip, decimals)
        if one != other:
            assert abs(Fraction(one) - Fraction(other)) == unit, (double, chip)
            border = (math.floor(Fraction(value) / unit) + Fraction(1, 2)) * unit
            assert abs(Fraction(value) - border) < error, (double, chip)


@pytest.mark.parametrize("data", [{"convert": "°F"}, {"convert": "K"}, {"offset": -0.5}])
def test_decimals_of_a_driver_never_meet_a_border(data):
    """Each tenth of a degree is the same text in both precisions."""
    values = [tenths / 10 for tenths in range(-400, 851)]
    steps, (_, _, decimals, *_) = checked([data])
    twice = zip(run(steps, values), on_a_chip(run, steps, values, Single), strict=True)
    for double, chip in twice:
        assert reporter._text(double, decimals) == reporter._text(chip, decimals)


@given(measured, st.integers(1, 50))
def test_delta_decides_alike_in_both_precisions(values, tenths):
    steps = checked([{"delta": tenths / 10}])[0]
    double, chip = run(steps, values), on_a_chip(run, steps, values, Single)
    assert [value is None for value in double] == [value is None for value in chip]


@given(st.lists(st.integers(3000, 11_000), min_size=1, max_size=40), whole)
def test_average_of_large_numbers_in_single_precision(tenths, size):
    """Pressures: less than the distance of two neighbouring numbers, however many are summed."""
    values = [single(pressure / 10) for pressure in tenths]
    steps = [("average", (size,))]
    twice = zip(run(steps, values), on_a_chip(run, steps, values, Single), strict=True)
    assert all(abs(double - chip) < 2**-13 for double, chip in twice)


def test_an_exponential_comes_back_from_an_overflow():
    def recovered():
        put = chain([("exponential", (0.5,))])
        put(Single(3e38))
        with pytest.raises(SensorError):
            put(Single(-3e38))
        return [put(Single(0)) for _ in range(3)]

    assert on_a_chip(recovered) == pytest.approx([1.5e38, 7.5e37, 3.75e37], rel=1e-6)


@given(st.floats(-45, 60), st.floats(1, 100))
def test_derived_quantities_in_single_precision(celsius, percent):
    for formula, error in ((filters.dew_point, 2e-4), (filters.absolute_humidity, 2e-4)):
        chip = on_a_chip(formula, Single(celsius), Single(percent))
        assert abs(chip - formula(single(celsius), single(percent))) < error
