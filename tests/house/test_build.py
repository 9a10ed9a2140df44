"""`fieldpost build`: what gets onto a board, the same bytes each time, and nothing by halves."""

import hashlib
import json
import os
import shutil

import pytest

from fieldpost import cli, firmware, image
from shell import ROOT, run
from vboard import profile

GOOD = {
    "identity": {"company": "acme", "device": "n1"},
    "wifi": {"ssid": "net", "password": "long-enough"},
    "broker": {"host": "broker.lan"},
    "buses": {"main": {"scl": 5, "sda": 4}},
    "sensors": [{"driver": "bme280"}, {"driver": "chip"}],
}


@pytest.fixture
def build(tmp_path, capsys):
    """Builds a configuration; returns (exit code, stdout, stderr) with the folder as DIR."""

    def call(config=None, *arguments, out="out"):
        options = ["build", "--out", str(tmp_path / out), *arguments]
        if config is not None:
            (tmp_path / "config.json").write_text(json.dumps(config))
            options += ["--config", str(tmp_path / "config.json")]
        code = cli.main(options)
        said = capsys.readouterr()
        return code, *(text.replace(str(tmp_path), "DIR") for text in (said.out, said.err))

    return call


def tree(folder):
    """Returns {path: bytes} of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ---- What is in it ---------------------------------------------------------------------------


def test_the_image_holds_what_the_manifest_says(build, tmp_path):
    code, said, errors = build(GOOD)
    assert (code, errors) == (0, "")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    made = (tmp_path / "out/filesystem.bin").read_bytes()
    assert hashlib.sha256(made).hexdigest() == manifest["image"]["sha256"]
    assert (manifest["image"]["offset"], manifest["image"]["size"]) == (0x200000, len(made))
    found = image.read(made)
    assert found == tree(tmp_path / "out/files")
    told = {
        path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for path, data in found.items()
    }
    app = {f"a/{path}": one for path, one in manifest["app"].items()}
    assert told == {**manifest["root"], **app} and manifest["slot"] == "a"
    assert set(manifest["root"]) == {"boot.py", "main.py", "slot", "config.json"}
    assert json.loads(found["config.json"]) == GOOD and found["slot"] == b"a"
    for path, data in found.items():
        assert f"{len(data):>9,}" in said and path in said


def test_what_the_configuration_does_not_use_is_left_out(build, tmp_path):
    _, said, _ = build(GOOD)
    found = tree(tmp_path / "out/files")
    assert {"a/sensors/bme280.mpy", "a/sensors/chip.mpy", "a/sensors/__init__.mpy"} <= set(found)
    assert "a/sensors/digital.mpy" not in found
    library = {path.split("/")[2] for path in found if path.startswith("a/mqtt/")}
    # Loaded late, and needed all the same.
    assert {"client.mpy", "advice.mpy", "large.mpy"} <= library
    assert not library & {"simple.mpy", "robust.mpy", "tls.mpy", "websocket.mpy"}
    (line,) = [line for line in said.splitlines() if line.startswith("left out: ")]
    left_out = set(line.partition(": ")[2].split(", "))
    library = {f"mqtt.{name}" for name in ("robust", "simple", "tls", "websocket")}
    assert {name for name in left_out if name.startswith("mqtt.")} == library
    # What drivers share comes with those that use it.
    assert {"sensors.digital", "sensors.sht3x", "sensors._sht", "sensors._crc8"} <= left_out
    assert not left_out & {"sensors.bme280", "sensors._bosch280", "sensors.chip"}
    assert {"node.filter_rules", "node.filters"} <= left_out
    assert "a/mqtt/advice.mpy (loaded when it is needed)" in said


def test_filters_are_there_where_a_configuration_has_some(build, tmp_path):
    files = {"a/node/filters.mpy", "a/node/filter_rules.mpy"}
    filtered = {"driver": "bme280", "filters": [{"median": 5}]}
    _, said, _ = build({**GOOD, "sensors": [filtered]})
    found = tree(tmp_path / "out/files")
    assert files <= set(found) and len(found["a/node/filters.mpy"]) <= 3000
    assert "a/node/filter_rules.mpy (loaded when it is needed)" in said
    assert "a/node/filters.mpy\n" in said
    assert "node.filters" not in said


def test_only_the_two_of_the_start_are_sources(build, tmp_path):
    build(GOOD)
    found = tree(tmp_path / "out/files")
    assert [path for path in found if path.endswith(".py")] == ["boot.py", "main.py"]
    assert found["main.py"] == (ROOT / "firmware/main.py").read_bytes()
    # Bytecode 6, without native code: it runs on any chip of MicroPython's now.
    assert {data[:2] for path, data in found.items() if path.endswith(".mpy")} == {b"M\x06"}
    assert not any(os.path.basename(path) in ("manifest.py", "package.json") for path in found)


def test_a_traceback_names_a_file_without_its_slot(build, tmp_path):
    build(GOOD)
    found = tree(tmp_path / "out/files")
    # The name stands at the bytecode's beginning, behind its length.
    assert b"node/app.py" in found["a/node/app.mpy"][:40]
    assert b"mqtt/client.py" in found["a/mqtt/client.mpy"][:40]
    named = [data[:60] for path, data in found.items() if path.endswith(".mpy")]
    assert not any(b"a/node" in data or b"lib/" in data for data in named)


def test_without_a_configuration_all_drivers_are_there(build, tmp_path):
    assert build()[0] == 0
    found = tree(tmp_path / "out/files")
    drivers = ("bme280", "chip", "digital")
    assert {f"a/sensors/{driver}.mpy" for driver in drivers} <= set(found)
    # Somebody may name some filters later.
    assert "a/node/filters.mpy" in found and "a/node/filter_rules.mpy" in found
    assert "config.json" not in found


def test_no_password_is_shown(build):
    assert "long-enough" not in "".join(map(str, build(GOOD)))


@pytest.mark.parametrize("layout", profile.LAYOUTS)
@pytest.mark.parametrize("name", profile.names())
def test_each_board_gets_an_image_of_its_partition_s_size(name, layout, build, tmp_path):
    code, said, _ = build(GOOD, "--board", name, "--layout", layout)
    assert code == 0
    wanted = profile.load(name).layouts[layout]
    made = (tmp_path / "out/filesystem.bin").read_bytes()
    assert len(made) == wanted.size
    assert f"at {wanted.offset:#x} ({layout} layout)" in said
    # LittleFS's superblock: version 2.1, block size, block count, name's length (SPEC.md).
    fields = [int.from_bytes(made[at : at + 4], "little") for at in range(20, 36, 4)]
    assert fields == [0x20001, 4096, wanted.size // 4096, 255]


# ---- The same each time -----------------------------------------------------------------------


def test_the_same_input_makes_the_same_bytes(build, tmp_path, monkeypatch):
    build(GOOD, out="one")
    # Another place of the project, other times of its files.
    for folder in ("firmware", "lib"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            ROOT / folder, tmp_path / "moved" / folder, ignore=skip, copy_function=shutil.copyfile
        )
    places = ((tmp_path / "moved/firmware", "/"), (tmp_path / "moved/lib", "/lib"))
    monkeypatch.setattr(firmware, "ON_BOARD", places)
    monkeypatch.chdir(tmp_path)
    build(GOOD, out="deeper/down/two")
    one, two = tree(tmp_path / "one"), tree(tmp_path / "deeper/down/two")
    assert one == two and len(one) > 20
    assert str(tmp_path).encode() not in b"".join(two.values())


def test_files_come_in_no_order():
    files = {"b/c/d": b"x" * 5000, "a": b"", "b/a": b"y"}
    assert image.make(files, 0x20000) == image.make(dict(reversed(files.items())), 0x20000)
    assert image.read(image.make(files, 0x20000)[0]) == files


# ---- Which modules ----------------------------------------------------------------------------


def test_imports_are_followed_late_ones_too(tmp_path, monkeypatch):
    sources = {
        "boot.py": "",
        "main.py": "def main():\n    from node import start",
        "node/__init__.py": "",
        "node/start.py": "def main():\n    import one",
        "one.py": "from pack import near\nimport json",
        "pack/__init__.py": "",
        "pack/near.py": "def f():\n    from .late import x\n    from . import other",
        "pack/late.py": "",
        "pack/other.py": "class A:\n    import two",
        "pack/stray.py": "",
        "two.py": "import one",
        "sensors/__init__.py": "",
        "sensors/a.py": "if True:\n    from ._help import b",
        "sensors/_help.py": "",
        "sensors/b.py": "",
    }
    for path, text in sources.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(firmware, "ON_BOARD", ((tmp_path, "/"),))
    known = firmware.modules()
    late = {"pack.late", "pack.other", "two"}
    start = {"boot", "main", "node", "node.start"}
    always = start | {"one", "pack", "pack.near", "sensors", "sensors.a", "sensors._help"}
    assert firmware.needed(["a"], known) == always | late
    assert firmware.needed(["a"], known, late=False) == always


# ---- What goes wrong --------------------------------------------------------------------------


def nothing_new(folder):
    return [path for path in folder.iterdir() if path.name != "config.json"] == []


@pytest.mark.parametrize(
    ("config", "arguments", "told"),
    [
        (
            GOOD,
            ("--board", "toaster"),
            "fieldpost build: no board 'toaster': boards/ has esp32_c3",
        ),
        (
            {**GOOD, "payload": "xml"},
            (),
            "DIR/config.json: payload: 'xml': allowed is json, value",
        ),
        (
            {**GOOD, "buses": {"main": {"scl": 5, "sda": 20}}},
            (),
            "DIR/config.json: buses.main.sda: 20: allowed on ESP32 generic is 0, 1, 2",
        ),
        (None, ("--config", "/nowhere.json"), "/nowhere.json: not found"),
    ],
)
def test_a_fault_is_a_line_and_leaves_nothing(config, arguments, told, build, tmp_path):
    code, said, errors = build(config, *arguments)
    assert (code, said) == (1, "")
    assert errors.startswith(told) and errors.count("\n") == 1
    assert nothing_new(tmp_path)


def test_too_little_ram_is_told(build):
    # The S2 has less of it than the whole node takes.
    _, said, _ = build(None, "--board", "esp32_s2")
    assert "warning: the code alone is over the RAM budget of ESP32-S2" in said
    assert "warning" not in build(None)[1]


def test_files_larger_than_the_partition_are_refused(build, tmp_path, monkeypatch):
    boards = tmp_path.with_name(tmp_path.name + "-boards")
    boards.mkdir()
    text = (profile.BOARDS / "esp32_generic.toml").read_text(encoding="utf-8")
    (boards / "tiny.toml").write_text(text.replace("0x1F0000]", "0x3E0000]"))
    monkeypatch.setattr(profile, "BOARDS", boards)
    code, said, errors = build(GOOD, "--board", "tiny")
    assert (code, said) == (1, "")
    assert "bytes don't fit into the file system of 65,536 bytes" in errors
    assert errors.count("\n") == 1
    assert nothing_new(tmp_path)


def test_what_does_not_compile_is_told(build, tmp_path, monkeypatch):
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    shutil.copytree(ROOT / "firmware", moved)
    monkeypatch.setattr(firmware, "ON_BOARD", ((moved, "/"), (ROOT / "lib", "/lib")))
    # The second is Python, but not MicroPython's.
    for text, told in (
        ("def f(:\n", "invalid syntax"),
        ("match 1:\n    case 1: pass\n", "Syntax"),
    ):
        (moved / "node/clock.py").write_text(text)
        code, said, errors = build(GOOD)
        assert (code, said) == (1, "")
        assert "node/clock.py: does not compile: " in errors and told in errors
        assert errors.count("\n") == 1
    assert nothing_new(tmp_path)


def test_a_folder_with_something_else_in_it_stays(build, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    code, _, errors = build(GOOD)
    assert code == 1
    assert errors == (
        "fieldpost build: DIR/out: holds letter.txt, which no build made: name another folder\n"
    )
    assert tree(tmp_path / "out") == {"letter.txt": b"dear"}
    assert build(GOOD, out="out/letter.txt")[2].endswith("letter.txt: a file, not a folder\n")
    assert "can't be written: " in build(GOOD, out="out/letter.txt/deeper")[2]


def test_a_build_takes_the_place_of_the_one_before(build, tmp_path):
    build()
    assert build(GOOD)[0] == 0
    assert "a/sensors/digital.mpy" not in tree(tmp_path / "out/files")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "out"]


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(28, "No space left on device"), 1), (KeyboardInterrupt(), 130)]
)
def test_a_broken_off_build_leaves_the_one_before(error, code, build, tmp_path, monkeypatch):
    build()
    before = tree(tmp_path / "out")

    def fail(*_, **__):
        raise error

    # The manifest is written last.
    monkeypatch.setattr("fieldpost.build.json.dumps", fail)
    assert cli.main(["build", "--out", str(tmp_path / "out")]) == code
    assert tree(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_make_refuses_a_mistyped_name():
    code, output = run("make build BORD=esp32_s3")
    assert code == 2
    assert "make build takes BOARD CONFIG LAYOUT OUT, not BORD" in output
