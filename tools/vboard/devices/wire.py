"""What I2C sensors have in common: a byte they don't acknowledge, and a check sum."""

import errno


def nack() -> OSError:
    """Returns what a master gets for an address or a byte that isn't acknowledged."""
    return OSError(errno.ENODEV, "ENODEV")


def crc8(data: bytes) -> int:
    """Returns the check sum of Sensirion's and Aosong's sensors (data sheet SHT3x-DIS, 4.12)."""
    value = 0xFF
    for octet in data:
        for bit in range(7, -1, -1):
            feedback = (value >> 7 ^ octet >> bit) & 1
            value = value << 1 & 0xFF ^ 0x31 * feedback
    return value


def nearest(value: float, bits: int) -> int:
    """Returns the count nearest to a value, within its bits."""
    return min(max(round(value), 0), (1 << bits) - 1)
