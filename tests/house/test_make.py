"""The targets, run as a user runs them."""

import contextlib
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shell import ROOT, Terminal, processes_naming, run
from vm import needs_vm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def port_of(output):
    return int(re.search(r"private broker at 127\.0\.0\.1:(\d+)", output).group(1))


def test_make_alone_lists_the_targets():
    code, output = run("make")
    assert code == 0
    for target in ("setup", "sim", "build", "test", "lint", "clean"):
        assert re.search(rf"^  make {target} +[A-Z]", output, re.MULTILINE), output


def test_sim_ends_by_itself_and_prints_lines_without_a_terminal():
    code, output = run("make sim DURATION=5")
    assert code == 0, output
    assert "mosquitto_sub -h 127.0.0.1 -p" in output
    assert "mosquitto_pub -h 127.0.0.1 -p" in output
    for node in ("node-01", "node-02", "node-03"):
        assert f"{node} is online" in output
    assert re.search(r"node-01 online: [\d.]+ °C, [\d.]+ %, [\d.]+ hPa", output), output
    assert re.search(r"3 nodes, \d{2,} readings, 0 lost", output), output
    assert "\x1b" not in output


def test_a_second_run_starts_within_two_seconds():
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "sim", "DURATION=1"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout or ():
        if "is online" in line:
            break
    took = time.monotonic() - began
    process.communicate()
    assert took < 2, f"the first node was online after {took:.1f} s"


def test_ctrl_c_stops_the_nodes_cleanly():
    with Terminal("make", "sim") as terminal:
        terminal.wait_for("online")
        port = port_of(terminal.output)
        (broker,) = brokers_at(port)
        with Subscriber(port) as seen:
            # Its subscription is granted when the retained "online" of all nodes is there.
            seen.wait_for_lines(3)
            terminal.type("\x03")
            assert terminal.wait() == 0, terminal.output
            seen.wait_end()
    offline = {line for line in seen.lines if line.endswith(" offline")}
    assert {line.split("/")[5] for line in offline} == {"node-01", "node-02", "node-03"}
    assert "did not say goodbye" not in terminal.output
    assert broker not in processes_naming(broker)


def brokers_at(port):
    """Returns the command lines of sims' brokers at a port; other tests have theirs."""
    found = []
    for line in processes_naming("fieldpost-sim-"):
        # FileNotFoundError: one of these that has just ended.
        with contextlib.suppress(FileNotFoundError):
            if f"listener {port} " in Path(line.split()[-1]).read_text():
                found.append(line)
    return found


def test_the_table_shows_the_nodes():
    with Terminal("make", "sim", "NODES=2", "DURATION=4") as terminal:
        assert terminal.wait() == 0, terminal.output
    for text in ("Fieldpost nodes", "messages/s", "node-02", "°C", "hPa", "dBm"):
        assert text in terminal.output, text


def test_a_killed_simulation_leaves_no_broker():
    command = [ROOT / ".venv/bin/fieldpost", "sim"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    port = port_of(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(lambda: refused(port))


def test_a_broker_that_is_not_there_is_told():
    code, output = run("make sim BROKER=127.0.0.1:9")
    assert code != 0
    assert "no connection to 127.0.0.1:9" in output
    assert "start a broker there" in output
    assert "Traceback" not in output


def test_a_mistyped_variable_is_told():
    code, output = run("make sim NODE=1 DURATION=1")
    assert code == 2
    assert "make sim takes NODES DURATION BROKER WORLD VM, not NODE." in output


def test_a_world_is_handed_on():
    code, output = run("make sim WORLD=no-such.toml")
    assert code != 0 and "fieldpost sim: no-such.toml: No such file or directory" in output


@needs_vm
def test_virtual_boards_report_as_well():
    code, output = run("make sim VM=1 NODES=2 DURATION=3")
    assert code == 0, output
    assert re.search(r"2 nodes, \d{2,} readings, 0 lost", output), output


@needs_vm
def test_ctrl_c_switches_a_virtual_board_off(tmp_path):
    with Terminal("make", "vboard", f"FOLDER={tmp_path / 'board'}") as terminal:
        terminal.wait_for("ctrl-C switches it off")
        terminal.type("\x03")
        assert terminal.wait() == 0 and "off\r\n" in terminal.output, terminal.output
    assert processes_naming(str(tmp_path)) == []


def test_a_lane_without_a_board_says_how_to_name_one():
    code, output = run("make test-hil")
    assert code == 2 and "make test-hil needs a board: PORT=/dev/ttyUSB0" in output


def test_a_closed_terminal_ends_everything(tmp_path):
    with Terminal("make", "sim", TMPDIR=str(tmp_path)) as terminal:
        terminal.wait_for("online")
        assert processes_naming(str(tmp_path)) != []
        terminal.hang_up()
        terminal.wait()
        wait_until(lambda: not processes_naming(str(tmp_path)) and not any(tmp_path.iterdir()))


def test_the_embedded_broker_serves():
    # amqtt leaves a CONNECT without an answer now and then: time for the node to try again.
    code, output = run("make sim BROKER=embedded DURATION=15")
    assert code == 0, output
    assert re.search(r"3 nodes, \d{2,} readings, 0 lost", output), output


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "something outlived the simulation"
        time.sleep(0.02)


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Subscriber:
    """mosquitto_sub on all status topics."""

    def __init__(self, port):
        self._command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-v"]
        self._command += ["-t", "acme/+/+/+/+/+/status"]
        self.lines = []

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def wait_for_lines(self, count):
        while len(self.lines) < count:
            self.lines.append(self._process.stdout.readline().strip())

    def wait_end(self):
        """Reads on until the broker has gone."""
        self._process.terminate()
        self.lines += [line.strip() for line in self._process.stdout or ()]

    def __exit__(self, *exc):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
