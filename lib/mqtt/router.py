"""Which handlers a message goes to (MQTT 3.1.1, 4.7)."""

from .packet import received_name
from .topic import check_filter


def matches(levels, topic_levels) -> bool:
    """Tells if a filter matches a topic name, both split at the slashes (4.7)."""
    first = levels[0]
    if topic_levels[0].startswith("$") and (first == "+" or first == "#"):
        return False  # 4.7.2
    for i, level in enumerate(levels):
        if level == "#":  # the parent level too: sport/# matches sport
            return True
        if i == len(topic_levels) or level != "+" and level != topic_levels[i]:
            return False
    return len(levels) == len(topic_levels)


class Route:
    """A filter, its QoS and its handler. `granted` is the broker's answer, None before it."""

    def __init__(self, topic_filter, handler, qos):
        # The filter as bytes, for the packet.
        self.filter = check_filter(topic_filter)
        # The filter as str: what the handler gets if there is no wildcard in it.
        self.name = name = str(self.filter, "utf-8")
        # The levels; or, without a wildcard, None, and the filter as bytearray: MicroPython
        # finds no memoryview equal to bytes.
        self.levels = name.split("/") if "+" in name or "#" in name else None
        self.raw = bytearray(self.filter)
        self.handler = handler
        self.qos = qos
        self.granted = None


def route(routes, topic, payload, first, call):
    """Calls call(route, name, payload, first) for each Route that matches `topic`, a memoryview.

    Without wildcards among the filters a name that matches is not even decoded. Raises
    ProtocolError if the server sent a name that is none (3.3.2.1, 1.5.3).
    """
    name = levels = None
    for one in routes:
        if one.levels is None:
            if topic == one.raw:
                name = name or one.name
                call(one, name, payload, first)
        else:
            if levels is None:
                name = name or received_name(topic)
                levels = name.split("/")
            if matches(one.levels, levels):
                call(one, name, payload, first)
    if name is None:
        received_name(topic)
