"""A board's modules, files, console and chance, and several boards side by side."""

import errno
import os
import sys

import pytest

from vm import told

pytestmark = pytest.mark.both


def test_packages_and_relative_imports(run):
    board = run(
        "import pkg.deep.leaf, pkg.other as other\n"
        "from pkg import sub, NAME\n"
        "from pkg.deep import leaf\n"
        "from pkg.star import *\n"
        "print(pkg.deep.leaf is leaf, leaf.up, leaf.sister)\n"
        "print(sub.__name__, NAME, starred, other.x)\n"
        "try: from pkg import missing\n"
        "except ImportError as error: print(error)\n"
        "try: print(_hidden)\n"
        "except NameError: print('hidden')\n"
        "print(__name__, pkg.sub is sub)\n",
        **{
            "pkg/__init__": "NAME = 'pkg'",
            "pkg/sub": "",
            "pkg/other": "x = 1",
            "pkg/star": "starred, _hidden = 2, 3",
            "pkg/deep/__init__": "",
            "pkg/deep/leaf": "from .. import NAME as up\nfrom . import sister\n"
            "from .sister import me\nsister = me",
            "pkg/deep/sister": "me = 'sister'\nfrom ..sub import __name__ as n",
        },
    )
    assert told(board).splitlines() == [
        "True pkg sister",
        "pkg.sub pkg 2 1",
        "no module named 'pkg.missing'",
        "hidden",
        "__main__ True",
    ]


def test_root_frozen_lib_and_built_in_modules_come_in_this_order(run):
    names = "both only json math asyncio onewire random".split()
    board = run(
        f"import {', '.join(names)}\n"
        f"for module in ({', '.join(names)}): print(getattr(module, 'where', 'image'))\n",
        both="where = 'root'",
        random="where = 'root'",
        # Frozen, in C, and in C for good: json can be replaced, math can't.
        **{f"lib/{name}": "where = 'lib'" for name in names},
    )
    assert told(board).split() == "root lib lib image image image root".split()


def test_failed_import_leaves_nothing_half_done(run):
    board = run(
        "import state\n"
        "for turn in range(2):\n"
        "    try: import half\n"
        "    except ValueError: print('failed')\n"
        "state.good = True\n"
        "import half; print(half.done)\n"
        "import sys; del sys.modules['half']; import half; print(state.runs)\n",
        state="good, runs = False, 0",
        half="import state\nstate.runs += 1\nif not state.good: raise ValueError\ndone = True",
    )
    assert told(board).split() == ["failed", "failed", "True", "4"]


@pytest.mark.parametrize(
    "name",
    "typing pathlib threading subprocess functools contextlib logging datetime ctypes pytest"
    " vboard _host_os concurrent.futures os.path collections.abc asyncio.events".split(),
)
def test_modules_that_are_not_on_the_chip(run, name):
    board = run(f"try: import {name}\nexcept ImportError as error: print('refused', error)")
    assert board.console.startswith("refused no module named")


def test_names_that_are_not_on_the_chip(run):
    names = (
        "breakpoint vars format ascii exit quit FileNotFoundError TimeoutError"
        " ConnectionError BlockingIOError PermissionError UnicodeDecodeError ExceptionGroup"
    )
    board = run(
        f"for name in '{names}'.split():\n"
        "    try: eval(name); print('there is', name)\n"
        "    except NameError: pass\n"
        "import binascii, collections, errno, hashlib, io, math, os, re, struct, sys\n"
        "for module, name in ((collections, 'Counter'), (io, 'TextIOWrapper'), (os, 'environ'),\n"
        "        (errno, 'EPIPE'), (math, 'gcd'), (re, 'findall'), (sys, 'getsizeof'),\n"
        "        (hashlib, 'sha512'), (binascii, 'crc_hqx'), (os, 'system')):\n"
        "    if hasattr(module, name): print('there is', name)\n"
    )
    assert told(board) == ""


def test_two_boards_share_no_module(make_board):
    source = (
        "import math, own, time\n"
        "own.value += 1; print(own.value)\n"
        "for module in (math, time):\n"
        # On the chip they can't be given anything.
        "    try: module.mine = getattr(module, 'mine', 0) + 1; print(module.mine)\n"
        "    except AttributeError: print(1)\n"
    )
    boards = [make_board(source, name=name, own="value = 0") for name in ("one", "two")]
    for board in boards:
        board.power_on()
        board.wait_state("repl")
        assert told(board).split() == ["1", "1", "1"]
    assert not hasattr(sys.modules["math"], "mine") and "own" not in sys.modules


