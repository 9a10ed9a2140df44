"""`fieldpost driver-check`: every driver passes, and each kind of fault is found by its check."""

import re
import sys
from pathlib import Path

import pytest

import sensors
from fieldpost import cli, new_driver, trial
from shell import ROOT, Terminal
from vm import needs_vm

EMULATED = ("--only", "emulated")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        """Returns (exit code, its lines, what it complained of)."""
        code = cli.main(["driver-check", *map(str, arguments)])
        printed, complained = capsys.readouterr()
        return code, printed.splitlines(), complained

    return run


@pytest.fixture
def made(tmp_path):
    def made(*changes, bus="i2c"):
        """Returns the file of a third party's driver: what new-driver writes, with changes."""
        for path, template in new_driver.places("thermo", bus, tmp_path).items():
            path.write_text(new_driver.filled("thermo", template.read_text()))
        path = tmp_path / "thermo.py"
        text = path.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)
        return path

    return made


@needs_vm
@pytest.mark.timeout(180)
def test_every_driver_passes_on_both_interpreters(run):
    code, lines, complained = run("--all")
    assert code == 0, "\n".join(lines)
    rows = {line.split()[0]: line for line in lines[1 : 1 + len(sensors.names())]}
    assert sorted(rows) == sensors.names()
    assert "wrong" not in "".join(rows.values())
    # Garbage is weighed where there is a heap: it was MicroPython that read.
    assert all(re.search(r" [\d,]+ B *$", row) for row in rows.values())
    assert complained == ""


@needs_vm
@pytest.mark.parametrize("bus", ["i2c", "pin", "one_wire", "adc"])
def test_what_new_driver_writes_passes(bus, made, run):
    code, lines, _ = run(made(bus=bus))
    assert code == 0 and len(lines) == 2, lines


