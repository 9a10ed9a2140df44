"""Which sensors are at fault, for who watches a fleet. Loaded with the first fault.

Published retained: {"count":1,"sensors":{"attic":{"fault":"no answer ...","since":1763800000500}}}
"""

import json

# Sensors that are listed; `count` has them all. And characters of a fault. Both bound the message.
MOST = 8
LONGEST = 200


class Faults:
    """The sensors at fault now, each by its first topic level."""

    def __init__(self, level: str):
        self._level = level
        # [sensor, fault, running time in ms since when], those at fault longest first.
        self._now = []

    def note(self, sensor: str, fault: str, uptime: int):
        """Takes why a sensor is at fault, '' when it works again; another fault goes on since."""
        for one in self._now:
            if one[0] == sensor:
                one[1] = fault[:LONGEST]
                break
        else:
            self._now.append([sensor, fault[:LONGEST], uptime])
        self._now = [one for one in self._now if one[1]]

    def notice(self):
        """Returns what goes into an outbox; a new one each time: an old one may be on its way."""
        return Notice(self._level, self.payload)

    def payload(self, at) -> str:
        """Returns the message; `at` makes UTC ms of the running time, None while it can't."""
        listed = ",".join([_told(one, at) for one in self._now[:MOST]])
        return '{"count":%d,"sensors":{%s}}' % (len(self._now), listed)


class Notice:
    """In place of a reading in an outbox."""

    qos = 1
    retain = True

    def __init__(self, level, payload):
        self.level = level
        # Called when it is sent: what is true then.
        self.payload = payload


def _told(one, at):
    sensor, fault, since = one
    # Put together by hand: json.dumps keeps no order on MicroPython.
    parts = json.dumps(sensor), json.dumps(fault), json.dumps(at(since))
    return '%s:{"fault":%s,"since":%s}' % parts
