"""What joins the world's things to a board's pins."""

import threading

from .clock import clock
from .devices.hcsr04 import DELAY_US


class ContactWire:
    """Plays a contact's edges, bounces included, onto a pin as its door moves in the world."""

    def __init__(self, pin, contact, clock=clock):
        self._pin, self._contact, self._clock = pin, contact, clock
        self._lock = threading.Lock()
        # The level the pin has once it is quiet.
        self._level = contact.level_at(contact.world.now())
        # Edges still to be played and the door's next scripted move: clock.Calls.
        self._edges = []
        self._next = None
        # True once the contact was taken off.
        self._cut = False
        self._forget = contact.world.on_change(self._set_by_hand)
        self._pin.drive(self._level)
        self._plan(contact.world.now())

    def cut(self):
        """Takes the contact off the pin."""
        self._forget()
        with self._lock:
            self._cut = True
            for call in (*self._edges, self._next):
                if call:
                    call.cancel()
            self._pin.drive(None)

    def _set_by_hand(self, name, _):
        if name == self._contact.door_name:
            self._move(self._contact.world.now())

    def _plan(self, after):
        world = self._contact.world
        if self._next:
            self._next.cancel()
        when = world.next_change(self._contact.door_name, after)
        self._next = when and self._clock.call_later(max(0, when - world.now()), self._move, when)

    def _move(self, when):
        # `when`, not the time now: the clock may call a hair too early, before the door's move.
        with self._lock:
            if self._cut:
                return
            self._play(self._contact.level_at(when))
            self._plan(max(when, self._contact.world.now()))

    def _play(self, level):
        before, self._level = self._level, level
        edges = self._contact.edges(before, level)
        if edges:
            # What is left of the last move's bounces would end at its level.
            for call in self._edges:
                call.cancel()
            self._edges = [
                self._clock.call_later(offset_ms / 1000, self._drive, at)
                for offset_ms, at in edges
            ]

    def _drive(self, level):
        with self._lock:
            if not self._cut:
                self._pin.drive(level)


class EchoWire:
    """Answers the end of a pulse on one pin with a pulse on another."""

    def __init__(self, trigger, echo, device):
        self._trigger, self._echo, self._device = trigger, echo, device
        trigger.on_fall = self._answer

    def cut(self):
        """Takes the sensor off its pins."""
        self._trigger.on_fall = None

    def _answer(self):
        self._echo.expect(DELAY_US, self._device.echo_us())
