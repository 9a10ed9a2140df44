# Example: what its levels mean.
# pyright: reportAttributeAccessIssue=false

from i2c_kit import read

from sensors import example as driver


class Pin:
    """In place of machine.Pin: a level."""

    def __init__(self, level):
        self.level = level

    def value(self):
        return self.level


def test_words_of_levels():
    for level, invert, word in ((0, False, "wet"), (1, False, "dry"), (0, True, "dry")):
        assert read(driver, driver.Driver(Pin(level), invert=invert)) == (word,)
