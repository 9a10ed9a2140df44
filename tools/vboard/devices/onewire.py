"""What every device on a 1-Wire bus does: ROM code and ROM commands, a bit at a time.

Source: data sheet of the DS18B20 (19-7487), "1-Wire Bus System", and Maxim application note 187
for the search.
"""

from collections.abc import Callable, Generator

READ_ROM, MATCH_ROM, SEARCH_ROM, SKIP_ROM, ALARM_SEARCH = 0x33, 0x55, 0xF0, 0xCC, 0xEC

# x**8 + x**5 + x**4 + 1, its bits in the order in which they come ("CRC Generation").
POLYNOMIAL = 0x8C


def crc8(data: bytes) -> int:
    """Returns the CRC of the 1-Wire family; over data that ends with its CRC it is 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ POLYNOMIAL * (crc & 1)
    return crc


def rom_code(family: int, serial: int) -> bytes:
    """Returns the 8 bytes of a ROM code: family, 48 bits of serial number, CRC."""
    code = bytes([family]) + serial.to_bytes(6, "little")
    return code + bytes([crc8(code)])


class OneWireDevice:
    """A device that waits for its ROM code; a kind of device adds `function(command)`.

    Its talk is a generator that yields what the device does to the wire in the next time slot (0
    pulls it low, 1 lets go, or a function that tells when it is time) and gets the level the wire
    had then.
    """

    def __init__(self, rom: bytes):
        self.rom = rom
        self.reset()

    def reset(self) -> None:
        """Power-on: it is silent until the first reset pulse."""
        self._talk = None
        # What the talk yielded last.
        self._output: int | Callable[[], int] = 1

    @property
    def output(self) -> int:
        """What it does to the wire in the time slot that begins now."""
        return self._output() if callable(self._output) else self._output

    def restart(self) -> None:
        """A reset pulse: whatever it was about, it waits for a ROM command."""
        self._talk = self._rom_command()
        self._output = next(self._talk)

    def slot(self, level: int) -> None:
        """A time slot in which the wire had a level."""
        if self._talk:
            try:
                self._output = self._talk.send(level)
            except StopIteration:
                # Until the next reset pulse.
                self._talk, self._output = None, 1

    @property
    def alarmed(self) -> bool:
        """True: it takes part in an alarm search."""
        return False

    def function(self, command: int) -> Generator:
        """Talks on after a function command, as a generator; others than its own: nothing."""
        yield from ()

    def _rom_command(self):
        command = yield from receive()
        if command == READ_ROM:
            yield from send(self.rom)
        elif command == SEARCH_ROM or (command == ALARM_SEARCH and self.alarmed):
            found = yield from self._take_part()
            if not found:
                return
        elif command == MATCH_ROM:
            code = yield from receive_bytes(8)
            if code != self.rom:
                return
        elif command != SKIP_ROM:
            return
        yield from self.function((yield from receive()))

    def _take_part(self):
        # Each bit, then its complement; who isn't meant by the master's choice leaves.
        for bit in send(self.rom):
            yield bit
            yield 1 - bit
            chosen = yield 1
            if chosen != bit:
                return False
        return True


def send(data):
    """The slots in which the master reads bytes, the lowest bit first."""
    for byte in data:
        for place in range(8):
            yield byte >> place & 1


def receive():
    """The slots in which the master writes a byte; returns it."""
    value = 0
    for place in range(8):
        value |= (yield 1) << place
    return value


def receive_bytes(count):
    """The slots in which the master writes bytes; returns them."""
    data = bytearray()
    for _ in range(count):
        data.append((yield from receive()))
    return bytes(data)
