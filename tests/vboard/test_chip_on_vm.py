"""The chip's modules do on a real MicroPython what they do on the emulated board's CPython."""

from pathlib import Path

import pytest

import vboard
from vboard import World
from vboard.devices.dht import DHT22
from vboard.devices.ds18b20 import DS18B20
from vm import needs_vm, told

VBOARD = Path(vboard.__file__).parent

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


def wire(hardware, world):
    for serial in (1, 2):
        hardware.one_wire(4).attach(DS18B20(world, serial))
    hardware.pins[5].attach(DHT22(world))
    hardware.volts[36] = 0.5


@pytest.fixture
def world():
    """A world whose seconds fly."""
    made = World(clock=lambda: 100 * vboard.clock.clock.now())
    made.set("temperature", -10.5)
    made.set("humidity", 50)
    return made


@needs_vm
def test_both_interpreters_print_the_same(board_of, air, world):
    air.retry_s = 0.02
    lines, streams = [], []
    for kind in ("emulated", "virtual"):
        with board_of(kind, kind) as board:
            # The same sensors: their ROM codes come from the serial numbers.
            wire(board.hardware, world)
            board.write_files({"main.py": PROGRAM, "attempt.py": ATTEMPT})
            board.power_on()
            board.wait_state("repl", 20)
            lines.append(told(board).splitlines())
            streams.append(board.hardware.pins[18].stream)
    assert lines[0] == lines[1] and lines[0][-1] == "end"
    assert streams[0] == streams[1]


@pytest.mark.parametrize("name", ["chip", "frozen"])
def test_the_link_is_listened_to_at_the_first_use_only(name):
    # It starts a thread there.
    for path in (VBOARD / name).glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "_board.listen" not in line or line.startswith("        "), path
