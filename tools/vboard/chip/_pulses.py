# machine.bitstream(), time_pulse_us() and dht_readinto()

import _board
import machine

# How often a pulse is looked for, s. Its length is taken where the edges come from.
_LOOK = 0.001
# What dht_readinto() waits before and during the start signal, s.
_DHT_START = 0.268


def bitstream(pin, encoding, timing, data):
    if encoding != 0:
        raise ValueError("encoding")
    if len(timing) != 4:
        raise ValueError(f"requested length 4 but object has length {len(timing)}")
    _board.call("bitstream", machine._number(pin), tuple(timing), bytes(data))


def time_pulse_us(pin, pulse_level, timeout_us=1_000_000):
    number, level, start = machine._number(pin), int(bool(pulse_level)), _board.call("pulse_start")
    while True:
        us = _board.call("pulse_us", number, level, start, timeout_us)
        if us is not None:
            return us
        _board.sleep(_LOOK)


def dht_readinto(pin, buf):
    if len(buf) < 5:
        raise ValueError("buffer too small")
    _board.sleep(_DHT_START)
    buf[:5] = _board.call("dht_read", machine._number(pin))
