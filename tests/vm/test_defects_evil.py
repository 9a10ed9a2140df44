"""Servers that mean harm, against both fronts on the real MicroPython with a chip's memory."""

import re

import pytest
from evil import ACTS, ENDS, OVERDUE, STAYS, Evil

from vm import needs_vm, run

pytestmark = needs_vm

HEAP = "64wK"


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("front", ["simple", "asyncio"])
def test_evil_server_is_left_and_nothing_lost(front, act):
    then = ACTS[act].then
    with Evil(ACTS[act]) as server:
        done = run("tests/vm/defects_evil.py", front, server.port, heap=HEAP, timeout=20)
    print(done.stdout)
    assert done.returncode == 0 and "\ndone" in "\n" + done.stdout, done.stdout
    ends = re.findall(r"^end (\w+)", done.stdout, re.M)
    assert ends == ([] if then == STAYS else [then]), done.stdout
    assert server.got == [b"0", b"1"]
    assert server.connections == 1 + len(ends)


def test_each_outcome_is_there():
    assert {act.then for act in ACTS.values()} == {ENDS, OVERDUE, STAYS}
