"""What every board does, by the tools that everybody has: a real one and the virtual one."""

import hashlib
import json
import random
import time

CAUSE = "import machine; print(machine.reset_cause(), machine.wake_reason())"
POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5
DATA = random.Random(7).randbytes(20_000)

# Small: a program that was interrupted may have left little memory.
OLD_AND_NEW = """
with open("/hil/kept", "w") as file: file.write("old" * 200)
with open("/hil/new", "w") as file: file.write("new" * 200)
open_one = open("/hil/kept", "w"); open_one.write("torn" * 200)
import machine; machine.reset()
"""
NVS = """
from esp32 import NVS
storage = NVS("hil")
"""
BUSY = b"""exec("print('b' + 'usy')\\nwhile True: pass")\r"""


def cause(target):
    """Returns the cause of the last reset."""
    return int(target.run(CAUSE).split()[0])


# ---- Tools -----------------------------------------------------------------------------------


def test_files_go_and_come_by_mpremote(target, tmp_path):
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(DATA)
    said = target.mpremote(
        *("cp", str(sent), ":hil/data", "+", "ls", ":hil", "+", "sha256sum", ":hil/data"),
        *("+", "cp", ":hil/data", str(back), "+", "rm", ":hil/data", "+", "ls", ":hil"),
    )
    assert hashlib.sha256(DATA).hexdigest() in said and back.read_bytes() == DATA
    assert said.count(" data") == 1 and str(len(DATA)) in said


def test_programs_run_by_mpremote(target, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('runs on', sys.platform)")
    said = target.mpremote("exec", "n = 6 * 7; print('n', n)", "+", "run", str(script))
    assert "n 42" in said and "runs on esp32" in said
    assert "ZeroDivisionError" in target.mpremote("exec", "1 / 0", code=1)


def test_the_board_file_says_what_is_there(target):
    pins = list(target.profile.pins)
    found = json.loads(
        target.run(
            f"import gc, json, os; from machine import Pin; gc.collect()\n"
            f"pins = [Pin(n) for n in {pins}]; stat = os.statvfs('/')\n"
            "print(json.dumps([len(pins), gc.mem_free() + gc.mem_alloc(), stat[0] * stat[2]]))"
        )
    )
    sizes = [layout.size for layout in target.profile.layouts.values()]
    assert found[0] == len(pins) and found[1] > target.profile.budget and found[2] in sizes


def test_ctrl_c_ends_a_busy_loop(target):
    target.run("")
    with target.console() as line:
        # From the raw prompt to the friendly one.
        line.write(b"\x02\r")
        assert line.read_until(b">>> ").endswith(b">>> ")
        line.write(BUSY)
        assert line.read_until(b"busy\r\n").endswith(b"busy\r\n")
        line.write(b"\x03")
        assert b"KeyboardInterrupt" in line.read_until(b">>> ")
    assert target.run("print('still here')") == "still here"


# ---- Resets ----------------------------------------------------------------------------------


def test_a_reset_says_why(target):
    target.restart("import machine; machine.soft_reset()")
    assert cause(target) == SOFT
    target.restart()
    assert cause(target) == HARD
    target.restart("import machine; machine.WDT(timeout=500)\nwhile True: pass")
    assert cause(target) == WATCHDOG


def test_the_reset_button_is_a_power_on(target):
    target.press_reset()
    target.wait_prompt()
    assert cause(target) == POWER_ON


def test_deep_sleep_ends_by_its_timer(target):
    began = time.monotonic()
    target.restart("import machine; machine.deepsleep(1000)")
    assert time.monotonic() - began >= 1
    timer = int(target.run("import machine; print(machine.TIMER_WAKE)"))
    assert target.run(CAUSE) == f"{DEEP_SLEEP} {timer}"


def test_rtc_memory_outlives_resets(target):
    memory = "import machine; print(machine.RTC().memory())"
    before = target.run(memory)
    try:
        for reset in ("machine.reset()", "machine.soft_reset()", "machine.deepsleep(10)"):
            target.run(f"import machine; machine.RTC().memory({reset.encode()!r})")
            target.restart(f"import machine; {reset}")
            assert target.run(memory) == repr(reset.encode())
    finally:
        target.run(f"import machine; machine.RTC().memory({before})")


def test_nvs_outlives_a_reset(target):
    number, blob = random.randrange(1 << 30), random.randbytes(100)
    target.restart(
        f"{NVS}storage.set_i32('n', {number}); storage.set_blob('b', {blob!r})\n"
        "storage.commit()\nimport machine; machine.reset()"
    )
    said = target.run(
        f"{NVS}room = bytearray(100)\n"
        "print(storage.get_i32('n'), storage.get_blob('b', room), bytes(room))\n"
        "storage.erase_key('n'); storage.erase_key('b'); storage.commit()"
    )
    assert said == f"{number} 100 {blob!r}"


def test_files_outlive_a_reset_whole(target):
    target.restart(OLD_AND_NEW)
    said = target.run(
        "for name in ('kept', 'new'):\n"
        "    with open('/hil/' + name) as file: text = file.read()\n"
        "    print(text[:3], len(text), text == text[:3] * 200)"
    )
    # What is neither closed nor flushed is as it was before.
    assert said == "old 600 True\nnew 600 True"
