# The time slots of a 1-Wire bus, which the ESP32's image has in C.

import _board
from machine import _number


def reset(pin):
    return _board.call("onewire_reset", _number(pin))


def readbit(pin):
    return _board.call("onewire_slots", _number(pin), 1, 1)


def readbyte(pin):
    return _board.call("onewire_slots", _number(pin), 0xFF, 8)


def writebit(pin, value):
    _board.call("onewire_slots", _number(pin), 1 if value else 0, 1)


def writebyte(pin, value):
    _board.call("onewire_slots", _number(pin), value & 0xFF, 8)


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
