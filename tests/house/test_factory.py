"""`fieldpost factory`: the set that a board needs, made of images that were judged before."""

import hashlib
import json
from types import SimpleNamespace

import pytest
from esp_idf_nvs_partition_gen import nvs_partition_gen
from intelhex import IntelHex

import chip_images
from fieldpost import cli, factory, image, micropython, place
from shell import run
from vboard import profile

GENERIC = "esp32_generic"
LINES = ("key,type,encoding,value", "node,namespace,,")
CSV = "\n".join((*LINES, "count,data,i32,-5", "# a comment", "id,data,hex2bin,c0ffee", ""))


@pytest.fixture
def make(tmp_path, capsys):
    """Makes a factory in the folder `out` of an image; returns (exit code, stdout, stderr)."""

    def call(data=None, *arguments, out="out"):
        options = ["factory", "--out", str(tmp_path / out), *map(str, arguments)]
        if data is not None:
            (tmp_path / "image.bin").write_bytes(data)
            options += ["--micropython", str(tmp_path / "image.bin")]
        code = cli.main(options)
        said = capsys.readouterr()
        return code, *(text.replace(str(tmp_path), "DIR") for text in (said.out, said.err))

    return call


def manifest(folder):
    return json.loads((folder / "factory.json").read_text(encoding="utf-8"))


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---- What is in it -----------------------------------------------------------------------------


def test_a_real_image_is_cut_into_what_is_written(make, tmp_path):
    whole = chip_images.etboard().read_bytes()
    code, said, errors = make(whole)
    assert (code, errors) == (0, "")
    told = manifest(tmp_path / "out")
    assert [told[key] for key in ("board", "chip", "flash", "layout")] == [
        GENERIC,
        "esp32",
        0x400000,
        "standard",
    ]
    found = tree(tmp_path / "out")
    # Boot loader and table, application: from 0x1000 and from 0x10000 on.
    assert found["bootloader.bin"] == whole[:0x8000]
    assert found["micropython.bin"] == whole[0xF000:]
    assert "main.py" in image.read(found["filesystem.bin"])
    assert [(part["file"], part["offset"]) for part in told["parts"]] == [
        ("bootloader.bin", 0x1000),
        ("micropython.bin", 0x10000),
        ("filesystem.bin", 0x200000),
    ]
    for part in told["parts"]:
        data = found[part["file"]]
        assert part["size"] == len(data)
        assert part["sha256"] == hashlib.sha256(data).hexdigest()
        assert f"{part['offset']:#x}{len(data):>11,}  {part['file']}" in said
    assert told["left_alone"] == [
        {"name": "nvs", "offset": 0x9000, "size": 0x6000},
        {"name": "phy_init", "offset": 0xF000, "size": 0x1000},
    ]
    assert "0x9000     24,576  nvs: left alone" in said


def test_the_hex_file_leaves_gaps_alone(make, tmp_path):
    make(chip_images.of_board(GENERIC, "ota"), "--layout", "ota")
    found, merged = tree(tmp_path / "out"), IntelHex(str(tmp_path / "out/factory.hex"))
    told = manifest(tmp_path / "out")
    inside = set()
    for part in told["parts"]:
        data, offset = found[part["file"]], part["offset"]
        inside.update(range(offset, offset + len(data)))
        # What isn't there is blank, and of the file system only.
        assert bytes(merged[at] for at in range(offset, offset + len(data))) == data
        if part["file"] != "filesystem.bin":
            assert set(range(offset, offset + len(data))) <= set(merged.addresses())
    assert set(merged.addresses()) <= inside
    left = {one["name"] for one in told["left_alone"]}
    assert left == {"nvs", "phy_init", "ota_1"}
    # Blank: whatever slot a board ran before, it starts the one that was written.
    assert found["otadata.bin"] == b"\xff" * 0x2000


def test_one_raw_piece_is_made_on_request_and_told(make, tmp_path):
    code, said, _ = make(chip_images.of_board(GENERIC), "--raw")
    assert code == 0
    assert "warning: factory.bin, which goes to 0x1000, has no gaps: NVS and all" in said
    raw, found = (tmp_path / "out/factory.bin").read_bytes(), tree(tmp_path / "out")
    assert raw[0xF000:].startswith(found["micropython.bin"])
    assert raw[0x8000:0xF000] == b"\xff" * 0x7000
    assert raw[0x1FF000:] == found["filesystem.bin"]


