"""lib/mqtt as others take it: manifest, package.json, stubs and README fit its code."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib/mqtt"
TYPINGS = ROOT / "typings/mqtt"
README = (LIBRARY / "README.md").read_text(encoding="utf-8")
SOURCES = {
    file.stem: ast.parse(file.read_text(encoding="utf-8"))
    for file in LIBRARY.glob("*.py")
    if file.stem != "manifest"
}
STUBS = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in TYPINGS.iterdir()}
VERSION = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


# ---- package.json, for mip -------------------------------------------------------------------


def test_package_lists_every_file():
    package = json.loads((LIBRARY / "package.json").read_text())
    assert package.keys() <= {"version", "urls", "deps"}
    assert package["urls"] == [[f"mqtt/{name}.py", f"{name}.py"] for name in sorted(SOURCES)]
    assert package["version"] == VERSION


# ---- manifest.py, for freezing ---------------------------------------------------------------


class Options:
    def __init__(self, **given):
        self._given = given

    def defaults(self, **values):
        self._given = {**values, **self._given}

    def __getattr__(self, name):
        return self._given.get(name)


def manifest(**given):
    """Executes the manifest as MicroPython's tools do; returns (metadata, package's arguments)."""
    calls = []

    def metadata(*, description, version):
        assert not calls, "metadata comes first"
        calls.append({"description": description, "version": version})

    def package(package_path, files=None, base_path=".", opt=None):
        calls.append((package_path, files, base_path, opt))

    names = {"metadata": metadata, "package": package, "options": Options(**given)}
    exec((LIBRARY / "manifest.py").read_text(), names)
    about, (path, files, base, opt) = calls
    # What is frozen is imported by its path below the base, from the manifest's folder on.
    folder = LIBRARY / base / path
    assert path == "mqtt" and folder.samefile(LIBRARY) and opt in range(4)
    assert all((folder / file).is_file() for file in files) and len(set(files)) == len(files)
    return about, {file.removesuffix(".py") for file in files}


def needs(name):
    """Returns the modules of the library that this one imports, wherever it does so."""
    found = set()
    for node in ast.walk(SOURCES[name]):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found.update([node.module] if node.module else [one.name for one in node.names])
    return found


def test_manifest_takes_everything():
    about, files = manifest()
    assert files == set(SOURCES)
    assert about["version"] == VERSION and about["description"]


@pytest.mark.parametrize("part", ["client", "tls", "websocket", "simple", "robust"])
def test_a_part_has_all_it_needs_and_no_more(part):
    _, files = manifest(parts=part)
    whole = {"__init__", part, "large", "advice"}
    # The asyncio transports are of use with the client alone.
    if part in ("tls", "websocket"):
        whole.add("client")
    while more := set().union(*map(needs, whole)) - whole:
        whole |= more
    assert files == whole


def test_parts_add_up_and_no_other_is_known():
    _, files = manifest(parts="tls simple")
    assert files == manifest(parts="tls")[1] | manifest(parts="simple")[1]
    with pytest.raises(KeyError):
        manifest(parts="qos2")


def test_the_readmes_table_names_the_files_of_each_use():
    rows = re.findall(r"^\| (?:- )?(always|asyncio|with \w+|blocking) \| (.*) \|$", README, re.M)
    table = {use: set(re.findall(r"`(\w+)`", files)) for use, files in rows}
    always = table["always"]
    client = always | table["asyncio"]
    assert client == manifest(parts="client")[1]
    assert client | table["with TLS"] == manifest(parts="tls")[1]
    assert client | table["with WebSocket"] == manifest(parts="websocket")[1]
    assert always | table["blocking"] == manifest(parts="robust")[1]


# ---- The stubs -------------------------------------------------------------------------------


def stubtest(folder):
    modules = [f"mqtt.{name}" for name in SOURCES if name != "__init__"]
    command = [sys.executable, "tests/house/stubtest.py", "--ignore-disjoint-bases", *modules]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(folder), "PYTHONPATH": "lib"},
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_stubs_fit_the_code():
    done = stubtest(TYPINGS.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stub_that_does_not_fit_is_found(tmp_path):
    (tmp_path / "mqtt").mkdir()
    for file in TYPINGS.iterdir():
        (tmp_path / "mqtt" / file.name).write_text(file.read_text())
    wrong = tmp_path / "mqtt/sender.pyi"
    wrong.write_text(wrong.read_text().replace("qos: int = 1", "quality: int = 1"))
    done = stubtest(tmp_path)
    assert done.returncode == 1 and "mqtt.sender.Sender.post" in done.stdout, done.stderr


def test_stubs_have_no_docstrings():
    assert set(STUBS) == set(SOURCES)
    for name, tree in STUBS.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                assert ast.get_docstring(node) is None, name


def attributes(tree):
    """Returns {class: its public attributes}, of a source or of a stub."""
    found = {}
    for one in ast.walk(tree):
        if not isinstance(one, ast.ClassDef):
            continue
        names = found[one.name] = set()
        for node in ast.walk(one):
            if not isinstance(getattr(node, "ctx", None), ast.Store):
                continue
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names.update([node.attr] if node.value.id == "self" else [])
            elif isinstance(node, ast.Name) and any(
                node in getattr(line, "targets", [getattr(line, "target", None)])
                for line in one.body
            ):
                names.add(node.id)
        found[one.name] = {name for name in names if name[0] != "_"}
    return found


# stubtest doesn't see what __init__ makes.
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_stubs_have_the_attributes_of_the_code(name):
    of_code, of_stub = attributes(SOURCES[name]), attributes(STUBS[name])
    if name == "client":
        # What Sender has already, and Client sets.
        of_code["Client"] -= of_code_of_base()
    for one, names in of_code.items():
        if one[0] != "_":
            assert of_stub[one] == names, one


def of_code_of_base():
    return attributes(SOURCES["sender"])["Sender"]


def test_the_clients_options_are_those_of_a_session():
    session = importlib.import_module("mqtt.session").Session
    options = list(inspect.signature(session).parameters)[1:]
    defaults = [one.default for one in inspect.signature(session).parameters.values()][1:]
    (init,) = [
        node
        for node in ast.walk(STUBS["client"])
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    assert [one.arg for one in init.args.kwonlyargs] == options
    assert [ast.literal_eval(one) for one in init.args.kw_defaults if one] == defaults


# ---- Programs, checked against the stubs ----------------------------------------------------

RIGHT_AND_WRONG = """
import asyncio

