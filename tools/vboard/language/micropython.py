# The module micropython, for what of it has a meaning on CPython.


def const(value):
    return value


def alloc_emergency_exception_buf(size):
    return None


def opt_level(level=0):
    return 0


def kbd_intr(char):
    return None


def schedule(function, arg):
    # Interrupt handlers run in the board's thread already: it is the right moment.
    function(arg)
