"""The topic hierarchy: company/location/building/floor/room/device/sensor."""

from mqtt.topic import TopicError, check_name

# The levels above the sensor; those that a site doesn't need are left out.
LEVELS = ("company", "location", "building", "floor", "room", "device")
REQUIRED = ("company", "device")

# The node's own topics beside the sensors'.
STATUS, COMMAND, REPLY, FAULTS = "status", "command", "reply", "faults"
RESERVED = (STATUS, COMMAND, REPLY, FAULTS)

# Bytes of a whole topic: AWS IoT Core takes no more (the standard: 65,535).
LONGEST = 256
# Unicode's spaces, beside those in a row with others.
SPACES = "\u1680\u2028\u2029\u202f\u205f\u3000"
ALLOWED = "text without space, control character, / + # and no $ in front"


def level_fault(level) -> str:
    """Returns what is wrong with one level of a topic, or ''."""
    if not isinstance(level, str):
        return "is no text"
    if not level:
        return "is empty"
    for character in level:
        if character in "/+#" or character <= " " or _is_blank(character):
            return "has a %r" % character
    if level[0] == "$":
        return "begins with $"
    try:
        check_name(level)
    except TopicError as error:
        return str(error)
    return ""


def _is_blank(character):
    # By their numbers, for MicroPython's isspace() and isprintable() know ASCII only.
    if "\x7f" <= character <= "\xa0" or "\u2000" <= character <= "\u200a":
        return True
    return character in SPACES


class Topics:
    """The topics of one node. Raises TopicError if an identity makes none that is allowed."""

    def __init__(self, identity: dict, longest: int = LONGEST):
        for name in LEVELS:
            level = identity.get(name)
            fault = level_fault(level) if level is not None or name in REQUIRED else ""
            if fault:
                raise TopicError("%s %r %s: %s is allowed" % (name, level, fault, ALLOWED))
        self._longest = longest
        # Everything above the sensor.
        self.device = "/".join(identity[name] for name in LEVELS if identity.get(name))
        self.status = self.of(STATUS)
        self.command = self.of(COMMAND)
        self.reply = self.of(REPLY)
        self.faults = self.of(FAULTS)

    def of(self, sensor: str) -> str:
        """Returns the topic of a sensor (one level). Raises TopicError."""
        fault = level_fault(sensor)
        if fault:
            raise TopicError("sensor %r %s: %s is allowed" % (sensor, fault, ALLOWED))
        topic = self.device + "/" + sensor
        size = len(topic.encode())
        if size > self._longest:
            raise TopicError("topic of %d bytes, %d at most: %s" % (size, self._longest, topic))
        return topic
