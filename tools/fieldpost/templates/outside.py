"""Example: the driver on boards of both kinds, with its sensor emulated."""

from pathlib import Path

from fieldpost import cli

DRIVER = Path(__file__).with_name("example.py")


def test_it_passes_the_mill():
    # Change: one more for each option that matters, with "--set", "OPTION=VALUE".
    assert cli.main(["driver-check", str(DRIVER)]) == 0
