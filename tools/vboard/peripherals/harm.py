"""What a fault may do to what goes over a wire; those there are stand in faults/."""


class Harm:
    """Changes nothing of itself: a kind of fault overrides what it is about.

    On I2C, each for one transaction with a device: `acknowledges()` its address; `taken(data)`
    returns how many bytes of a write it acknowledges; `read(data)` returns what the master reads;
    `stretch_s` is for how long in all SCL is held low at a read; `done(device)` comes at the end.
    `power_cycle()` comes when all that is wired to the board had lost its power and has it again.
    On 1-Wire: `present(found)` and `slot(level, pulled)` return what the master finds after a
    reset pulse and in a time slot, in which a device pulled the wire low or not. On a DHT's wire
    `pulses(lengths)`, at an ADC pin `volts(volts)`, behind an ultrasonic sensor `echo(us)` (None:
    no answer, infinite: one without end) return what comes of it.
    """

    # Address it is about on I2C; None: all of them.
    address = None
    stretch_s = 0.0

    def acknowledges(self) -> bool:
        return True

    def taken(self, data):
        return len(data)

    def read(self, data):
        return data

    def done(self, device):
        pass

    def present(self, found):
        return found

    def slot(self, level, pulled):
        return level

    def pulses(self, lengths):
        return lengths

    def volts(self, volts):
        return volts

    def echo(self, us):
        return us

    def power_cycle(self):
        pass


def through(harms, name, value, *more):
    """Returns what becomes of a value by a method of all harms, one after another."""
    for harm in tuple(harms):
        value = getattr(harm, name)(value, *more)
    return value