def test_a_file_changed_between_boots_is_read_anew(make_board):
    board = make_board("import own; print('own', own.value)", own="value = 1")
    board.power_on()
    board.wait_console("own 1")
    board.power_off()
    board.write_files({"own.py": "value = 2"})
    board.power_on()
    board.wait_console("own 2")


def test_error_numbers_are_the_chip_s(run):
    board = run(
        "import errno, sys, io\n"
        "error = OSError(errno.ETIMEDOUT)\n"
        "print(error.errno == errno.ETIMEDOUT, error)\n"
        "try: raise OSError(errno.ECONNREFUSED)\n"
        "except OSError as caught: print(caught.errno == errno.ECONNREFUSED)\n"
        "print(OSError('text').args, OSError(-202).errno)\n"
        "text = io.StringIO(); sys.print_exception(error, text); print(text.getvalue())\n"
        "try: raise error\n"
        "except OSError as raised: sys.print_exception(raised)\n"
    )
    lines = told(board).splitlines()
    assert lines[0].startswith("True [Errno ") and lines[0].endswith("] ETIMEDOUT")
    assert lines[1:3] == ["True", "('text',) -202"]
    # Without a traceback before it was raised.
    assert lines[3].startswith("OSError: [Errno ") and lines[4] == ""
    assert lines[5].startswith("Traceback ") and lines[-1] == lines[3]


def test_files(run, kind):
    board = run(
        "import io, os\n"
        "os.mkdir('/data'); os.chdir('data'); os.mkdir('in'); os.chdir('in'); print(os.getcwd())\n"
        "with open('a.txt', 'w') as f: f.write('1\\n2\\n')\n"
        "with open('/data/in/a.txt', 'a') as f: f.write('3\\n')\n"
        "with io.open('a.txt') as f: print(f.readlines(), f.read())\n"
        "with open('a.txt', 'r+') as f: f.write('x')\n"
        "with open('../in/a.txt', 'rb') as f: print(f.seek(0, 2), f.tell(), f.seek(0), f.read())\n"
        "os.chdir('..'); print(os.getcwd(), os.listdir('in'))\n"
        "print(os.stat('in')[0], os.stat('in/a.txt')[6])\n"
        "print(sorted(os.listdir('/data/..'))[:2], list(os.ilistdir('/data')))\n"
        "def attempt(function, *args):\n"
        "    try: return function(*args)\n"
        "    except OSError as error: return error.errno\n"
        "print(attempt(open, 'none'), attempt(open, 'no/x', 'w'), attempt(open, 'in'))\n"
        "print(attempt(os.remove, 'none'), attempt(os.mkdir, 'in'), attempt(os.chdir, 'none'))\n"
        "print(attempt(open, 'in/a.txt', 'x'), attempt(os.listdir, 'none'))\n"
        "print(attempt(os.rmdir, 'in'))\n"
        "os.rename('in/a.txt', 'b.txt'); os.rmdir('in'); os.remove('b.txt'); print(os.listdir())\n"
        "block, _, blocks, free = os.statvfs('/')[:4]\n"
        "print(block, block * blocks, free < blocks)\n"
        "print(os.uname().sysname, len(os.urandom(5)))\n"
    )
    assert told(board).splitlines() == [
        "/data/in",
        "['1\\n', '2\\n', '3\\n'] ",
        "6 6 0 b'x\\n2\\n3\\n'",
        "/data ['a.txt']",
        "16384 6",
        "['data', 'join.py'] [('in', 16384, 0, 0)]",
        f"{errno.ENOENT} {errno.ENOENT} {errno.EISDIR}",
        f"{errno.ENOENT} {errno.EEXIST} {errno.ENOENT}",
        f"{errno.EEXIST} {errno.ENOENT}",
        f"{errno.ENOTEMPTY}",
        "[]",
        "4096 2097152 True",
        "esp32 5",
    ]
    kept = {"emulated": ["flash", "nvs.bin"], "virtual": ["flash.bin"]}
    assert sorted(os.listdir(board.folder)) == kept[kind]


