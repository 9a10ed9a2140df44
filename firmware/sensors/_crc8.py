# The check sum that Sensirion and Aosong put behind their data.


def crc8(data, first: int, end: int) -> int:
    """Returns the CRC-8 of data[first:end]: polynomial 0x31, first value 0xFF."""
    crc = 0xFF
    for i in range(first, end):
        crc ^= data[i]
        for _ in range(8):
            crc <<= 1
            if crc & 0x100:
                crc ^= 0x131
    return crc
