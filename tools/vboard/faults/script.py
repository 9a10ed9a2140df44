"""Faults by script: which sensor has which one, from when to when.

    [{"sensor": "attic", "fault": "nack", "start_s": 5, "end_s": 12.5},
     {"sensor": "meter", "fault": "stretch", "start_s": 20, "options": {"seconds": 0.2}}]

Without `end_s` it lasts until the player is stopped.
"""

import threading

from ..clock import clock
from ..script import is_number
from . import apply, check
from .base import FaultError, place_of

KEYS = ("sensor", "fault", "start_s", "end_s", "options")
NEEDED = ("sensor", "fault", "start_s")
# A script may be so long, s: thirty days.
LONGEST_S = 30 * 86_400


class FaultPlayer:
    """Plays a script on the things of `targets`, {sensor's name: what faults.apply() takes}.

    Its seconds are those of `clock`, which is the board's. Raises FaultError, whose text names
    the entry, for a script that can't be played.
    """

    def __init__(self, script, targets, clock=clock):
        self._clock = clock
        self._places = {name: place_of(target) for name, target in targets.items()}
        if not isinstance(script, (list, tuple)):
            raise FaultError(f"the script is {script!r}: a list of faults is needed")
        for number, entry in enumerate(script, 1):
            try:
                self._check(entry)
            except FaultError as error:
                raise FaultError(f"fault {number}: {error}") from None
        self._script = script
        # What is yet to begin or to end, clock.Calls, and the faults there are now.
        self._calls, self._faults = [], []
        # Held to change these two: the clock and stop() do, each in a thread of its own.
        self._lock = threading.Lock()

    def start(self):
        """Begins: the script's seconds count from now on."""
        self.stop()
        with self._lock:
            for entry in self._script:
                self._calls.append(self._clock.call_later(entry["start_s"], self._begin, entry))

    def stop(self):
        """Ends all faults there are, and none begins any more."""
        with self._lock:
            for call in self._calls:
                call.cancel()
            faults, self._calls, self._faults = self._faults, [], []
        # The last one first: it may be about what the first has left.
        for fault in reversed(faults):
            fault.end()

    def _begin(self, entry):
        with self._lock:
            if not self._calls:
                # Stopped while the clock was about to call.
                return
            place, options = self._places[entry["sensor"]], entry.get("options", {})
            fault = apply(place, entry["fault"], **options)
            self._faults.append(fault)
            if "end_s" in entry:
                after = entry["end_s"] - entry["start_s"]
                self._calls.append(self._clock.call_later(after, fault.end))

    def _check(self, entry):
        if not isinstance(entry, dict):
            raise FaultError(f"{entry!r} is no object of {', '.join(KEYS)}")
        for key in entry:
            if key not in KEYS:
                raise FaultError(f"there is no {key!r}: allowed are {', '.join(KEYS)}")
        for key in NEEDED:
            if key not in entry:
                raise FaultError(f"{key} is missing")
        if entry["sensor"] not in list(self._places):
            known = ", ".join(sorted(self._places)) or "none"
            raise FaultError(f"there is no sensor {entry['sensor']!r}: there are {known}")
        self._check_times(entry)
        options = entry.get("options", {})
        if not isinstance(options, dict):
            raise FaultError(f"options is {options!r}: an object is needed")
        check(self._places[entry["sensor"]], entry["fault"], options)

    def _check_times(self, entry):
        least = 0
        for key in ("start_s", "end_s"):
            value = entry.get(key, least)
            if not is_number(value) or not least <= value <= LONGEST_S:
                text = f"{key} is {value!r}: s from {least} to {LONGEST_S} are needed"
                raise FaultError(text)
            least = value
