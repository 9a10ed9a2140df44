"""A scripted I2C chip for drivers' unit tests, which run on MicroPython too."""

from raises import raises
from sensors._crc8 import crc8


class Wire:
    """In place of machine.I2C: notes what is written, answers each read with the next answer."""

    def __init__(self, *answers):
        # The last one is given again and again.
        self.answers = [bytes.fromhex(answer) for answer in answers]
        # (address, bytes) of each write; a register that is read counts as one.
        self.writes = []
        # Good calls before one that fails; -1: none fails.
        self.fails_after = -1

    def writeto(self, address, data):
        self._reach()
        self.writes.append((address, bytes(data)))

    def readfrom_into(self, address, buffer):
        self._reach()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        assert len(answer) == len(buffer), (answer, len(buffer))
        buffer[:] = answer

    def writeto_mem(self, address, register, data):
        self.writeto(address, bytes([register]) + bytes(data))

    def readfrom_mem_into(self, address, register, buffer):
        self.writes.append((address, bytes([register])))
        self.readfrom_into(address, buffer)

    def _reach(self):
        if self.fails_after >= 0:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise OSError(19)


class Sleeps:
    """In place of asyncio: notes the pauses of the last reading and makes none."""

    ms = []

    @staticmethod
    async def sleep_ms(ms):
        Sleeps.ms.append(ms)


def read(module, driver):
    """Returns what a driver reads; `module` is the one that imports asyncio."""
    module.asyncio = Sleeps
    Sleeps.ms.clear()
    try:
        driver.read().send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something else")


def checked(word):
    """Returns a word and its check sum, as Sensirion's sensors send it, in hexadecimal."""
    data = bytes([word >> 8, word & 0xFF])
    return (data + bytes([crc8(data, 0, 2)])).hex()


def check_each_call_may_fail(module, make, answers, calls):
    """A bus that fails at any call of the first reading is an OSError, and got over."""
    for good_calls in range(calls):
        wire = Wire(*answers)
        wire.fails_after = good_calls
        driver = make(wire)
        assert raises(OSError, read, module, driver).args[0] == 19
        whole = Wire(*answers)
        wire.answers, wire.writes = list(whole.answers), []
        expected = read(module, make(whole))
        assert read(module, driver) == expected
        assert wire.writes == whole.writes, "it is not set up anew"
