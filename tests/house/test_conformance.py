"""The tables of `make conformance` are whole, and what is wrong with them is told."""

import copy
import sys

import pytest

import conformance
from conformance import FAILED, NOT_OFFERED, OPEN, PASSED, SERVER
from shell import run

DATA = conformance.standard()
ROWS = conformance.tables()
# Both in the tables, the first with its test and the second with its reason.
LABEL, SERVERS = "MQTT-3.1.0-1", "MQTT-3.12.4-1"


def test_the_tables_are_whole():
    assert conformance.faults(ROWS, DATA) == []


def test_the_standard_is_the_one_that_is_meant():
    assert DATA["metadata"]["version"] == "3.1.1"
    assert len(DATA["requirements"]) == 141


def test_the_words_are_our_own():
    text = {one["label"]: one["excerpt"].lower() for one in DATA["requirements"]}
    for label, row in {**ROWS["client"], **ROWS["server"]}.items():
        assert row["says"].lower() not in text[label], label


def without_a_statement(rows):
    del rows["client"][LABEL]


def in_both_tables(rows):
    rows["server"][LABEL] = {"says": "x", "why": "x"}


def of_another_standard(rows):
    rows["client"]["MQTT-9.9.9-9"] = rows["client"][LABEL]


def without_a_test(rows):
    rows["client"][LABEL]["tests"] = []


def with_a_test_that_is_gone(rows):
    rows["server"][SERVERS]["tests"] = ["unit/test_mqtt_session.py::test_of_last_year"]


def with_a_file_that_is_gone(rows):
    rows["client"][LABEL]["tests"] = ["unit/test_gone.py::test_x"]


def without_words(rows):
    rows["client"][LABEL]["says"] = ""


def without_a_reason(rows):
    del rows["server"][SERVERS]["why"]


def in_no_section(rows):
    rows["security"]["5.9"] = rows["security"]["5.4.3"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_a_statement, f"{LABEL}: in no table"),
        (in_both_tables, f"{LABEL}: in two tables"),
        (of_another_standard, "MQTT-9.9.9-9: not in the standard"),
        (without_a_test, f"{LABEL}: no test"),
        (with_a_test_that_is_gone, "test_mqtt_session.py::test_of_last_year: no such test"),
        (with_a_file_that_is_gone, "test_gone.py::test_x: no such test"),
        (without_words, f"{LABEL}: no words for it"),
        (without_a_reason, f"{SERVERS}: no reason"),
        (in_no_section, "5.9: not in the standard"),
    ],
)
def test_a_spoilt_table_is_found(spoil, words):
    rows = copy.deepcopy(ROWS)
    spoil(rows)
    (fault,) = conformance.faults(rows, DATA)
    assert fault.endswith(words)


@pytest.mark.parametrize(
    ("row", "outcomes", "verdict"),
    [
        ({"tests": ["a", "b"]}, {"a": {"passed"}, "b": {"passed"}}, PASSED),
        ({"tests": ["a"], "offered": False}, {"a": {"passed"}}, NOT_OFFERED),
        ({"tests": ["a", "b"]}, {"a": {"passed"}, "b": {"passed", "failed"}}, FAILED),
        ({"tests": ["a"], "offered": False}, {"a": {"failed"}}, FAILED),
        ({"tests": ["a"]}, {"a": {"skipped"}}, OPEN),
        ({"tests": ["a", "b"]}, {"a": {"passed"}, "b": set()}, OPEN),
        ({"tests": ["a"]}, {}, OPEN),
        ({}, {}, OPEN),
    ],
)
def test_verdicts(row, outcomes, verdict):
    assert conformance.verdict(row, outcomes) == verdict


def test_what_a_server_has_to_do_needs_no_test():
    assert conformance.verdict({}, {}, needs_tests=False) == SERVER
    assert conformance.verdict({"tests": ["a"]}, {"a": {"failed"}}, needs_tests=False) == FAILED


def main_with(monkeypatch, rows, outcomes):
    monkeypatch.setattr(conformance, "tables", lambda: rows)
    monkeypatch.setattr(conformance, "run", lambda tests: (outcomes, "what pytest said"))
    return conformance.main()


def test_the_exit_code(monkeypatch, capsys):
    outcomes = {test: {"passed"} for test in conformance.tests_in(ROWS)}
    assert main_with(monkeypatch, ROWS, outcomes) == 0
    assert "what pytest said" not in capsys.readouterr().out
    rows = copy.deepcopy(ROWS)
    without_a_statement(rows)
    assert main_with(monkeypatch, rows, outcomes) == 1
    assert f"wrong: {LABEL}: in no table" in capsys.readouterr().out
    outcomes[ROWS["client"][LABEL]["tests"][0]] = {"failed"}
    assert main_with(monkeypatch, ROWS, outcomes) == 1
    assert "what pytest said" in capsys.readouterr().out


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="there is no MicroPython package elsewhere")
def test_make_conformance_has_nothing_open():
    code, output = run("make conformance", timeout=110)
    assert code == 0, output
    assert "OPEN" not in output and "FAILED" not in output
    for label in (one["label"] for one in DATA["requirements"]):
        assert f"\n{label} " in output, label
