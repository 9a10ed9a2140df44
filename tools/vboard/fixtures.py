"""Fixtures of pytest for tests on virtual boards: of a driver, of a firmware, of a fleet.

They need pytest, the packages of requirements/vboard.txt, and tools/ on the import path. In
conftest.py stands `pytest_plugins = ["vboard.fixtures"]`. A test makes a board from its files,
switches it on and waits for what it says:

    from pathlib import Path

    from vboard import World
    from vboard.devices.bme280 import BME280

    MAIN = "import driver; print(driver.read(), 'hPa')"

    def test_my_driver(virtual_board):
        board = virtual_board({"driver.py": Path("driver.py").read_text()}, MAIN)
        board.hardware.i2c(18, 19).attach(BME280(World()))
        board.power_on()
        assert 900 < float(board.wait_console("hPa").split()[0]) < 1100

What else a board has (power_off, press_reset, write_files, port, ...): `vboard.virtual`. What is
around it: `air` (Wi-Fi, names, time server), `vboard.World` and the things in `vboard.devices`.
"""

import contextlib
import tempfile
from pathlib import Path

import pytest

from . import available
from .air import Air


@pytest.fixture
def air():
    """An Air with the Wi-Fi "fieldpost", password "fieldpost-sim", for all boards of a test."""
    with contextlib.closing(Air()) as made:
        yield made


@pytest.fixture
def virtual_board(air):
    """virtual_board(files={}, main="", profile="esp32_generic", name=None): a VirtualBoard.

    It has MicroPython and these files, {path: bytes or text}, `main` as main.py, and is off. At
    the test's end it is closed and its folder removed. Skips the test where there is no
    MicroPython for virtual boards.
    """
    reason = available.why_not()
    if reason:
        pytest.skip(reason)
    # Here: it can't be loaded everywhere.
    from .virtual import VirtualBoard

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vboard-test-")))
        made = []

        def make(files=None, main="", profile="esp32_generic", name=None):
            name = name or f"board{len(made)}"
            board = VirtualBoard(folder / name, air, name, profile)
            made.append(stack.enter_context(board))
            board.install_micropython()
            board.write_files({"main.py": main, **(files or {})})
            return board

        yield make
