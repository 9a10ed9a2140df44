"""What a value of the configuration may be: `value in rule` says it, str(rule) tells it."""

from mqtt.topic import text
from node import topics


class Text:
    """Text of so many bytes; with `empty` no text at all is allowed too."""

    def __init__(self, shortest, longest, empty=False):
        self.shortest = shortest
        self.longest = longest
        self.empty = empty

    def __contains__(self, value):
        if not isinstance(value, str):
            return False
        try:
            size = len(text(value))
        except ValueError:
            # With a NUL or half a surrogate pair in it.
            return False
        return self.shortest <= size <= self.longest or self.empty and not size

    def __str__(self):
        shown = "text of %d to %d bytes" % (self.shortest, self.longest)
        return shown + " or none" if self.empty else shown


class Host(Text):
    """A broker's or server's name or address."""

    def __init__(self):
        super().__init__(1, 255)

    def __contains__(self, value):
        return super().__contains__(value) and not any(c <= " " or c in "/:@" for c in value)

    def __str__(self):
        return "a name or an address, without mqtt:// and port"


class ClientId:
    """What every broker takes as a client identifier (MQTT 3.1.1, 3.1.3.1)."""

    def __contains__(self, value):
        if not isinstance(value, str) or not 1 <= len(value) <= 23:
            return False
        return all(c in "-_" or c < "\x7f" and (c.isdigit() or c.isalpha()) for c in value)

    def __str__(self):
        return "1 to 23 of A-Z a-z 0-9 - _"


class Level:
    """One level of the topic hierarchy."""

    def __contains__(self, value):
        return not topics.level_fault(value)

    def __str__(self):
        return topics.ALLOWED