def test_the_same_input_makes_the_same_bytes(make, tmp_path):
    (tmp_path / "nvs.csv").write_text(CSV)
    for out in ("one", "two"):
        make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "nvs.csv", "--raw", out=out)
    one = tree(tmp_path / "one")
    assert one == tree(tmp_path / "two")
    assert str(tmp_path).encode() not in b"".join(one.values())


@pytest.mark.parametrize("layout", profile.LAYOUTS)
@pytest.mark.parametrize("name", profile.names())
def test_each_board_s_image_leaves_the_file_system_its_place(name, layout):
    board = profile.load(name)
    found = micropython.judged(chip_images.of_board(name, layout), board, layout)
    files = board.layouts[layout]
    assert (found.files.offset, found.files.size) == (files.offset, files.size)
    assert found.parts[0].offset == board.image_offset
    assert found.nvs.label == "nvs"


def with_files(offset, size, app=0x180000):
    """An image that names its file system, as MicroPython did before 1.26."""
    entries = [
        ("nvs", 0x9000, 0x6000),
        ("phy_init", 0xF000, 0x1000),
        ("factory", 0x10000, app),
        ("vfs", offset, size),
    ]
    return chip_images.combined("esp32", entries)


def test_the_place_that_an_image_gives_the_file_system_wins(make, tmp_path):
    assert make(with_files(0x190000, 0x270000))[0] == 0
    part = manifest(tmp_path / "out")["parts"][-1]
    assert (part["file"], part["offset"], part["size"]) == ("filesystem.bin", 0x190000, 0x270000)
    data = (tmp_path / "out/filesystem.bin").read_bytes()
    assert len(data) == 0x270000 and "main.py" in image.read(data)


# ---- NVS ---------------------------------------------------------------------------------------


def test_nvs_is_what_espressif_s_generator_makes(make, tmp_path):
    (tmp_path / "key.der").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "nvs.csv").write_text(CSV + f"key,file,binary,{tmp_path / 'key.der'}\n")
    assert make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "nvs.csv")[0] == 0
    options = {"input": str(tmp_path / "nvs.csv"), "output": "made.bin", "outdir": str(tmp_path)}
    nvs_partition_gen.generate(SimpleNamespace(**options, size="0x6000", version=2))
    made = (tmp_path / "made.bin").read_bytes()
    assert (tmp_path / "out/nvs.bin").read_bytes() == made and len(made) == 0x6000
    told = manifest(tmp_path / "out")
    assert ["nvs.bin", 0x9000] in [[part["file"], part["offset"]] for part in told["parts"]]
    assert [one["name"] for one in told["left_alone"]] == ["phy_init"]
    # An image that is there is taken as it is.
    assert make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "made.bin", out="again")[0] == 0
    assert (tmp_path / "again/nvs.bin").read_bytes() == made


def test_a_file_is_looked_for_beside_the_csv(make, tmp_path, monkeypatch):
    (tmp_path / "key.der").write_bytes(b"secret")
    (tmp_path / "nvs.csv").write_text("\n".join((*LINES, "key,file,binary,key.der")))
    monkeypatch.chdir("/")
    assert make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "nvs.csv")[0] == 0
    assert b"secret" in (tmp_path / "out/nvs.bin").read_bytes()


NVS_FAULTS = (
    ("name,data,string,x", "line 3: name: MicroPython can't read a string: use hex2bin, base64"),
    ("name,data,u8,1", "line 3: encoding 'u8': MicroPython reads i32, hex2bin, base64, binary"),
    ("name,data,i32,one", "line 3: name: invalid literal for int()"),
    ("name,data,i32,3000000000", "line 3: name: 'i' format requires"),
    ("name,data,hex2bin,abc", "line 3: name: name: Invalid data length"),
    ("name,data,hex2bin,xy", "line 3: name: Non-hexadecimal digit found"),
    ("name,file,binary,no.bin", "line 3: name: No such file or directory"),
    ("name,date,i32,1", "line 3: type 'date': allowed is namespace, data, file"),
    ("name,data,i32", "line 3: 4 columns are needed: key, type, encoding, value"),
    ("name,data,i32,1,2", "line 3: 4 columns are needed"),
    ("a-name-too-long-,data,i32,1", "line 3: key 'a-name-too-long-': 1 to 15 characters"),
    ("a,data,i32,1\n#\na,data,i32,2", "line 5: a is there twice"),
    (f"a,data,hex2bin,{'00' * 0x6000}", "its entries don't fit into the partition of 0x6000"),
    (f"a,data,binary,{'x' * 200_000}", "line 3: field larger than field limit"),
)


