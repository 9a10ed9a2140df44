"""A world in a file: what it says, recordings that are played, and each mistake told."""

import pytest

from vboard import worldfile
from vboard.recording import Recording, read
from vboard.script import ScriptError
from vboard.weather import QUANTITIES
from vboard.world import World

DAY = """time,temperature,humidity
2026-06-01T06:00:00Z,10,90
2026-06-01T06:01:00+00:00,16,
2026-06-01T06:02:00,16,70
"""
FILE = """
seed = 3
[temperature]
base = 5
[places.attic.co2]
base = 800
noise = 0
[doors.hatch]
[[recordings]]
file = "day.csv"
place = "cellar"
[[faults]]
sensor = "attic"
fault = "nack"
start_s = 1
[[faults]]
sensor = "attic"
node = "n2"
fault = "stuck"
start_s = 2
"""


def load(folder, text=FILE, day=DAY):
    (folder / "day.csv").write_text(day)
    (folder / "world.toml").write_text(text)
    return worldfile.load(folder / "world.toml")


def test_a_file_is_a_world(tmp_path):
    made = load(tmp_path)
    world = made.world("room")
    assert world.value("ain2") is not None
    assert world.place("attic").value("co2", 0) > 700
    cellar = world.place("cellar")
    assert [cellar.value("temperature", t) for t in (0, 30, 60, 90, 500)] == [10, 13, 16, 16, 16]
    # An empty cell says nothing.
    assert cellar.value("humidity", 60) == 80
    assert world.temperature(0) < 10 and not world.door("hatch", 0)
    assert [one["fault"] for one in made.faults_of("n1")] == ["nack"]
    assert [one["fault"] for one in made.faults_of("n2")] == ["nack", "stuck"]
    assert all("node" not in one for one in made.faults_of("n2"))
    assert made.sensors is None


def test_the_same_file_is_the_same_weather(tmp_path):
    one, other = load(tmp_path).world("room"), load(tmp_path).world("room")
    assert [one.temperature(t) for t in (0, 77)] == [other.temperature(t) for t in (0, 77)]
    assert one.temperature(0) != load(tmp_path).world("hall").temperature(0)


def test_a_recording_loops_and_is_sped_up():
    points = [(100.0, 0.0), (110.0, 10.0)]
    assert [Recording(points, loop=True).at(t) for t in (0, 4, 10, 14)] == [0, 4, 0, 4]
    assert [Recording(points, speed=5).at(t) for t in (1, 2, 3)] == [5, 10, 10]
    assert Recording(points[:1], loop=True).at(50) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the first line names the columns: time, then"),
        ("time\n1\n", "1: the first line names"),
        ("time,wind\n", "1: column 'wind': needed is, once, one of temperature"),
        ("time,co2,co2\n", "1: column 'co2': needed is, once"),
        ("time,co2\n", "1: co2 has no value"),
        ("time,co2\n0,\n", "2: co2 has no value"),
        ("time,co2\n0,400\n1\n", "3: 1 cells: 2 are needed"),
        ("time,co2\n0,400\n0,401\n", "3: time is '0': later than"),
        ("time,co2\n0,400\n2026-01-01,401\n", "3: time is '2026-01-01': either all"),
        ("time,co2\n0,400\n\nsoon,401\n", "4: time is 'soon': seconds or 2026-"),
        ("time,co2\nnan,400\n", "2: time is 'nan'"),
        ("time,co2\n0,much\n", "2: co2 is 'much': a number"),
        ("time,co2\n0,inf\n", "2: co2 is 'inf': a number"),
        ('time,co2\n0,"400\n', "unexpected end"),
    ],
)
def test_faults_of_a_recording_are_told_with_their_line(text, told, tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(text)
    with pytest.raises(ScriptError) as error:
        read(path, tuple(QUANTITIES))
    assert str(error.value).startswith(f"{path}:") and told in str(error.value)


def test_a_recording_that_can_t_be_read_is_told(tmp_path):
    with pytest.raises(ScriptError, match="none.csv: No such file"):
        read(tmp_path / "none.csv", ("co2",))
    (tmp_path / "day.csv").write_bytes(b"time,co2\n\xff")
    with pytest.raises(ScriptError, match=r"day.csv: it is no text in UTF-8"):
        read(tmp_path / "day.csv", ("co2",))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("base = 5", "bse = 5", r"temperature has no 'bse': allowed are base"),
        ("[temperature]", "[wind]", r"has no 'wind': allowed are seed, temperature.*faults"),
        ("base = 5", "base = ", r"line 4"),
        ("base = 800", "base = 'x'", r"places.attic.co2.base is 'x'"),
        ('file = "day.csv"', 'file = "dy.csv"', r"dy.csv: No such file"),
        ('file = "day.csv"', "file = 3", r"recordings 1: file is 3: text"),
        ('place = "cellar"', "spot = 1", r"recordings 1 has no 'spot': allowed are file"),
        ('place = "cellar"', "loop = 1", r"recordings 1: loop is 1: true or false"),
        ('place = "cellar"', "speed = 0", r"recordings 1: speed is 0: a number above 0"),
        ('place = "cellar"', "", r"day.csv has temperature: that is told already"),
        ("[[faults]]", "[faults]", r"world.toml"),
        ('node = "n2"', "end = 2", r"fault 2: there is no 'end': allowed are sensor, .*, node"),
        ('node = "n2"', "node = 2", r"fault 2: node is 2: text"),
        ("seed = 3", "sensors = 3", r"sensors is 3: tables \[\[sensors\]\]"),
    ],
)
def test_faults_of_a_file_are_told(old, new, told, tmp_path):
    with pytest.raises(ScriptError, match=f"world.toml: .*{told}|{told}") as error:
        load(tmp_path, FILE.replace(old, new, 1))
    assert str(tmp_path) in str(error.value)


def test_a_file_that_can_t_be_read_is_told(tmp_path):
    with pytest.raises(ScriptError, match="none.toml: No such file"):
        worldfile.load(tmp_path / "none.toml")
    (tmp_path / "world.toml").write_bytes(b"\xff")
    with pytest.raises(ScriptError, match="UTF-8"):
        worldfile.load(tmp_path / "world.toml")


def test_a_battery_drains_and_the_sun_charges_it():
    dark = {"base": 0, "swing": 0, "noise": 0}
    battery = {"charge": 50, "drain_per_h": 36, "sun_per_h": 72}
    world = World(script={"battery": battery, "illuminance": dark})
    # In whatever order it is asked.
    assert [world.value("battery", t) for t in (1000, 0, 105)] == pytest.approx([40, 50, 48.95])
    assert world.value("battery", 20_000) == 0
    bright = World(script={"battery": battery, "illuminance": {**dark, "base": 5000}})
    assert bright.value("battery", 1000) == pytest.approx(60)
    assert bright.value("battery", 20_000) == 100
    half = World(script={"battery": battery, "illuminance": {**dark, "base": 500}})
    assert half.value("battery", 3000) == pytest.approx(50)


@pytest.mark.parametrize(
    ("battery", "told"),
    [
        ({"charge": 101}, "battery.charge is 101: a number from 0 to 100"),
        ({"drain_per_h": -1}, "battery.drain_per_h is -1"),
        ({"charge": 50, "base": 3}, "battery has no 'base': allowed are charge"),
        ({"chrge": 50}, "battery has no 'chrge': allowed are base.*charge"),
    ],
)
def test_faults_of_a_battery_are_told(battery, told):
    with pytest.raises(ScriptError, match=told):
        World(script={"battery": battery})
