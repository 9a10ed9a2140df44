"""The node's status, retained: what a late subscriber sees of it."""

ONLINE, OFFLINE = "online", "offline"
# As faults.py has it, which a node without any doesn't load.
NO_FAULTS = '{"count":0,"sensors":{}}'


class Status:
    """All three are retained and QoS 1: else one of them could stay for ever (will and birth)."""

    def __init__(self, topic: str, faults: str):
        self._topic = topic
        # The topic of the sensors' faults.
        self._faults = faults

    def online(self) -> tuple:
        """Returns the birth as (topic, payload, qos, retain)."""
        return self._topic, ONLINE, 1, True

    def offline(self) -> tuple:
        """Returns the will, and the farewell of a clean stop."""
        return self._topic, OFFLINE, 1, True

    def well(self) -> tuple:
        """Returns that no sensor is at fault: it replaces what was told before a restart."""
        return self._faults, NO_FAULTS, 1, True
