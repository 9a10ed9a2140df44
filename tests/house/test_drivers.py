"""`fieldpost drivers` and its page: what the drivers declare, told to who has a sensor."""

import json
import sys
from pathlib import Path

import pytest

import sensors
from fieldpost import catalogue, cli, driverpage
from node import config
from shell import ROOT, run as shell_run

PAGE = Path(__file__).parents[2] / "docs" / "sensors.md"


@pytest.fixture
def run(capsys):
    def run(*arguments):
        """Returns (exit code, what it printed, what it complained of)."""
        code = cli.main(["drivers", *arguments])
        return code, *capsys.readouterr()

    return run


def test_the_page_is_what_the_drivers_declare(run, tmp_path):
    file = tmp_path / "sensors.md"
    code, printed, _ = run("--page", str(file))
    assert (code, printed) == (0, f"{file}: {len(sensors.names())} drivers\n")
    assert file.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8"), "make sensors"


def test_the_page_has_them_all():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in text for name in sensors.names())


def test_a_page_that_cant_be_written(run, tmp_path):
    code, _, complaint = run("--page", str(tmp_path / "none" / "sensors.md"))
    assert code == 1 and "can't be written: No such file or directory" in complaint


def test_a_page_is_of_all_of_them(run, tmp_path):
    code, _, complaint = run("ntc", "--page", str(tmp_path / "page.md"))
    assert code == 1 and "leave out NAME" in complaint and not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="a shell's pipes, and /dev/full")
def test_an_output_that_ends_early():
    command = f"{ROOT}/.venv/bin/fieldpost drivers"
    code, output = shell_run(f"sh -c '{command} bme280 | head -1'")
    assert code == 0 and output.startswith("Bosch BME280") and output.count("\n") == 1, output
    code, output = shell_run(f"sh -c '{command} > /dev/full'")
    assert code == 1 and "its output takes no more: No space left on device" in output


def test_the_list_names_each_driver(run):
    code, printed, _ = run()
    listed = {line.split(" ")[0] for line in printed.splitlines()[1:]}
    assert code == 0 and set(sensors.names()) <= listed


@pytest.mark.parametrize("board", catalogue.boards())
def test_each_example_is_good_on_each_board(board):
    # example() has it judged as config check would, and raises otherwise.
    profile = catalogue.boards()[board]
    for entry in catalogue.entries():
        parts = catalogue.example(entry, profile)
        assert parts["sensors"][0]["driver"] == entry.name


def test_one_driver_on_a_board(run):
    code, printed, _ = run("ntc", "--board", "esp32_c3")
    assert code == 0 and "Steinhart-Hart" in printed and "| `series`" in printed
    example = json.loads(printed[printed.index("\n{\n") :])
    assert example == {"sensors": [{"driver": "ntc", "interval": 60, "pin": 4}]}


def test_what_needs_a_value_has_one_in_the_example():
    board = catalogue.boards()["esp32_generic"]
    (sensor,) = catalogue.example(catalogue.entry("moisture"), board)["sensors"]
    assert sensor["dry"] != sensor["wet"]


def test_an_unknown_driver_and_board(run):
    code, _, complaint = run("bme680")
    assert code == 1 and "no driver 'bme680': there are ads1115, aht20," in complaint
    code, _, complaint = run("ntc", "--board", "mine")
    assert code == 1 and "no board 'mine': boards/ has esp32_c3" in complaint


def test_keys_are_those_the_configuration_takes():
    entry = catalogue.entry("digital")
    lines = "\n".join(driverpage.keys(entry))
    for key in (*entry.options, *config.wiring("pin", {})):
        assert f"`{key}`" in lines
