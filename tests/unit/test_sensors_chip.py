# The chip's own quantities: handed on as the node knows them.

from sensors import chip


class Host:
    def __init__(self, rssi):
        self._rssi = rssi

    def rssi(self):
        return self._rssi

    def free_heap(self):
        return 81_920

    def uptime(self):
        return 3_600


def read(rssi):
    try:
        chip.Driver(Host(rssi)).read().send(None)
    except StopIteration as end:
        return end.value


def test_reads_what_the_node_knows():
    assert read(-61) == (-61, 81_920, 3_600)


def test_no_signal_without_wifi():
    assert read(None) == (None, 81_920, 3_600)


def test_declares_what_it_delivers():
    names = [quantity[0] for quantity in chip.QUANTITIES]
    assert names == ["rssi", "free_heap", "uptime"]
    assert chip.BUS is None and not chip.OPTIONS and not chip.EVENTS