@pytest.mark.parametrize(("row", "told"), NVS_FAULTS)
def test_what_is_wrong_in_a_csv_is_told(row, told, make, tmp_path):
    (tmp_path / "nvs.csv").write_text("\n".join((*LINES, row)))
    refused(make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "nvs.csv"), tmp_path, told)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("nvs.csv", b"key,value\n", "its first line must be key,type,encoding,value"),
        ("nvs.csv", b"", "its first line must be key,type,encoding,value"),
        ("nvs.csv", b"key,type,encoding,value\na,data,i32,1\n", "line 2: a is in no namespace"),
        ("nvs.csv", b"key,type,encoding,value\n\xff\n", "no UTF-8 text from byte"),
        ("nvs.bin", bytes(0x5000), "0x5000 bytes, the partition has 0x6000"),
        ("nvs.bin", bytes(0x6000), "the page at 0x0 is none of NVS"),
        ("nvs.txt", b"", "its name must end with .csv or .bin"),
        (".", None, "its name must end with .csv or .bin"),
    ],
)
def test_what_is_no_nvs_is_refused(name, data, told, make, tmp_path):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    refused(make(chip_images.of_board(GENERIC), "--nvs", tmp_path / name), tmp_path, told)
    missing = make(chip_images.of_board(GENERIC), "--nvs", tmp_path / "none.csv")
    refused(missing, tmp_path, "none.csv: can't be read: No such file or directory")


# ---- What is refused ---------------------------------------------------------------------------


def refused(done, folder, told):
    """Asserts that it ended with one line that says `told`, and that nothing was made."""
    code, said, errors = done
    assert (code, said) == (1, "")
    assert errors.startswith("fieldpost factory: ") and errors.count("\n") == 1
    assert told in errors
    assert not (folder / "out").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


STANDARD = chip_images.of_board(GENERIC)
PLACES = profile.load(GENERIC).layouts["standard"].partitions


def changed(at, data):
    """The standard image with other bytes at a place in the flash."""
    made = bytearray(STANDARD)
    made[at - 0x1000 : at - 0x1000 + len(data)] = data
    return bytes(made)


def with_places(**places):
    """An image with some partitions elsewhere."""
    return chip_images.combined(
        "esp32", [(name, *places.get(name, place)) for name, *place in PLACES]
    )


FAULTS = (
    (b"", "it is no ESP image: it begins with nothing"),
    (b"<!doctype html>" * 10, "it is no ESP image: it begins with 3c21646f"),
    (chip_images.of_board("esp32_s3"), "it is for esp32s3, the board has an esp32"),
    (changed(0x100C, b"\x63\x00"), "it is for the chip of number 99, the board has an esp32"),
    (
        chip_images.application("esp32", b"app" * 20_000),
        "no partition table at 0x8000: it must be the whole image, the",
    ),
    (STANDARD[:0x7000], "no partition table at 0x8000: it must be the whole image, the"),
    (STANDARD[:0xF100], "its application in factory is damaged"),
    (STANDARD[:0xF000], "there is no application in it"),
    (changed(0x8005, b"\x01"), "the partition table's MD5 is wrong"),
    (changed(0x1028, b"!"), "its boot loader is damaged: its SHA-256 is wrong"),
    (changed(0x10101, b"!"), "its application in factory is damaged: its SHA-256 is wrong"),
    (changed(0x10001, b"\x09"), "its application in factory is damaged: "),
    (changed(0x1000C, b"\x09"), "its partition factory is for esp32s3, the board has an esp32"),
    (chip_images.of_board(GENERIC, "ota"), "it is for another layout: --layout ota"),
    (
        with_places(factory=(0x10000, 0x180000)),
        "its partitions are not those of the board file's standard layout: factory at 0x10000 of "
        "0x180000 bytes, in the board file at 0x10000 of 0x1f0000 bytes",
    ),
    (with_places(nvs=(0x9000, 0x5000)), "nvs at 0x9000 of 0x5000 bytes, in the board file at"),
    (with_places(factory=(0x10000, 0x400000)), "partition 'factory' ends at 0x410000, the flash"),
    (with_files(0x200000, 0x300000), "partition 'vfs' ends at 0x500000, the flash at 0x400000"),
    (with_files(0x180000, 0x200000), "its file system lies over its partition factory"),
    (with_files(0x200000, 0x1800), "its file system at 0x200000 of 0x1800 bytes is uneven"),
    (with_files(0x200000, 0x100000, 0x1F1000), "factory at 0x10000 of 0x1f1000 bytes, in the"),
)


