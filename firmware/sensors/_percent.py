# What sensors have in common that tell how much of a scale: the way between two voltages.

from sensors import Range, SensorError

# At a pin.
VOLTS = Range(0.0, 5.5)
# So much of the way between the two points a value may be beyond them, %.
MARGIN = 10


def percent(value: float, at_0: float, at_100: float) -> float:
    """Returns where a value is between two points, %: 0 and 100 a little beyond them too.

    Raises SensorError when the two are one.
    """
    if at_0 == at_100:
        raise SensorError("0 % and 100 % are the same voltage: calibrate both")
    found = 100 * (value - at_0) / (at_100 - at_0)
    return min(max(found, 0), 100) if -MARGIN <= found <= 100 + MARGIN else found
