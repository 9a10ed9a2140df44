"""Topic names and filters (MQTT 3.1.1, 4.7): checked, matched, routed to handlers."""

from .packet import ProtocolError, text, well_formed


class TopicError(ValueError):
    """A topic name or filter is not allowed. The text says why."""


def _checked(value, kind):
    try:
        value = text(value)
    except ValueError as error:
        raise TopicError("%s %r: %s" % (kind, value[:40], error))
    if not value:
        raise TopicError("a %s has at least one character" % kind)
    return value


def check_name(topic) -> bytes:
    """Returns a topic name of str or bytes as bytes. Raises TopicError, also on a wildcard."""
    name = _checked(topic, "topic")
    if b"+" in name or b"#" in name:  # 3.3.2.1
        raise TopicError("topic %r: + and # are for filters only" % topic)
    return name


def check_filter(topic_filter) -> bytes:
    """Returns a topic filter of str or bytes as bytes. Raises TopicError."""
    value = _checked(topic_filter, "filter")
    levels = value.split(b"/")
    for level in levels:
        if len(level) > 1 and (b"+" in level or b"#" in level):  # 4.7.1
            raise TopicError("filter %r: + and # fill a whole level" % topic_filter)
    if b"#" in levels[:-1]:
        raise TopicError("filter %r: # is the last level" % topic_filter)
    return value


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
        self.name = str(self.filter, "utf-8")
        # The same as bytearray: MicroPython finds no memoryview equal to bytes.
        self.raw = bytearray(self.filter)
        # The levels, or None without a wildcard.
        self.levels = self.name.split("/") if "+" in self.name or "#" in self.name else None
        self.handler = handler
        self.qos = qos
        self.granted = None


class Router:
    """Finds the handlers of a message: each filter that matches, in the order they came."""

    def __init__(self):
        # Replaced by a new list at each change, so a handler may change it while it is walked.
        self.routes = []

    def add(self, topic_filter, handler, qos) -> Route:
        """Adds a handler; one that the filter had is replaced (3.8.4). Raises TopicError."""
        self.remove(topic_filter)
        route = Route(topic_filter, handler, qos)
        self.routes = self.routes + [route]
        return route

    def remove(self, topic_filter) -> Route:
        """Forgets a filter; returns a Route of it. Raises TopicError."""
        gone = Route(topic_filter, None, 0)
        self.routes = [r for r in self.routes if r.filter != gone.filter]
        return gone

    def route(self, topic, payload, retain, call):
        """Calls call(route, name, payload, retain) for each match of `topic`, a memoryview.

        Without wildcards among the filters a name that matches is not even decoded.
        Raises ProtocolError if the server sent a name that is none (3.3.2.1, 1.5.3).
        """
        name = levels = None
        for route in self.routes:
            if route.levels is None:
                if topic == route.raw:
                    call(route, route.name, payload, retain)
                    name = name or route.name
                continue
            if levels is None:
                name = name or _received(topic)
                levels = name.split("/")
            if matches(route.levels, levels):
                call(route, name, payload, retain)
        if name is None:
            _received(topic)


def _received(topic):
    raw = bytes(topic)
    if b"+" in raw or b"#" in raw or b"\0" in raw or not well_formed(raw):
        raise ProtocolError("a PUBLISH to a forbidden topic name (3.3.2.1, 1.5.3)")
    return str(raw, "utf-8")
