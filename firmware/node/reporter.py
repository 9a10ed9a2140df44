"""Makes topic and payload of a reading."""

import json


class Reporter:
    """`kind` is "json" (value, unit, time, sequence) or "value" (the bare value)."""

    def __init__(self, topics, clock, kind: str = "json"):
        self._topics = topics
        self._clock = clock
        self._json = kind == "json"

    def topic(self, reading) -> str:
        """Returns where a reading is published."""
        return self._topics.of(reading.level)

    def payload(self, reading) -> bytes:
        """Returns what is published of it. The clock is asked now: it may have been set since."""
        if hasattr(reading, "payload"):
            # Not of a sensor (faults.Notice).
            return reading.payload(self._clock.at).encode()
        if not self._json:
            return _text(reading.value, reading.decimals).encode()
        value = reading.value
        number = _text(value, reading.decimals) if _is_number(value) else json.dumps(value)
        # Put together by hand: json.dumps keeps no order on MicroPython and no decimals.
        return (
            '{"value":%s,"unit":%s,"time":%s,"seq":%d}'
            % (
                number,
                json.dumps(reading.unit),
                json.dumps(self._clock.at(reading.uptime)),
                reading.seq,
            )
        ).encode()


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value, decimals):
    if not _is_number(value) or not (decimals or isinstance(value, float)):
        return str(value)
    # A fixed count of decimals: the same text on single and double floats.
    text = "%.*f" % (decimals or 0, value)
    # A little below zero is zero, too.
    return text if text.strip("-0.") else text.lstrip("-")