# The chip's LittleFS takes it, and it's lost: better to hear of it.
@pytest.mark.emulated
def test_file_opened_for_reading_is_not_written(run):
    board = run(
        "open('a.txt', 'w').close()\n"
        "f = open('a.txt')\n"
        "try: f.write('x')\n"
        "except OSError as error: print(error.errno)\n"
    )
    assert told(board) == str(errno.EBADF)


def test_full_flash_refuses_and_keeps_what_there_was(make_board):
    board = make_board(
        "with open('log', 'w') as f: f.write('before')\n"
        "try:\n"
        "    with open('log', 'w') as f: f.write('x' * 40_000)\n"
        "except OSError as error: print(error.errno)\n"
        "print(open('log').read()); open('small', 'w').close()\n"
    )
    # Of 512 blocks a few are left.
    board.write_files({"fill": bytes(498 * 4080)})
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == [str(errno.ENOSPC), "before"]


def test_working_folder_is_the_root_after_a_reset(make_board):
    board = make_board(
        "import machine, os\n"
        "print(os.getcwd())\n"
        "if machine.reset_cause() == 1: os.mkdir('sub'); os.chdir('sub'); machine.soft_reset()\n"
    )
    board.power_on()
    board.wait_state("repl")
    assert told(board).splitlines() == ["/", "MPY: soft reboot", "/"]


@pytest.mark.emulated
def test_install_copies_programs_and_nothing_else(make_board, tmp_path):
    source = tmp_path / "source"
    (source / "pkg" / "__pycache__").mkdir(parents=True)
    for name in ("pkg/a.py", "pkg/__pycache__/a.pyc", "README.md", "manifest.toml"):
        (source / name).write_text("x = 1")
    board = make_board("import pkg.a, json\nprint(pkg.a.x, json.load(open('config.json')))")
    board.install((source, "/lib"), (source, "/"), config='{"name": "é"}')
    board.power_on()
    board.wait_state("repl")
    assert told(board) == "1 {'name': 'é'}"
    assert sorted(p.name for p in board.flash.path("/lib").rglob("*")) == ["a.py", "pkg"]


def test_chance_differs_from_board_to_board_and_from_boot_to_boot(make_board, kind):
    source = "import random, os\nprint(random.getrandbits(30), random.randint(1, 6) in range(7))"
    numbers = []
    for name in ("one", "two", "one"):
        board = make_board(source, name=name)
        for _ in range(2):
            board.power_on()
            board.wait_state("repl")
            board.power_off()
        numbers.append(told(board).splitlines())
        board.close()
    one, two, again = numbers
    assert len({*one, *two}) == 4
    # The same emulated board made anew does the same again.
    assert kind == "virtual" or one == again


def test_console(make_board):
    board = make_board(
        "import sys\n"
        "print('a', 1, sep='-', end='|'); print('b')\n"
        "sys.stdout.write('c\\r\\nd'); sys.stderr.write(b'e\\n'); print('f', file=sys.stdout)\n"
        "print(); print('unfinished', end='')\n"
    )
    heard = []
    board.on_line = lambda which, line: heard.append((which, line))
    mark = board.mark()
    board.power_on()
    board.wait_state("repl")
    lines = ["a-1|b", "c", "de", "f", ""]
    assert board.console.split("\n")[:5] == lines
    assert heard[:5] == [(board, line) for line in lines]
    assert board.wait_console("d", since=mark) == "de"
    with pytest.raises(TimeoutError, match="no 'q'"):
        board.wait_console("q", timeout=0.01, since=board.mark())
    with pytest.raises(TimeoutError, match="not 'sleeping'"):
        board.wait_state("sleeping", timeout=0.01)


def test_console_keeps_its_last_lines_only(make_board):
    board = make_board("for n in range(6000): print('line', n)")
    mark = board.mark()
    board.power_on()
    board.wait_state("repl")
    assert len(board.console.splitlines()) == 5000
    assert board.wait_console("line 5999", since=mark) == "line 5999"


def test_memory_is_estimated(run):
    board = run("import gc; gc.collect(); print(gc.mem_alloc() > 0, gc.mem_free() > 50_000)")
    assert told(board) == "True True"


def test_scheduled_function_runs(run):
    board = run("import micropython; micropython.schedule(print, 'scheduled')")
    assert told(board) == "scheduled"
