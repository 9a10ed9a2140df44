"""The asyncio client on the real MicroPython, against a real Mosquitto and evil servers."""

import re

import pytest

from vm import needs_vm, run


@needs_vm
@pytest.mark.timeout(150)
def test_client_on_micropython(tmp_path):
    # The script's own memory comes on top of the client's.
    done = run("tests/vm/mqtt_live.py", tmp_path, heap="256wK", timeout=120)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^ok interrupted$", done.stdout, re.MULTILINE), done.stdout
    assert re.fullmatch(r"2\d passed, 0 failed", done.stdout.splitlines()[-1]), done.stdout
