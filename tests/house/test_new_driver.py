"""`fieldpost new-driver`: what it writes works as it is, and it overwrites nothing."""

import os
import shutil
import subprocess
import sys

import pytest

from fieldpost import cli, new_driver
from shell import ROOT
from vm import MICROPYTHON, needs_vm

BUSES = ("i2c", "pin", "one_wire", "adc")
RUN_UNIT = ROOT / "tests" / "vm" / "run_unit.py"


@pytest.fixture
def run(capsys):
    def run(*arguments):
        """Returns (exit code, its lines, what it complained of)."""
        code = cli.main(["new-driver", *map(str, arguments)])
        printed, complained = capsys.readouterr()
        return code, printed.splitlines(), complained

    return run


def test_the_files_for_somebody_elses_folder(run, tmp_path):
    code, lines, _ = run("air", "--out", tmp_path / "mine")
    names = ["air.py", "air_emulation.py", "test_air.py"]
    assert code == 0 and sorted(os.listdir(tmp_path / "mine")) == names
    assert [line.partition(":")[0].rpartition("/")[2] for line in lines[:3]] == names
    assert lines[3:] == [
        "next:",
        f"  .venv/bin/fieldpost driver-check {tmp_path}/mine/air.py",
        f"  .venv/bin/pytest {tmp_path}/mine/test_air.py",
    ]


def test_the_places_in_the_project():
    places = new_driver.places("air", "i2c")
    assert [str(path.relative_to(ROOT)) for path in places] == [
        "firmware/sensors/air.py",
        "tools/vboard/devices/air.py",
        "tests/unit/test_sensors_air.py",
    ]
    assert all(template.exists() for template in places.values())


@pytest.mark.parametrize("bus", BUSES)
def test_what_it_writes_is_clean(bus, tmp_path):
    # As long as a name can be, at each place where it would stand.
    name = "long_" + "n" * (new_driver.LONGEST - 5)
    write(name, bus, tmp_path)
    new_driver._write(name, new_driver.places(name, bus, tmp_path / "tools" / "out"))
    for command in (["check", "-q"], ["format", "-q", "--check"]):
        arguments = [*command, "--config", ROOT / "pyproject.toml", tmp_path]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    text = "".join(path.read_text() for path in tmp_path.rglob("*.py"))
    assert "xample" not in text and "pyright" not in text


def write(name, bus, root):
    new_driver._write(name, new_driver.places(name, bus, root=root))


@needs_vm
@pytest.mark.parametrize("bus", BUSES)
def test_its_test_passes_on_both_interpreters(bus, tmp_path):
    shutil.copytree(ROOT / "firmware", tmp_path / "firmware")
    write("air", bus, tmp_path)
    file = tmp_path / "tests" / "unit" / "test_sensors_air.py"
    folders = [tmp_path / "firmware", ROOT / "lib", ROOT / "tests" / "unit"]
    for interpreter in (sys.executable, MICROPYTHON):
        done = subprocess.run(
            [interpreter, RUN_UNIT, file, *folders], capture_output=True, text=True, timeout=50
        )
        assert done.returncode == 0 and ", 0 failed" in done.stdout, done.stdout + done.stderr


@needs_vm
def test_its_test_finds_what_is_wrong(tmp_path):
    shutil.copytree(ROOT / "firmware", tmp_path / "firmware")
    write("air", "i2c", tmp_path)
    driver = tmp_path / "firmware" / "sensors" / "air.py"
    driver.write_text(driver.read_text().replace("/ 100", "/ 10"))
    file = tmp_path / "tests" / "unit" / "test_sensors_air.py"
    folders = [tmp_path / "firmware", ROOT / "lib", ROOT / "tests" / "unit"]
    done = subprocess.run([MICROPYTHON, RUN_UNIT, file, *folders], capture_output=True, text=True)
    assert done.returncode == 1 and "FAIL test_values_of_words" in done.stdout


def test_nothing_is_overwritten(run, tmp_path):
    for name in ("air.py", "air_emulation.py", "test_air.py"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("mine")
        code, _, complained = run("air", "--out", folder)
        assert code == 1 and "is there already, and is left as it is" in complained
        assert os.listdir(folder) == [name] and (folder / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("_air", "is no name for a driver: a-z, 0-9 and _, a letter first, at most 24 characters"),
        ("Air", "is no name for a driver"),
        ("4air", "is no name for a driver"),
        ("my-air", "is no name for a driver"),
        ("../air", "is no name for a driver"),
        ("a" * 25, "is no name for a driver"),
        ("lambda", "is a word of Python: take another name"),
        ("match", "is a word of Python: take another name"),
        ("bme280", "is a driver already: take another name"),
    ],
)
def test_a_name_that_none_can_have(name, told, run):
    code, _, complained = run(name)
    assert code == 1 and told in complained


def test_a_folder_that_cant_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, complained = run("air", "--out", tmp_path / "file")
    assert code == 1 and "Traceback" not in complained and "file" in complained
