"""The node's status, retained: what a late subscriber sees of it."""

ONLINE, OFFLINE = "online", "offline"


class Status:
    """All three are retained and QoS 1: else one of them could stay for ever (will and birth)."""

    def __init__(self, topic: str):
        self._topic = topic

    def online(self) -> tuple:
        """Returns the birth as (topic, payload, qos, retain)."""
        return self._topic, ONLINE, 1, True

    def offline(self) -> tuple:
        """Returns the will, and the farewell of a clean stop."""
        return self._topic, OFFLINE, 1, True
