"""`fieldpost sim`: how it ends, what it refuses, and what it says of it."""

import re
import signal
import subprocess
import sys

import pytest

from fieldpost import broker as brokers, cli
from shell import ROOT, environment, run
from vm import needs_vm

SIM = [str(ROOT / ".venv/bin/fieldpost"), "sim"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are a shell's commands")


def start(*arguments, **env):
    return subprocess.Popen(
        [*SIM, *arguments],
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_stops_the_nodes(number, tmp_path):
    process = start("--nodes", "1", TMPDIR=str(tmp_path))
    seen = []
    for line in process.stdout or ():
        seen.append(line)
        if "node-01 is online" in line:
            process.send_signal(number)
    assert process.wait(20) == 0
    assert re.match(r"1 node, \d+ readings?, 0 lost", seen[-1])
    assert list(tmp_path.iterdir()) == []


def test_a_stop_at_once_is_no_failure():
    process = start("--nodes", "1")
    begin = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=20)[0]
    assert "private broker" in begin and "1 node" in begin
    assert process.returncode == 0, output
    assert "node-01 never came online" in output


def test_a_stop_while_it_loads_leaves_no_traceback():
    # It then tells each of its imports.
    process = start(PYTHONPROFILEIMPORTTIME="1")
    for line in process.stdout or ():
        if "subprocess" in line:
            process.send_signal(signal.SIGINT)
            break
    output = process.communicate(timeout=20)[0]
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in output


def test_nodes_that_never_came_are_told(tmp_path):
    # The nodes' identifiers begin otherwise.
    settings = "auto_id_prefix watcher\nclientid_prefixes watcher"
    with brokers.mosquitto(tmp_path, settings) as broker:
        arguments = f"--broker 127.0.0.1:{broker.port} --duration 1.5 --nodes 7"
        code, output = run(f".venv/bin/fieldpost sim {arguments}")
    assert code == 1
    assert re.search("node-01 never came online; its last line: mqtt: .*identifier", output)
    assert "nor did 2 more" in output
    assert "a node may need 3 s to come online" in output


def test_two_on_one_broker_leave_each_other_alone(tmp_path):
    with brokers.mosquitto(tmp_path) as broker:
        arguments = ["--broker", f"127.0.0.1:{broker.port}", "--nodes", "2", "--duration", "4"]
        both = [start(*arguments), start(*arguments)]
        outputs = [process.communicate(timeout=30)[0] for process in both]
    for process, output in zip(both, outputs, strict=True):
        assert process.returncode == 0, output
        assert "node-01 is online" in output and "node-02 is online" in output
        assert re.search(r"2 nodes, \d{2,} readings, 0 lost", output), output


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (">/dev/full", "its output takes no more: No space left on device"),
        (">&-", "standard output is closed"),
        ("| head -n 1", "its output takes no more: Broken pipe"),
    ],
)
def test_a_lost_output_ends_it_in_a_line(target, told, tmp_path):
    code, output = run(f"make sim NODES=1 {target}", TMPDIR=str(tmp_path))
    # A pipe's code is that of its last command.
    assert (code == 0) == ("|" in target)
    assert told in output
    assert "Traceback" not in output and "Exception" not in output
    assert list(tmp_path.iterdir()) == []


ADDRESS = "is not HOST or HOST:PORT"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--nodes", "0", "'0' is not a whole number from 1 to 500"),
        ("--nodes", "many", "'many' is not a whole number from 1 to 500"),
        ("--duration", "0", "'0' is not a number of seconds from 0.1 to 10000000"),
        ("--duration", "nan", "'nan' is not a number of seconds"),
        ("--broker", "127.0.0.1:http", ADDRESS),
        ("--broker", "127.0.0.1:0", ADDRESS),
        ("--broker", "mqtt://127.0.0.1:1883", ADDRESS),
        ("--broker", "mqtt://broker.lan", ADDRESS),
        ("--broker", "broker.lan/x", ADDRESS),
        ("--broker", "my broker", ADDRESS),
        ("--broker", "::1", ADDRESS),
        ("--picture", "/nonexistent/table.svg", "no file in a folder that is there"),
        ("--picture", "/", "no file in a folder that is there"),
    ],
)
def test_a_wrong_argument_is_told(option, value, told, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["sim", option, value])
    assert end.value.code == 2
    assert f"argument {option}: " in (said := capsys.readouterr().err) and told in said


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("broker.lan", ("broker.lan", 1883)),
        ("127.0.0.1:1884", ("127.0.0.1", 1884)),
        ("embedded", "embedded"),
    ],
)
def test_an_address_is_taken(text, address):
    assert cli.parser().parse_args(["sim", "--broker", text]).broker == address


GREENHOUSE = "docs/worlds/greenhouse.toml"
# It opens and goes wrong sooner than the example does, and for good: a node may be slow to start.
SOONER = (
    ('[[8, "open"], [20, "closed"]]', '[[1, "open"]]'),
    ("start_s = 5\nend_s = 12", "start_s = 0.5"),
)


@pytest.mark.parametrize("vm", [False, pytest.param(True, marks=needs_vm)])
def test_a_world_s_file_is_what_the_nodes_live_in(vm, tmp_path):
    text = (ROOT / GREENHOUSE).read_text()
    for old, new in SOONER:
        assert old in text
        text = text.replace(old, new)
    text += '[[faults]]\nnode = "node-09"\nsensor = "bench"\nfault = "nack"\nstart_s = 1\n'
    (tmp_path / "world.toml").write_text(text)
    (tmp_path / "greenhouse.csv").write_text((ROOT / "docs/worlds/greenhouse.csv").read_text())
    extra = ["--vm"] if vm else []
    process = start(
        *("--nodes", "2", "--interval", "0.2", "--world", str(tmp_path / "world.toml"), *extra),
        *("--picture", str(tmp_path / "table.svg")),
    )
    wanted = ["node-01 vent open", "node-02 bench-temperature: no answer"]
    seen = []
    for line in process.stdout or ():
        seen.append(line)
        wanted = [one for one in wanted if one not in line]
        if not wanted and "node-01 online: 1" in line:
            break
    process.send_signal(signal.SIGINT)
    seen.append(process.communicate(timeout=20)[0])
    said = "".join(seen)
    assert process.returncode == 0 and not wanted, said
    # All of the sensors, with the recording's air and light.
    air, others = r"1[34]\.\d+ °C, 9\d\.\d %, 0\.0 lx", r"\d\d %, 3\.\d+ V, [67]\d %, open"
    assert re.search(f"node-01 online: {air}, {others}", said), said
    assert "node-01 bench" not in said
    assert re.search(r"world\.toml: fault \d is of node-09, which isn't there", said), said
    assert (tmp_path / "table.svg").read_text().count(">fault<") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[wind]", "world.toml: has no 'wind': allowed are seed"),
        ('[[sensors]]\ndriver = "bme380"', "world.toml: sensors[0].driver: 'bme380': allowed is"),
        ('[[sensors]]\ndriver = "digital"\npin = 6', "world.toml: sensors[0].pin: 6: allowed on"),
        ('[[faults]]\nsensor = "roof"\nfault = "nack"\nstart_s = 1', "there is no sensor 'roof'"),
        ("[doors.lid]", "world.toml: the world has no door 'door': its script has lid"),
    ],
)
def test_a_wrong_world_is_told(text, told, tmp_path):
    (tmp_path / "world.toml").write_text(text)
    process = start("--nodes", "1", "--world", str(tmp_path / "world.toml"))
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 1 and "Traceback" not in output
    assert "fieldpost sim: " in output and told in output, output
