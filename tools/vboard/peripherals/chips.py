"""What differs from chip to chip of the peripherals."""

from dataclasses import dataclass

_MHZ = 1_000_000


@dataclass(frozen=True)
class Chip:
    """Numbers of one chip. Source: ESP-IDF 5.5 (soc_caps.h, ADC guide), ports/esp32 of 1.29."""

    # machine.Timer's hardware timers (SOC_TIMER_GROUP_TOTAL_TIMERS).
    timers: int
    # PWM channels and frequencies at a time (LEDC, all speed modes together).
    pwm_channels: int
    pwm_frequencies: int
    # Resolutions of the ADC, and full scale by attenuation in uV.
    adc_bits: tuple
    adc_full_scale: tuple
    # Frequencies that machine.freq() takes, Hz.
    cpu: tuple
    # True: there is machine.bootloader().
    bootloader: bool


_SLOW = (20 * _MHZ, 40 * _MHZ, 80 * _MHZ, 160 * _MHZ)
_FAST = (*_SLOW, 240 * _MHZ)
_SMALL_SCALE = (750_000, 1_050_000, 1_300_000, 2_500_000)

CHIPS = {
    "esp32": Chip(
        4, 16, 8, (9, 10, 11, 12), (950_000, 1_250_000, 1_750_000, 2_450_000), _FAST, False
    ),
    "esp32s2": Chip(4, 8, 4, (13,), _SMALL_SCALE, _FAST, True),
    "esp32s3": Chip(4, 8, 4, (12,), (950_000, 1_250_000, 1_750_000, 3_100_000), _FAST, True),
    "esp32c3": Chip(2, 6, 4, (12,), _SMALL_SCALE, _SLOW, True),
    "esp32c6": Chip(2, 6, 4, (12,), (1_000_000, 1_300_000, 1_900_000, 3_300_000), _SLOW, False),
}
