"""What the asyncio client can do more, on the real MicroPython, against a real Mosquitto."""

import re

import pytest

from fieldpost import broker as brokers
from vm import ROOT, needs_mosquitto, needs_vm, run

pytestmark = [needs_vm, needs_mosquitto]

# The tests of each script, which run in one VM: to start one takes longer than most of them.
SCRIPTS = {
    file.name: re.findall(r"^async def (test_\w+)", file.read_text(encoding="utf-8"), re.M)
    for file in sorted(ROOT.glob("tests/vm/mqtt_more*.py"))
}
NAMES = [(script, name) for script, names in SCRIPTS.items() for name in names]


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    settings = "max_inflight_messages 0\nmax_queued_messages 0\n"
    with brokers.mosquitto(tmp_path_factory.mktemp("broker"), settings) as broker:
        yield broker


@pytest.fixture(scope="module")
def said(mosquitto):
    """Returns a function of a script that gives what it printed."""
    outputs = {}

    def of(script):
        if script not in outputs:
            arguments = mosquitto.port, mosquitto.log_path, *SCRIPTS[script]
            outputs[script] = run(f"tests/vm/{script}", *arguments, heap="128wK").stdout
        return outputs[script]

    return of


@pytest.mark.parametrize(("script", "name"), NAMES)
def test_on_micropython(said, script, name):
    output = said(script)
    found = re.search(rf"^ok {name}$", output, re.M)
    # What it raised stands behind its name.
    assert found, output[max(output.find(f"FAIL {name}"), 0) :]
