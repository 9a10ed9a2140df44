"""docs/defects.md: each defect has its row, and each test it names exists."""

import ast
import re

import pytest

from vm import ROOT

DOCUMENT = "docs/defects.md"
# The defects that are not to be repeated.
DEFECTS = range(1, 20)


def rows(text):
    """Returns the cells of each numbered row, by number."""
    found = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", text, re.M)
    return {int(number): cells for number, *cells in found}


def functions_of(file):
    """Returns the names of a file's test functions."""
    kinds = ast.FunctionDef, ast.AsyncFunctionDef
    body = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body
    return {one.name for one in body if isinstance(one, kinds) and one.name.startswith("test_")}


ROWS = rows((ROOT / DOCUMENT).read_text(encoding="utf-8"))


def named(number):
    """Returns the (file, test) pairs that a row names."""
    return re.findall(r"`([\w/]+\.py)::(\w+)`", ROWS[number][2])


@pytest.mark.parametrize("number", DEFECTS, ids="defect-{:02}".format)
def test_each_test_it_names_exists(number):
    pairs = named(number)
    assert pairs
    assert ROWS[number][2].count("`") == 2 * len(pairs), "something there is no test"
    for file, test in pairs:
        assert test in functions_of(file), f"{DOCUMENT} names {file}::{test}"


@pytest.mark.parametrize("number", DEFECTS, ids="defect-{:02}".format)
def test_each_test_made_for_it_is_named(number):
    made = {
        (f"vm/{path.name}", test)
        for path in (ROOT / "tests/vm").glob("test_defects*.py")
        for test in functions_of(f"vm/{path.name}")
        if test.startswith(f"test_defect_{number:02}_")
    }
    assert made <= set(named(number))


def test_there_are_no_other_rows():
    assert list(ROWS) == list(DEFECTS)
