"""Where the parts of the project are, and how a board is made of them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Folder -> its place on the board.
ON_BOARD = ((ROOT / "firmware", "/"), (ROOT / "lib", "/lib"))
