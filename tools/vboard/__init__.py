"""The virtual ESP32 board: a board's power, wires, radio and surroundings, without the board."""

from .air import AccessPoint, Air
from .emulated import Board
from .world import World

__all__ = ["AccessPoint", "Air", "Board", "World"]
