# The garbage collector of a board. CPython has no heap of a board's size: what is in use is an
# estimate, counted from the sources loaded (bytecode and data take about their half on the chip).

import _board


def collect():
    return None


def enable():
    return None


def disable():
    return None


def isenabled():
    return True


def threshold(amount=-1):
    return -1


def mem_alloc():
    return _board.heap_used() // 2


def mem_free():
    return _board.call("heap_size") - mem_alloc()
