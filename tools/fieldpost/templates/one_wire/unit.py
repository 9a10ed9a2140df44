# Example: what its words mean, and what it does when its wire fails.
# pyright: reportAttributeAccessIssue=false

from i2c_kit import read
from one_wire_kit import Turns, crc8

from raises import raises
from sensors import SensorError, example as driver


class Bus:
    """In place of what hardware.py makes: a lock, and a wire whose device answers a word."""

    def __init__(self, word):
        self.wire, self.lock = self, Turns()
        data = bytes([word & 0xFF, word >> 8])
        self.answer = data + bytes([crc8(data)])
        # False: nobody is there.
        self.present = True
        # What was written since the last reset pulse.
        self.sent = b""

    def reset(self):
        assert self.lock.held
        self.sent, self._left = b"", list(self.answer)
        return self.present

    def writebyte(self, byte):
        self.sent += bytes([byte])

    def readbyte(self):
        return self._left.pop(0)

    def crc8(self, data):
        return crc8(data)


def test_values_of_words():
    for word, celsius in ((0x2710, 0.0), (0x2F76, 21.5), (0x270F, -0.01), (0x1194, -55.0)):
        assert read(driver, driver.Driver(Bus(word))) == (celsius,), word


def test_it_is_addressed_by_its_rom():
    bus = Bus(0x2710)
    read(driver, driver.Driver(bus, rom="3b00000000000001"))
    assert bus.sent == b"\x55\x3b\x00\x00\x00\x00\x00\x00\x01\xbe"


def test_what_is_no_value():
    bus = Bus(0x2F76)
    bus.answer = bus.answer[:2] + b"\x00"
    assert "wrong check sum" in str(raises(SensorError, read, driver, driver.Driver(bus)))
    assert "not measured" in str(raises(SensorError, read, driver, driver.Driver(Bus(0))))
    bus.present = False
    assert "nobody answers" in str(raises(SensorError, read, driver, driver.Driver(bus)))