from mqtt.client import Client
from mqtt.large import Source
from mqtt.robust import MQTTClient
from mqtt.session import Session
from mqtt.tls import TLS
from mqtt.websocket import WebSocket


def handler(topic: str, payload: memoryview, retain: int, dup: int, qos: int) -> None: ...
async def coroutine(topic: str, payload: memoryview, retain: int, dup: int, qos: int) -> None: ...
def of_umqtt(topic: bytes, msg: bytes) -> None: ...
def of_views(topic: memoryview, msg: memoryview, retain: int, dup: int, qos: int) -> None: ...
async def born(present: bool) -> None: ...


client = Client("a", ["b", ("c", 1884)], keep_alive=30, will=("t", b"m", 1, True))
Client("a", 192)  # wrong
Client("a", "b", keepalive=30)  # wrong
Client("a", "b", will=("t", "m"))  # wrong
client.transport = WebSocket("/mqtt", over=TLS(("a.der", b"der")))
client.transport = TLS  # wrong
TLS(authorities=1)  # wrong
client.on_connected = born
client.on_connected = handler  # wrong
client.on_disconnected = lambda reason, pause_ms: print(reason.upper(), pause_ms + 1)
client.on_disconnected = lambda reason: None  # wrong
client.subscribe_always("t", handler, 1).granted
client.subscribe_always("t", coroutine)
client.subscribe_always("t", of_umqtt)  # wrong
client.subscribe_always("t")  # wrong
client.post("t", bytearray(2)).done()
client.post("t", Source(3, lambda: iter([b"abc"])))
client.post("t", 21.5)  # wrong
client.post(21, "t")  # wrong
client.session.on_piece = lambda topic, piece, offset, size: print(topic + "/", offset + size)
Session("a").publish("t", b"m", 1, False, 0)  # wrong


async def main():
    await client.publish("t", "m", 1, timeout_ms=500)
    await client.publish("t", "m", quality=1)  # wrong
    (await client.subscribe("t", handler)) + 1
    client.subscribe("t", handler) + 1  # wrong
    asyncio.create_task(client.run())
    await client.stop(("t", "m", 1, True))
    await client.stop("t", "m")  # wrong


blocking = MQTTClient(b"a", "b", keepalive=60)
blocking.set_callback(of_umqtt)
blocking.set_callback(of_umqtt, views=True)  # wrong
blocking.set_callback(of_views, views=True)
blocking.set_callback(of_views)  # wrong
blocking.publish_many((("t", "m"), (b"t", b"m")))
blocking.publish_many(["t"])  # wrong
blocking.connect(clean_session=False, timeout=2.5)
blocking.connect(clean=False)  # wrong
"""


def test_programs_are_checked_against_the_stubs(tmp_path):
    config = {
        "stubPath": str(TYPINGS.parent),
        "typeshedPath": str(ROOT / ".venv/stubs"),
        "extraPaths": [str(ROOT / ".venv/stubs")],
        "pythonVersion": "3.10",
        "typeCheckingMode": "standard",
        "reportMissingModuleSource": "none",
        "reportGeneralTypeIssues": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    (tmp_path / "both.py").write_text(RIGHT_AND_WRONG)
    programs = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    assert len(programs) > 10
    for number, program in enumerate(programs):
        (tmp_path / f"readme_{number}.py").write_text(program)
    command = [Path(sys.executable).with_name("basedpyright"), "--outputjson", "-p", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = {
        (Path(one["file"]).name, one["range"]["start"]["line"]): one["message"]
        for one in found
        # MicroPython's own stubs don't know that it can be set.
        if one["severity"] == "error"
        and '"verify_mode" for class "SSLContext"' not in one["message"]
    }
    wrong = {
        ("both.py", number)
        for number, line in enumerate(RIGHT_AND_WRONG.splitlines())
        if line.endswith("# wrong")
    }
    assert errors.keys() == wrong, {one: errors[one] for one in errors.keys() - wrong}


# ---- The README ------------------------------------------------------------------------------


def test_its_paths_lead_somewhere():
    assert (ROOT / "typings/mqtt").is_dir()
    for target in re.findall(r"^make (\w+)|`make (\w+)`", README):
        assert re.search(rf"^{''.join(target)}:", (ROOT / "Makefile").read_text(), re.M), target
    for name in re.findall(r"`(\w+\.py)`", README):
        assert (LIBRARY / name).exists(), name
