"""`fieldpost deploy` before there is a board to talk to: what it would bring, and which port."""

import json

import pytest

import sensors
from fieldpost import build, cli, deploy, link, project
from node.config import ConfigError
from shell import run

GOOD = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 5, "sda": 4}},
    "sensors": [{"driver": "bme280"}, {"driver": "chip"}],
}
OTHER = {**GOOD, "sensors": [{"driver": "digital", "pin": 13}]}
ALL = set(sensors.names())


# ---- Which drivers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """wanted(kept, new): (drivers, files at the root, lines) beside a board's configuration."""
    folder = tmp_path_factory.mktemp("deploy")
    made = {}

    def call(kept=b"", new=None):
        key = json.dumps(new)
        if key not in made:
            (folder / "config.json").write_text(key)
            made[key] = deploy.Source("esp32_generic", new and folder / "config.json")
        said = []
        app, root = made[key].wanted(kept, said.append)
        assert {"node/start.mpy", "node/app.mpy", "mqtt/client.mpy"} <= set(app)
        drivers = {path[8:-4] for path in app if path.startswith("sensors/")}
        # Not what drivers share.
        drivers = {driver for driver in drivers if driver[0] != "_"}
        return drivers, root, said

    return call


def test_without_any_configuration_all_drivers_come(wanted):
    drivers, root, said = wanted()
    assert (drivers, set(root)) == (ALL, {"boot.py", "main.py"})
    assert said == [
        "the board has no config.json, which its node needs: name one with --config",
        "drivers: all",
    ]


def test_the_board_s_own_configuration_says_what_it_needs(wanted):
    drivers, root, said = wanted(json.dumps(GOOD).encode())
    assert (drivers, set(root)) == ({"bme280", "chip"}, {"boot.py", "main.py"})
    assert said == ["drivers: bme280, chip"]


def test_the_old_and_the_new_configuration_both_find_their_drivers(wanted):
    drivers, root, _ = wanted(json.dumps(GOOD).encode(), OTHER)
    assert drivers == {"bme280", "chip", "digital"} and json.loads(root["config.json"]) == OTHER
    assert wanted(b"", OTHER)[0] == {"digital"}


def test_filters_come_for_the_old_or_the_new_configuration(tmp_path):
    filtered = {**GOOD, "sensors": [{"driver": "bme280", "filters": [{"median": 5}]}]}
    (tmp_path / "config.json").write_text(json.dumps(GOOD))
    source = deploy.Source("esp32_generic", tmp_path / "config.json")
    files = {"node/filters.mpy", "node/filter_rules.mpy"}
    for kept, there in ((b"", set()), (GOOD, set()), (filtered, files)):
        text = kept and json.dumps(kept).encode()
        assert files & set(source.wanted(text, print)[0]) == there
    (tmp_path / "config.json").write_text(json.dumps(filtered))
    source = deploy.Source("esp32_generic", tmp_path / "config.json")
    assert files <= set(source.wanted(b"", print)[0])
    assert files <= set(deploy.Source("esp32_generic").wanted(b"", print)[0])


@pytest.mark.parametrize("kept", [b"{", b"[]", b"\xff", b'{"sensors": [{"driver": "bme680"}]}'])
def test_a_configuration_that_cannot_be_used_is_told(kept, wanted):
    drivers, _, said = wanted(kept)
    assert drivers == ALL and said[0].startswith("the board's config.json can't be used: ")
    # It is replaced: what it said is of no interest.
    drivers, _, said = wanted(kept, OTHER)
    assert drivers == {"digital"} and said == ["drivers: digital"]


def test_no_password_is_told(wanted):
    secret = {**GOOD, "wifi": {"ssid": "net", "password": "short"}}
    assert "short" not in "".join(wanted(json.dumps(secret).encode())[2])


def test_a_faulty_configuration_is_told_before_a_board_is_looked_for(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps({**GOOD, "payload": "xml"}))
    options = ["--port", "/dev/nowhere", "--config", str(tmp_path / "config.json")]
    assert cli.main(["deploy", *options]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}/config.json: payload: 'xml': allowed is json, value\n"
    )
    with pytest.raises(ConfigError):
        deploy.Source("esp32_generic", "/nowhere.json")


# ---- Which board, and its port --------------------------------------------------------------


def test_the_board_is_the_one_there_is_a_build_for(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "ROOT", tmp_path)
    assert deploy._built() == "esp32_generic"
    for name, found in (
        ("esp32_c3", "esp32_c3"),
        ("elsewhere", "esp32_c3"),
        ("esp32_s3", "esp32_generic"),
    ):
        (tmp_path / "build" / name).mkdir(parents=True)
        (tmp_path / "build" / name / build.MANIFEST).write_text("{}")
        assert deploy._built() == found


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "no serial port"),
        ("file", "no serial port"),
        ("nothing", "no such port: is the board plugged in?"),
    ],
)
def test_a_port_that_is_none_is_told(name, told, tmp_path):
    (tmp_path / "file").write_text("")
    port = str(tmp_path / name)
    with pytest.raises(link.LinkError) as raised:
        link.Link(port)
    assert str(raised.value) == f"{port}: {told}"


# ---- The command -----------------------------------------------------------------------------


def test_make_hands_its_variables_on():
    code, output = run("make deploy PORT=/dev/nowhere DRY_RUN=1")
    assert code == 2
    assert "fieldpost deploy: /dev/nowhere: no such port: is the board plugged in?" in output


def test_make_refuses_a_mistyped_name():
    code, output = run("make deploy PROT=/dev/nowhere")
    assert code == 2
    assert "make deploy takes PORT BOARD CONFIG DRY_RUN, not PROT" in output


def test_to_wait_and_not_to_reset_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        cli.main(["deploy", "--no-reset", "--timeout", "3"])
    assert "not allowed with" in capsys.readouterr().err
