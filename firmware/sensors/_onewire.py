# The search for the devices on a 1-Wire bus (Maxim application note 187), which lets others run.

import asyncio

from sensors import SensorError

_SEARCH_ROM = 0xF0
# Devices that are looked for, at most.
_MOST = 32


async def search(wire) -> list:
    """Returns the ROM codes of all devices. Takes 15 ms each, awaited, 2 ms of it in one piece.

    `wire` is a onewire.OneWire that nobody else talks on. Raises SensorError for codes that no
    device has.
    """
    # Each turn goes the last one's way, but takes 1 instead of 0 at its last fork.
    found, rom, fork = [], bytes(8), 64
    while fork >= 0 and len(found) < _MOST and wire.reset():
        wire.writebyte(_SEARCH_ROM)
        rom, fork = await _walk(wire, rom, fork)
        if rom[0] == 0 or wire.crc8(rom):
            raise SensorError("the wire is disturbed or held low: check it and its pull-up")
        found.append(rom)
    return found


async def _walk(wire, last, fork):
    # Returns a ROM code, and the last bit at which 0 was taken where there were both; -1: none.
    rom, zero = bytearray(8), -1
    for i in range(64):
        # A bit and its complement: both are 0 where devices differ.
        bit, complement = wire.readbit(), wire.readbit()
        if bit == complement == 0:
            bit = last[i >> 3] >> (i & 7) & 1 if i < fork else int(i == fork)
            if not bit:
                zero = i
        wire.writebit(bit)
        rom[i >> 3] |= bit << (i & 7)
        if i & 7 == 7:
            await asyncio.sleep_ms(0)
    return bytes(rom), zero
