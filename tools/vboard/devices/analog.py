"""What gives a voltage to an ADC pin: a divider, a battery, a thermistor, probes."""

import math
import random

from ..peripherals.chips import CHIPS
from .emulation import Attached, Emulation, Shown, place_of
from .source import Source, value_at

# The largest deviation of a sample by noise, V, and with it what a mean of some may be off.
NOISE_V = 0.002
TOLERANCE_V = 0.0025
# What samples keep away from the end of the scale, where the converter can't tell, V.
MARGIN_V = 0.01
# Attenuations, dB, in the order of the chips' full scales.
ATTENUATIONS = (0, 2.5, 6, 11)
# Faults that no reading shows: an open pin has some voltage or other, and where 0 V is nothing
# unusual a shorted one has that.
UNSURE, UNSURE_AT_0 = ("unplugged",), ("unplugged", "zeros")
# lx that are full light to a light sensor.
BRIGHT_LX = 1000
KELVIN = 273.15
# ln of the resistances between which a thermistor's is looked for, ohm: 1 m to 10 G.
LN_OHM = math.log(0.001), math.log(1e10)


class Analog:
    """A voltage, with noise: each sample has its own, of a seed."""

    def __init__(self, world, volts: Source, seed: int | str = 0):
        self.world, self.source = world, volts
        self._random = random.Random(f"analog/{seed}")

    def reset(self) -> None:
        """Power-on: it has nothing to forget."""

    def volts(self) -> float:
        """Returns V at the pin, one sample."""
        noise = self._random.uniform(-NOISE_V, NOISE_V)
        return value_at(self.source, self.world.now()) + noise


def highest_volts(board, sensor) -> float:
    """Returns what the converter can tell at the sensor's attenuation, V, noise included."""
    scale = CHIPS[board.profile.chip].adc_full_scale[ATTENUATIONS.index(sensor["attenuation"])]
    return scale / 1_000_000 - MARGIN_V


def _emulation(what, model, blind=UNSURE):
    """model(place, sensor, most) -> (volts by the world's seconds, shown), `most` V at the pin."""

    def attach(board, world, sensor):
        place, pin = place_of(world, sensor), sensor["pin"]
        volts, shown = model(place, sensor, highest_volts(board, sensor))
        device, sources = Analog(place, volts, sensor["name"] or pin), board.hardware.volts
        return Attached(
            f"{what} at pin {pin}",
            *(device, place, board.hardware.pins[pin]),
            *(lambda: sources.update({pin: device.volts}), lambda: sources.pop(pin, None)),
            shown,
        )

    return Emulation("adc", attach, blind=blind)


def _voltage(place, sensor, most):
    ratio = sensor["options"]["ratio"]
    shown = Shown(0, most * ratio, TOLERANCE_V * ratio)
    return place.source("voltage", 1 / ratio), {"voltage": shown}


def _battery(place, sensor, most):
    ratio, empty, full = (sensor["options"][key] for key in ("ratio", "empty", "full"))
    span, tolerance = full - empty, TOLERANCE_V * ratio

    def volts(at):
        return empty + span * place.value("battery", at) / 100

    def set_volts(value):
        # Two points that are one have a voltage only.
        if span:
            place.set("battery", None if value is None else 100 * (value - empty) / span)

    # None has less than half a volt, nor more than the pin can bear.
    lowest, highest = (min(max(end, 0.51), most * ratio) for end in sorted((empty, full)))
    ends = sorted(min(max(100 * (v - empty) / (span or 1), 0), 100) for v in (lowest, highest))
    percent = Shown(
        *(ends[0], ends[1], 100 * tolerance / abs(span or 1)),
        lambda at: min(max(place.value("battery", at), 0), 100),
        lambda value: place.set("battery", value),
    )
    shown = {"voltage": Shown(lowest, highest, tolerance, volts, set_volts), "battery": percent}
    return lambda at: volts(at) / ratio, shown


def _between(quantity, of, at_0, at_100, truth_scale=1.0):
    """A model of `quantity`, %, the world's `of` times a scale: at_0 V at 0 %, at_100 at 100 %."""

    def model(place, sensor, most):
        low, high = sensor["options"][at_0], sensor["options"][at_100]
        span = high - low

        def percent(at):
            return min(max(place.value(of, at) * truth_scale, 0), 100)

        def change(value):
            place.set(of, None if value is None else value / truth_scale)

        def volts(at):
            return low + span * percent(at) / 100

        ends = sorted(min(max(100 * (v - low) / (span or 1), 0), 100) for v in (0.0, most))
        tolerance = 100 * TOLERANCE_V / abs(span or 1)
        return volts, {quantity: Shown(ends[0], ends[1], tolerance, percent, change)}

    return model


def _thermistor(place, sensor, most):
    options = sensor["options"]
    a, b, c = options["steinhart"] or _beta(options["r25"], options["beta"])

    def celsius(volts):
        share = volts / options["supply"]
        share = 1 - share if options["to"] == "supply" else share
        ln = math.log(options["series"] * share / (1 - share))
        return 1 / (a + b * ln + c * ln**3) - KELVIN

    def volts(at):
        ohm = _ohm(place.value("temperature", at) + KELVIN, a, b, c)
        share = ohm / (ohm + options["series"])
        return options["supply"] * (1 - share if options["to"] == "supply" else share)

    def tolerance(_):
        middle = volts(None)
        return abs(celsius(middle + TOLERANCE_V) - celsius(middle - TOLERANCE_V))

    # Between a thermistor that seems shorted and one that seems open.
    ends = 0.015 * options["supply"], min(0.985 * options["supply"], most)
    lowest, highest = sorted(celsius(end) for end in ends)
    shown = Shown(max(lowest, -60), min(highest, 300), tolerance)
    return volts, {"temperature": shown}


def _beta(r25, beta):
    # The Steinhart-Hart equation's coefficients of a thermistor that is told by beta.
    return 1 / (25 + KELVIN) - math.log(r25) / beta, 1 / beta, 0


def _ohm(kelvin, a, b, c):
    # The resistance falls as the temperature rises.
    low, high = LN_OHM
    for _ in range(60):
        middle = (low + high) / 2
        if a + b * middle + c * middle**3 < 1 / kelvin:
            low = middle
        else:
            high = middle
    return math.exp(low)


EMULATIONS = {
    "voltage": _emulation("a voltage", _voltage, UNSURE_AT_0),
    "battery": _emulation("a battery", _battery),
    "ntc": _emulation("a thermistor", _thermistor),
    "moisture": _emulation("a soil probe", _between("moisture", "moisture", "dry", "wet")),
    "light": _emulation(
        "a light sensor",
        _between("light", "illuminance", "dark", "bright", 100 / BRIGHT_LX),
        UNSURE_AT_0,
    ),
}
