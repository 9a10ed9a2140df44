# What sensors on an ADC pin have in common: a quiet voltage out of many samples.

import asyncio

from sensors import SensorError, Whole

# Of each driver here. One sample a millisecond: 20 of them are a period of the mains' hum.
OPTIONS = {"samples": (20, Whole(1, 64))}


async def volts(adc, samples: int) -> float:
    """Returns the V at a pin: the mean of the middle half of its samples, one a millisecond.

    `adc` is a machine.ADC. 0 is below what it can tell. Raises SensorError for more than it can,
    OSError when it fails.
    """
    microvolts = []
    for _ in range(samples):
        microvolts.append(adc.read_uv())
        await asyncio.sleep_ms(1)
    # The ends of the scale are told by the count only: what they are in volts differs from chip
    # to chip.
    count = adc.read_u16()
    if count == 0xFFFF:
        raise SensorError("more than the pin can measure: check wiring, divider and attenuation")
    return middle(microvolts) / 1_000_000 if count else 0.0


def middle(values: list) -> float:
    """Returns the mean of the middle half: spikes don't count, noise is averaged."""
    values.sort()
    off = len(values) // 4
    kept = values[off : len(values) - off]
    return sum(kept) / len(kept)
