# Which drivers have which I2C addresses: a scan can't load them all to see their OPTIONS.

_DRIVERS = (
    ("ads1115", range(0x48, 0x4C)),
    ("aht20", (0x38,)),
    ("bh1750", (0x23, 0x5C)),
    ("bme280", (0x76, 0x77)),
    ("bmp280", (0x76, 0x77)),
    ("ina219", range(0x40, 0x50)),
    ("scd4x", (0x62,)),
    ("sht3x", (0x44, 0x45)),
    ("sht4x", (0x44, 0x45, 0x46)),
)


def drivers(address: int) -> str:
    """Returns the drivers whose sensors can have an address, '' if none can."""
    return ", ".join([name for name, addresses in _DRIVERS if address in addresses])
