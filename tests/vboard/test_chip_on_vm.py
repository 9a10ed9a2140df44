"""The chip's modules do on a real MicroPython what they do on the emulated board's CPython."""

import subprocess
import threading
from pathlib import Path

import pytest

import vboard
from vboard import World
from vboard.devices.dht import DHT22
from vboard.devices.ds18b20 import DS18B20
from vboard.hardware import Hardware
from vboard.profile import load
from vm import MICROPYTHON, needs_vm

VBOARD = Path(vboard.__file__).parent

# The link of a MicroPython on its own: a call is a line that begins with \x01, and so is its
# answer: (kind, value, interrupts since the last one).
LINK = r"""
import sys, time

reset_cause, wake_reason = 1, 0
handlers = {}


def call(name, *args):
    print("\x01" + repr((name, args)))
    kind, value, interrupts = eval(sys.stdin.readline())
    for number in interrupts:
        handlers["timer"](number)
    if kind == "OSError":
        raise OSError(*value)
    if kind == "ValueError":
        raise ValueError(*value)
    return value


def listen(kind, handler):
    handlers[kind] = handler


def sleep(seconds):
    end = time.ticks_add(time.ticks_us(), int(seconds * 1_000_000))
    attend()
    while time.ticks_diff(end, time.ticks_us()) > 0:
        time.sleep_ms(1)
        attend()


def attend():
    call("chip")
"""

ATTEMPT = """
def attempt(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except OSError as error:
        return error.args
    except Exception as error:
        return type(error).__name__, str(error)
"""

PROGRAM = """
import machine, network
from dht import DHT22
from ds18x20 import DS18X20
from machine import ADC, PWM, Pin, Signal, Timer
from neopixel import NeoPixel
from onewire import OneWire
from attempt import attempt

sensors = DS18X20(OneWire(Pin(4)))
roms = sensors.scan()
print([rom.hex() for rom in roms], [sensors.read_temp(rom) for rom in roms])
for rom in roms: sensors.write_scratch(rom, bytes((75, 70, 0x1F)))
sensors.convert_temp()
while not sensors.ow.readbit(): machine.idle()
print([sensors.read_temp(rom) for rom in roms], sensors.read_scratch(roms[0])[2:5].hex())
for rom in (bytes(8), roms[0]):
    print(attempt(DS18X20(OneWire(Pin(13))).read_temp, rom))
print(attempt(OneWire, Pin(34)), attempt(Pin, 99), attempt(Pin, 'x'))

hygrometer = DHT22(Pin(5))
hygrometer.measure(); print(hygrometer.buf.hex(), round(hygrometer.temperature(), 2))
print(attempt(DHT22(Pin(13)).measure))

strip = NeoPixel(Pin(18), 2); strip.fill((1, 2, 3)); strip[0] = (4, 5, 6); strip.write()
print(strip[0], len(strip))

calls = []
timer = Timer(0, freq=200, callback=calls.append)
while len(calls) < 3: machine.idle()
timer.deinit(); print(set(calls) == {timer}, timer.value(), attempt(Timer, 4))
once = Timer(-1); once.init(mode=Timer.ONE_SHOT, period=2, callback=calls.append)
while once not in calls: machine.idle()
print(attempt(timer.init, period=0, callback=print))
state = machine.disable_irq(); once.init(period=2, callback=lambda timer: calls.clear())
for _ in range(20): machine.lightsleep(1)
print(len(calls) > 0, state); machine.enable_irq(state); once.deinit(); print(calls)

out = PWM(Pin(15), freq=50, duty_ns=1_500_000)
print(out.freq(), out.duty(), out.duty_u16(), out.duty_ns(), attempt(out.duty, 1024))
out.deinit(); print(attempt(out.freq), attempt(PWM, 34))
low = Signal(Pin(2, Pin.OUT), invert=True); low.on(); print(low(), Pin(2)())
print(machine.time_pulse_us(Pin(14, Pin.IN), 1, 2000))

adc = ADC(36, atten=ADC.ATTN_0DB)
print(adc.read(), adc.read_u16(), adc.read_uv(), ADC.WIDTH_12BIT, attempt(adc.width, 13))
print(machine.freq(), attempt(machine.freq, 5), hasattr(machine, "bootloader"))
import esp32
print(esp32.raw_temperature(), hasattr(esp32, "mcu_temperature"), hasattr(machine, "nothing"))

wlan = network.WLAN()
print(attempt(wlan.scan), wlan.active(True), wlan.scan())
wlan.config(pm=wlan.PM_NONE, hostname="node"); print(wlan.config("pm"), network.hostname())
print(attempt(wlan.config, "colour"), attempt(wlan.config, pm=7), wlan.ipconfig("addr4"))
wlan.active(False); print("end")
"""