MEASURE = "await asyncio.sleep_ms(_MEASURE_MS)"
RETURN = "return (self._celsius(),)"
WRITE = "self._bus.writeto(self._address, _MEASURE)"
LAST, FAIL = "return (self._last,)", "self.failed = True"
READ = "    async def read(self) -> tuple:"
# What is wrong -> (changes of a driver that is right, the check that finds it, what is said).
BROKEN = {
    "formula": (
        [
            (
                "return (word - 0x10000 if word & 0x8000 else word) / 100",
                "return round((word - 0x10000 if word & 0x8000 else word) / 101, 2)",
            )
        ],
        "range",
        r"at temperature -40: temperature is -39.6 where -40.000 is true, 0.4 off and 0.01 al",
    ),
    "sign": (
        [("(word - 0x10000 if word & 0x8000 else word)", "word")],
        "range",
        "temperature doesn't come: it said 'temperature 615.36 °C is not in -40 to 125: check",
    ),
    "check sum": (
        [("if crc8(frame, 0, 2) != frame[2]:", "if crc8(frame, 0, 2) > 255:")],
        "faults",
        r"during crc: temperature is -?[\d.]+ where -?[\d.]+ is true, .* check what it computes",
    ),
    "former value": (
        [
            (RETURN, "self._last = self._celsius()\n        return (self._last,)"),
            (WRITE, f"try:\n            {WRITE}\n        except OSError:\n            {LAST}"),
        ],
        "faults",
        "during nack: temperature is",
    ),
    "no second try": (
        [
            (READ, f"    failed = False\n\n{READ}"),
            (
                WRITE,
                f"if self.failed:\n            raise OSError(5)\n        {FAIL}\n        {WRITE}",
            ),
            (RETURN, f"self.failed = False\n        {RETURN}"),
        ],
        "faults",
        "after nack: temperature doesn't come: it said .no answer on the bus .*begin anew after",
    ),
    "pause": (
        [(MEASURE, "time.sleep_ms(50)"), ("import asyncio", "import time")],
        "blocks",
        r"nothing else runs for 50.\d ms, 5 are declared: await asyncio.sleep_ms\(\) in between",
    ),
    "decimals": (
        [('"°C", 2,', '"°C", 1,')],
        "reads",
        r"temperature is -?\d+.\d\d, 1 decimals are declared: round it, or declare more",
    ),
    "nan": (
        [(RETURN, 'self._celsius()\n        return (float("nan"),)')],
        "reads",
        "temperature never comes: it said 'temperature nan is no value to publish'",
    ),
    "text": (
        [(RETURN, "return (str(self._celsius()),)")],
        "reads",
        "temperature never comes: it said 'temperature .* is not in -40 to 125",
    ),
    "no values": (
        [(RETURN, "return ()")],
        "reads",
        r"read\(\) returns 0 values, QUANTITIES has 1",
    ),
    "cancelled": (
        [("raise SensorError(", "raise asyncio.CancelledError(")],
        "faults",
        "a task of it ended: CancelledError",
    ),
    "own task": (
        [
            (MEASURE, f"{MEASURE}\n        asyncio.create_task(self._look())"),
            (READ, f"    async def _look(self):\n        self._bus.writeto(1, b'')\n\n{READ}"),
        ],
        "reads",
        r"a task of it ended: OSError\(19.*: catch what it awaits",
    ),
    "constructor": (
        [("self._bus = bus", "self._bus = bus.missing")],
        "reads",
        "it can't be made: A",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_found_by_its_check(name, made, run):
    changes, check, text = BROKEN[name]
    code, lines, _ = run(made(*changes), *EMULATED)
    told = "\n".join(lines[2:])
    assert code == 1 and "its program ended" not in told
    assert re.search(rf"^thermo: {check} \(emulated\): .*{text}", told, re.MULTILINE), told


@needs_vm
@pytest.mark.parametrize("kept", ["self._celsius()", "1"])
def test_a_leak_is_found(kept, made, run):
    changes = [
        (RETURN, f"self._kept.append({kept})\n        {RETURN}"),
        ("self._bus = bus", "self._bus = bus\n        self._kept = []"),
    ]
    code, lines, _ = run(made(*changes), "--only", "virtual")
    assert code == 1 and re.search(
        r"thermo: memory \(virtual\): \d+ bytes a reading are never given back: let", lines[2]
    )


@needs_vm
def test_what_differs_on_one_interpreter_is_told_so(made, run):
    # A class of CPython that MicroPython hasn't.
    code, lines, _ = run(made(("import asyncio", "import asyncio\nimport decimal as _")))
    assert code == 1 and any(
        "thermo: reads (virtual): it can't be made: Import" in x for x in lines
    )


def test_a_driver_that_never_awaits_is_given_up(made, run, monkeypatch):
    monkeypatch.setattr(trial, "PATIENCE_S", 2)
    code, lines, _ = run(made((MEASURE, "while True:\n            pass")), *EMULATED)
    assert code == 1
    assert "it doesn't come back: something in it never awaits" in lines[2]


def test_an_event_that_never_comes_is_missed(run, tmp_path):
    # Of one that is called as a driver of the project is, the emulation is that one's.
    path = tmp_path / "digital.py"
    text = Path(str(sensors.load("digital").__file__)).read_text()
    path.write_text(text.replace("if level != self._level:", "if level is None:"))
    code, lines, _ = run(path, *EMULATED)
    assert code == 1 and "digital: range (emulated): no event tells that state has ch" in lines[2]


@pytest.mark.parametrize("board", ["esp32_c3", "esp32_s2"])
def test_on_another_board(board, made, run):
    assert run(made(), "sht4x", "digital", "battery", "--board", board, *EMULATED)[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_ctrl_c_ends_it_cleanly(made, tmp_path):
    path = made((MEASURE, "while True:\n            pass"))
    with Terminal(ROOT / ".venv/bin/fieldpost", "driver-check", path, TMPDIR=str(tmp_path)) as one:
        one.wait_for("trying")
        one.type("\x03")
        assert one.wait() == 130, one.output
    assert "Traceback" not in one.output
    assert not any(tmp_path.glob("driver-check-*"))


def test_without_an_emulation_only_declarations_are_checked(made, run):
    path = made()
    path.with_name("thermo_emulation.py").unlink()
    code, lines, _ = run(path)
    assert code == 0 and "thermo: it has no emulation, so that only its declarations" in lines[2]


def test_its_helpers_and_its_emulation_may_stand_elsewhere(made, run, tmp_path):
    path = made(("from sensors._crc8 import crc8", "from sensors._sum import crc8"))
    path.with_name("_sum.py").write_text("from sensors._crc8 import crc8  # noqa: F401\n")
    other = tmp_path / "other" / "elsewhere.py"
    other.parent.mkdir()
    path.with_name("thermo_emulation.py").rename(other)
    assert run(path, "--emulation", other, *EMULATED)[0] == 0


def test_a_large_one_is_mentioned_and_a_too_large_one_is_wrong(made, run):
    for functions, told in (
        (30, "bytes are more than the 1,500"),
        (100, "bytes compiled, 3,000 ar"),
    ):
        more = "".join(f"\n\ndef more_{i}():\n    return {i} + BUS\n" for i in range(functions))
        path = made()
        path.write_text(path.read_text() + more)
        code, lines, _ = run(path, *EMULATED)
        assert code == (functions > 50) and told in lines[2], lines


def test_declarations_come_first(made, run):
    code, lines, _ = run(made(('"°C"', '"C"')))
    assert code == 1 and "declared: QUANTITIES, temperature: unit 'C': for temp" in lines[2]
    assert lines[3] == "thermo: not tried on a board: mend its declarations first"


def test_an_emulation_that_fails_is_told(made, run):
    path = made()
    emulation = path.with_name("thermo_emulation.py")
    emulation.write_text(
        emulation.read_text().replace('SHOWN = {"temperature"', 'SHOWN = {"heat"')
    )
    code, _, complained = run(path, *EMULATED)
    assert (
        code == 1
        and "thermo: its emulation failed: ValueError: the world has no 'heat'" in complained
    )


def test_an_option_can_be_set(made, run):
    assert run(made(), "--set", "address=0x49", *EMULATED)[0] == 0
    for given, told in (
        ("address=0x50", "--set address=0x50: allowed is 0x48, 0x49"),
        ("colour=red", "--set colour=red: its options are address"),
        ("address", "--set address: OPTION=VALUE is needed"),
    ):
        code, _, complained = run(made(), "--set", given, *EMULATED)
        assert code == 1 and told in complained


def test_what_cant_be_checked_is_told(run, tmp_path):
    for arguments, told in (
        ((), "name a driver or its file, or --all"),
        (("bme680",), "no driver 'bme680': there are ads1115,"),
        ((tmp_path / "none.py",), "none.py: there is no such file"),
        (("sht4x", "sht3x", "--set", "address=0x44"), "--emulation and --set are for one driver"),
        (("sht4x", "--board", "mine"), "no board 'mine'"),
        (("sht4x", "--emulation", tmp_path / "no.py"), "no.py: no file of Python"),
    ):
        code, _, complained = run(*arguments)
        assert code == 1 and told in complained, arguments


def test_a_file_that_raises_is_told(made, run):
    code, _, complained = run(made(('BUS = "i2c"', "BUS = 1 / 0")))
    assert code == 1 and "can't be imported: ZeroDivisionError: division by zero" in complained
