"""The bench's pieces work: a row or two of it, without the peers, and how it judges."""

import importlib
import json
import re
import subprocess
import sys

import pytest

from shell import ROOT
from vm import needs_mosquitto, needs_vm

COMPARE = [sys.executable, ROOT / "bench/compare.py"]


def compare(*arguments):
    """Runs the bench; returns what became of it."""
    return subprocess.run([*COMPARE, *arguments], capture_output=True, text=True, timeout=50)


def measured(file, *rows):
    """Measures rows of ours once; returns what the bench writes to its file."""
    only = [part for row in rows for part in ("--only", row)]
    done = compare("--who", "ours", "--runs", "1", "--json", file, *only)
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_text())
    assert sorted(told) == sorted(rows)
    assert all(row["title"] in done.stdout for row in told.values())
    return told


@pytest.fixture
def bench(monkeypatch):
    """Imports a module of the bench."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "bench")):
            del sys.modules[name]


def test_help_lists_the_rows(bench):
    done = compare("--help")
    for row in bench("rows").ROWS:
        assert re.search(rf"^  {row.key} +{re.escape(row.title)}$", done.stdout, re.MULTILINE)


def test_an_unknown_row_is_told():
    done = compare("--only", "speed")
    assert (done.returncode, "there is no row speed" in done.stderr) == (2, True)


@needs_vm
@needs_mosquitto
def test_rows_on_loopback(tmp_path):
    told = measured(tmp_path / "found.json", "tls-rsa", "fin", "size")
    for row in told.values():
        (value,) = row["values"]["ours"]
        assert value > 0 and row["verdicts"]["blocking"] in ("met", "missed")


@needs_vm
@needs_mosquitto
def test_the_link_measures_or_says_what_it_needs(tmp_path):
    told = measured(tmp_path / "found.json", "link-first")["link-first"]
    if told["notes"]:
        assert told["notes"]["ours"].startswith("needs ")
    else:
        # Less than two round trips can't be: the delay is real.
        assert told["medians"]["ours"] >= 100


def test_the_median_is_held_to_the_bar(bench):
    rows, table = bench("rows"), bench("table")
    results = table.Results()
    row = rows.Row("some", "some row", {"ours": 5}, digits=1)
    for value in (9.0, 5.04, 1.0):
        results.add("some", "ours", value)
    assert results.verdict(row, "ours") == "met"
    assert results.verdict(rows.Row("some", "", {"ours": 5}, high=True, digits=2), "ours") == "met"
    results.add("some", "ours", 9.0)
    assert results.verdict(row, "ours") == "missed"
    assert results.verdict(rows.Row("none", "", {"ours": 5}), "ours") == ""


def test_what_fails_once_is_missed(bench):
    rows, table = bench("rows"), bench("table")
    results = table.Results()
    row = rows.Row("some", "some row", {"ours": 5})
    results.add("some", "ours", 1)
    results.note("some", "ours", "never again")
    assert results.verdict(row, "ours") == "missed"
    assert "never again" in table.lines(results, [row])[1]
    results.note("some", "ours", "needs root")
    assert results.verdict(row, "ours") == ""


def test_torn_packets_are_put_together(bench):
    wire = bench("wire")
    sent = wire.publish(b"a/b", b"x" * 300, 1, 7) + b"\xd0\0" + wire.connect(b"me")
    for cut in range(len(sent)):
        first, rest = wire.split(sent[:cut])
        second, left = wire.split(rest + sent[cut:])
        assert [one for one, _ in first + second] == [0x32, 0xD0, 0x10] and left == b""


def test_the_peers_are_pinned_with_hashes(bench):
    lines = bench("fetch").requirements()
    group = (ROOT / "pyproject.toml").read_text().split("\nbench = [")[1].split("]")[0]
    wanted = re.findall(r'"([^"]+)"', group)
    assert len(wanted) == 6
    for pin in wanted:
        name = pin.replace("_", "-").replace("umqtt.", "umqtt-")
        (line,) = (line for line in lines if line.startswith(name))
        assert "--hash=sha256:" in line