class Board:
    """What Hardware knows of a board."""

    name, ticks_start_us = "board", 0

    def __init__(self):
        self.interrupts = []

    def interrupted(self, kind, number):
        # A byte says which.
        assert kind == "timer" and 0 <= number < 256
        self.interrupts.append(number)

    def watchdog_bite(self):
        raise AssertionError("no program here arms it")


def wire(hardware, world):
    for serial in (1, 2):
        hardware.one_wire(4).attach(DS18B20(world, serial))
    hardware.pins[5].attach(DHT22(world))
    hardware.volts[36] = 0.5


def room():
    """Returns a world whose seconds fly."""
    world = World(clock=lambda: 100 * vboard.clock.clock.now())
    world.set("temperature", -10.5)
    world.set("humidity", 50)
    return world


def served(hardware, board, line):
    """Returns the answer to a call. Whatever isn't plain fails the test."""
    name, args = eval(line)
    try:
        kind, value = None, getattr(hardware, name)(*args)
    except OSError as error:
        kind, value = "OSError", error.args
    except ValueError as error:
        kind, value = "ValueError", error.args
    interrupts, board.interrupts = board.interrupts, []
    assert plain(value), f"{name} returns {value!r}"
    return repr((kind, value, interrupts)) + "\n"


def plain(value):
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    return value is None or type(value) in (bool, int, float, str, bytes)


def run_on_vm(folder, hardware, board):
    """Returns what the program prints that stands in a folder."""
    path = f"{folder}:{VBOARD / 'chip'}:{VBOARD / 'frozen'}:.frozen"
    output = []
    with subprocess.Popen(
        [MICROPYTHON, "-X", "heapsize=64wK", folder / "main.py"],
        cwd=folder,
        env={"MICROPYPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as vm:
        guard = threading.Timer(30, vm.kill)
        guard.start()
        for line in iter(vm.stdout.readline, ""):
            if line.startswith("\x01"):
                vm.stdin.write(served(hardware, board, line[1:]))
                vm.stdin.flush()
            else:
                output.append(line.rstrip("\n"))
        guard.cancel()
    return output


@needs_vm
def test_both_interpreters_print_the_same(make_board, air, tmp_path):
    air.retry_s = 0.02
    cpython = make_board(PROGRAM, attempt=ATTEMPT)
    world = room()
    wire(cpython.hardware, world)
    cpython.power_on()
    cpython.wait_state("repl", 20)
    folder = tmp_path / "vm"
    folder.mkdir()
    for name, text in (("main", PROGRAM), ("attempt", ATTEMPT), ("_board", LINK)):
        (folder / f"{name}.py").write_text(text)
    board = Board()
    hardware = Hardware(board, load(), cpython.radio, folder / "nvs.json")
    hardware.reset()
    wire(hardware, world)
    output = run_on_vm(folder, hardware, board)
    hardware.halt()
    assert output == cpython.console.splitlines()
    assert output[-1] == "end"
    assert hardware.pins[18].stream == cpython.hardware.pins[18].stream


def test_only_plain_values_count_as_such():
    assert plain((None, True, 1, 1.5, "a", b"b", [(1,)]))
    assert not plain(bytearray(b"x")) and not plain({}) and not plain([{1}])


@pytest.mark.parametrize("name", ["chip", "frozen"])
def test_the_link_is_listened_to_at_the_first_use_only(name):
    # It starts a thread there.
    for path in (VBOARD / name).glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "_board.listen" not in line or line.startswith("        "), path
