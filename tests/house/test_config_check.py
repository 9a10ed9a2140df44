"""`fieldpost config check`: the board's own judgement, and the pins that a board has."""

import json

import pytest

from fieldpost import cli

GOOD = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 22, "sda": 21}},
    "sensors": [{"driver": "bme280"}, {"driver": "digital", "pin": 4}],
}


@pytest.fixture
def check(tmp_path, capsys):
    """Checks what config.json holds: an object or bytes; returns (exit code, its lines)."""

    def run(content, *arguments):
        file = tmp_path / "config.json"
        if content is not None:
            file.write_bytes(
                content if isinstance(content, bytes) else json.dumps(content).encode()
            )
        code = cli.main(["config", "check", str(file), *arguments])
        said = capsys.readouterr()
        return code, (said.out + said.err).replace(str(file), "FILE").splitlines()

    return run


def with_pin(pin, **more):
    return {**GOOD, "sensors": [{"driver": "digital", "pin": pin, **more}]}


def test_a_good_one_is_good(check):
    assert check(GOOD) == (0, ["FILE: good, 2 sensors"])
    assert check(with_pin(34, pull="none")) == (0, ["FILE: good, 1 sensor"])
    assert check(with_sensor("hcsr04", 34, trigger=5)) == (0, ["FILE: good, 1 sensor"])
    assert check(with_sensor("light", 34)) == (0, ["FILE: good, 1 sensor"])
    assert check(with_sensor("ds18b20", 5)) == (0, ["FILE: good, 1 sensor"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "not found"),
        (b"", "no valid JSON: Expecting value"),
        (b"[" * 100_000, "no valid JSON for a board: objects or lists too deep"),
        ('{"a": "\u00fc"}'.encode("latin-1"), "no UTF-8 text from byte 7 on"),
    ],
)
def test_what_is_no_json_is_told_once(check, content, told):
    code, lines = check(content)
    assert code == 1
    assert len(lines) == 1 and lines[0].startswith(f"FILE: {told}")
    assert lines[0].count("FILE") == 1


def test_a_folder_is_told(tmp_path, capsys):
    assert cli.main(["config", "check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: a folder, not a file\n"


def test_an_escape_in_two_halves_is_told(tmp_path, capsys):
    file = tmp_path / "config.json"
    file.write_text('{\n"identity": {"company": "\\ud83d\\ude00"}}')
    assert cli.main(["config", "check", str(file)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{file}: line 2: \\ud83d: half a character: write it itself")


def test_each_fault_of_the_board_s_own_judgement_is_a_line(check):
    code, lines = check({**GOOD, "payload": "xml", "watchdog": -1})
    assert code == 1
    assert [line.split(": ")[1] for line in lines] == ["payload", "watchdog"]


def with_sensor(driver, pin, **more):
    return {**GOOD, "sensors": [{"driver": driver, "pin": pin, **more}]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (with_sensor("ds18b20", 34), "sensors[0].pin: 34: allowed on ESP32 generic is 0, 1, 2"),
        (
            with_sensor("hcsr04", 34, trigger=35),
            "sensors[0].trigger: 35: allowed on ESP32 generic is 0, 1, 2",
        ),
        (with_sensor("light", 4), "sensors[0].pin: 4: allowed on ESP32 generic is 32, 33, 34"),
        (
            with_sensor("dht22", 34, pull="none"),
            "sensors[0].pin: 34: allowed on ESP32 generic is 0, 1, 2",
        ),
        (with_pin(20), "sensors[0].pin: 20: allowed on ESP32 generic is 0, 1, 2"),
        (with_pin(34), "sensors[0].pull: 'up': allowed is none: pin 34 of ESP32 generic"),
        (
            {**GOOD, "buses": {"main": {"scl": 34, "sda": 21}}},
            "buses.main.scl: 34: allowed on ESP32 generic is 0, 1, 2",
        ),
        (
            {
                **GOOD,
                "sensors": GOOD["sensors"][1:],
                "buses": {
                    "a": {"scl": 12, "sda": 13},
                    "b": {"scl": 14, "sda": 15},
                    "c": {"scl": 16, "sda": 17},
                },
            },
            "buses: 3: ESP32 generic has 2 for I2C",
        ),
    ],
)
def test_what_the_board_lacks_is_told(check, content, told):
    code, lines = check(content)
    assert code == 1
    assert len(lines) == 1 and lines[0].startswith(f"FILE: {told}")


def test_a_filter_s_fault_names_its_place(check):
    filtered = {"driver": "bme280", "filters": {"pressure": [{"offset": 1}, {"median": 4}]}}
    assert check({**GOOD, "sensors": [filtered]}) == (
        1,
        ["FILE: sensors[0].filters.pressure[1].median: 4: allowed is an odd number from 3 to 15"],
    )


def test_an_unknown_board_is_told(check):
    code, lines = check(GOOD, "--board", "toaster")
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("fieldpost config: no board 'toaster': boards/ has esp32_c3, ")
