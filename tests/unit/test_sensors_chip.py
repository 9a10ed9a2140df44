# The chip's own quantities: handed on as the node knows them.

from sensors import chip


class Host:
    celsius = None

    def __init__(self, rssi=-61, cause=1):
        self._rssi, self._cause = rssi, cause

    def rssi(self):
        return self._rssi

    def free_heap(self):
        return 81_920

    def uptime(self):
        return 3_600

    def reset_cause(self):
        return self._cause


class Warm(Host):
    def celsius(self):
        return 48


def read(host):
    driver = chip.Driver(host)
    try:
        driver.read().send(None)
    except StopIteration as end:
        assert len(end.value) == len(driver.quantities)
        return end.value


def test_reads_what_the_node_knows():
    assert read(Warm()) == (-61, 81_920, 3_600, "power on", 48)


def test_no_signal_without_wifi():
    assert read(Warm(None))[0] is None


def test_why_it_started():
    # 0, and machine.PWRON_RESET to SOFT_RESET of the ESP32.
    causes = [read(Warm(cause=cause))[3] for cause in range(6)]
    assert causes == ["unknown", "power on", "hard reset", "watchdog", "deep sleep", "soft reset"]


def test_a_chip_without_a_thermometer_has_no_temperature_to_come():
    assert read(Host()) == (-61, 81_920, 3_600, "power on")
    assert [quantity[0] for quantity in chip.Driver(Host()).quantities][-1] == "reset_cause"


def test_declares_what_it_delivers():
    names = [quantity[0] for quantity in chip.QUANTITIES]
    assert names == ["rssi", "free_heap", "uptime", "reset_cause", "chip_temperature"]
    assert chip.BUS is None and not chip.OPTIONS