@pytest.mark.parametrize(("data", "told"), FAULTS, ids=[told[:40] for _, told in FAULTS])
def test_an_image_that_is_not_the_board_s_is_refused(data, told, make, tmp_path):
    refused(make(data), tmp_path, told)


def test_a_file_system_that_is_too_small_is_refused(make, tmp_path):
    refused(make(with_files(0x200000, 0x4000)), tmp_path, "don't fit into the file system of")


def test_without_an_image_it_says_where_there_is_one(make, tmp_path):
    told = "give one with --micropython FILE, or --micropython URL with --sha256 HEX; "
    refused(make(), tmp_path, told + "https://micropython.org/download/ESP32_GENERIC lists them")
    done = make(None, "--layout", "ota", "--board", "esp32_c3")
    refused(done, tmp_path, "publishes no image with two slots for ESP32-C3: build one")
    refused(make(None, "--board", "toaster"), tmp_path, "no board 'toaster'")
    refused(make(None, "--micropython", "/no.bin"), tmp_path, "/no.bin: can't be read: No such")


def test_a_sum_that_is_given_must_be_the_file_s(make, tmp_path):
    refused(make(STANDARD, "--sha256", "0" * 64), tmp_path, f"not {'0' * 64}")
    found = hashlib.sha256(STANDARD).hexdigest()
    assert make(STANDARD, "--sha256", found.upper())[0] == 0


def test_a_folder_with_something_else_in_it_stays(make, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    assert make(STANDARD)[::2] == (
        1,
        "fieldpost factory: DIR/out: holds letter.txt, which no factory made: name another "
        "folder\n",
    )
    assert tree(tmp_path / "out") == {"letter.txt": b"dear"}


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(28, "No space left on device"), 1), (KeyboardInterrupt(), 130)]
)
def test_a_broken_off_factory_leaves_the_one_before(error, code, make, tmp_path, monkeypatch):
    make(STANDARD, "--raw")
    before = tree(tmp_path / "out")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(factory, "merge_bin", fail)
    assert make(STANDARD)[0] == code
    assert tree(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.bin", "out"]
    monkeypatch.undo()
    # And the next takes its place, without what it doesn't make.
    assert make(STANDARD)[0] == 0
    assert "factory.bin" not in tree(tmp_path / "out")


def test_what_was_there_comes_back_when_the_new_can_t_take_its_place(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_text("old")
    rename = type(tmp_path).rename

    def fail(path, target):
        if path.name == "new":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", fail)
    with pytest.raises(OSError, match="Input/output"), place.whole(tmp_path / "out"):
        pass
    assert tree(tmp_path / "out") == {"old": b"old"}


def test_make_refuses_a_mistyped_name():
    code, output = run("make factory MICROPYTON=x")
    assert code == 2
    assert "make factory takes BOARD CONFIG LAYOUT OUT MICROPYTHON SHA256 NVS, not MICRO" in output


def test_a_command_whose_packages_are_missing_says_so(monkeypatch, capsys):
    def missing(name, package):
        raise ModuleNotFoundError(name="esptool")

    monkeypatch.setattr("importlib.import_module", missing)
    assert cli.main(["factory"]) == 1
    told = "fieldpost factory: esptool is not installed: make factory sets it up\n"
    assert capsys.readouterr().err == told
