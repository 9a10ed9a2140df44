"""What a driver's reading leaves behind on the heap of the real MicroPython."""

import json

from vm import needs_vm, run

# Not yet without: Bosch's formula for pressure needs integers of 64 bits, four values a list.
NEEDS = {"bme280": 1024, "bmp280": 1024, "ads1115": 96}


@needs_vm
def test_a_reading_takes_its_coroutine_and_its_values_and_nothing_else():
    done = run("bench/ram32/reading.py", heap="128wK")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout.removeprefix("@"))
    assert {"sht3x", "scd4x"} <= set(found)
    for driver, (_, values, rest) in found.items():
        assert values > 0
        assert rest <= NEEDS.get(driver, 0), (driver, rest)
