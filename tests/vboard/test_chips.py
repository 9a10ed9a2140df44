"""What differs from chip to chip, and the station's settings."""

import pytest

import vm
from vboard import AccessPoint
from vboard.peripherals.chips import CHIPS

pytestmark = pytest.mark.both

ATTEMPT = """
def attempt(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except OSError as error:
        return error.args
    except (RuntimeError, TypeError, ValueError) as error:
        return type(error).__name__, str(error)
"""

BOARDS = ("esp32_generic", "esp32_s2", "esp32_s3", "esp32_c3", "esp32_c6")


@pytest.fixture
def told(make_board):
    """Returns told(source, profile): the lines of the console of a board of that kind."""

    def told(source, profile="esp32_generic", **outside):
        board = make_board(
            "import esp32, machine, network\nfrom attempt import attempt\n" + source,
            profile=profile,
            attempt=ATTEMPT,
        )
        vars(board.hardware).update(outside)
        board.power_on()
        board.wait_state("repl")
        return vm.told(board).splitlines()

    return told


@pytest.mark.parametrize("profile", BOARDS)
def test_what_the_chip_lacks_isn_t_there(told, profile):
    names = "esp32.raw_temperature esp32.mcu_temperature machine.bootloader machine.nothing"
    lines = told(
        f"for name in '{names}'.split():\n"
        "    module, item = name.split('.')\n"
        "    print(item, hasattr({'esp32': esp32, 'machine': machine}[module], item))\n",
        profile,
    )
    classic, loader = profile == "esp32_generic", profile in ("esp32_s2", "esp32_s3", "esp32_c3")
    there = (classic, not classic, loader, False)
    assert lines == [
        f"{name.split('.')[1]} {has}" for name, has in zip(names.split(), there, strict=True)
    ]


def test_temperature_of_the_die(told):
    assert told("print(esp32.raw_temperature())\n", die_celsius=50.0) == ["122"]
    assert told("print(esp32.mcu_temperature())\n", "esp32_c3", die_celsius=37.6) == ["38"]


@pytest.mark.parametrize("profile, fast", [("esp32_generic", True), ("esp32_c6", False)])
def test_cpu_frequency(told, profile, fast):
    lines = told(
        "print(machine.freq(), machine.freq(80_000_000), machine.freq())\n"
        "attempt(machine.freq, 240_000_000); print(machine.freq())\n"
        "print(attempt(machine.freq, 99_000_000)[0])\n"
        "if machine.reset_cause() == 1: machine.reset()\n",
        profile,
    )
    end = "240000000" if fast else "80000000"
    # A reset sets it back.
    assert lines == ["160000000 None 80000000", end, "ValueError"] * 2


def test_adc_is_each_chip_s_own(told):
    source = (
        "adc = machine.ADC(3)\n"
        "print(adc.read_uv(), adc.read(), adc.read_u16())\n"
        "adc.atten(adc.ATTN_0DB); print(adc.read_uv(), adc.read(), adc.read_u16())\n"
        "print([name for name in dir(machine.ADC) if name.startswith('WIDTH')])\n"
        "print(attempt(adc.width, 11), attempt(adc.atten, 4), attempt(machine.ADC, 0, atten=5))\n"
    )
    refused = (
        "('ValueError', 'invalid bit-width') ('ValueError', 'invalid attenuation')"
        " ('ValueError', 'invalid attenuation')"
    )
    lines = told(source, "esp32_c3", volts={3: 2.5})
    assert lines[:3] == ["2500000 4095 65535", "750000 4095 65535", "['WIDTH_12BIT']"]
    assert lines[3] == refused
    lines = told(source.replace("ADC, 0,", "ADC, 1,"), "esp32_s2", volts={3: 1.25})
    assert lines[:3] == ["1250000 4095 32763", "750000 8191 65535", "['WIDTH_13BIT']"]


def test_width_is_of_all_pins_until_the_next_is_set_up(told):
    assert told(
        "one, two = machine.ADC(34), machine.ADC(35)\n"
        "one.width(9); print(one.read(), two.read(), two.read_u16())\n"
        "machine.ADC(36); print(two.read())\n",
        volts={34: 1.225, 35: 2.45},
    ) == ["255 511 65535", "4095"]


# The virtual board has one: test_virtual.py.
@pytest.mark.emulated
def test_no_boot_loader_to_enter(told):
    assert told("print(attempt(machine.bootloader))\n", "esp32_s3") == [
        "(19, 'this emulated board has no boot loader in ROM')"
    ]


@pytest.mark.emulated
def test_boot_loader_of_a_board_that_has_one(make_board):
    board = make_board("import machine\nmachine.bootloader()\n", profile="esp32_s3")
    entered = []
    board.enter_bootloader = lambda: entered.append(board.state)
    board.power_on()
    board.wait_state("repl")
    assert entered == ["running"]


def test_every_board_file_s_chip_is_known():
    assert set(CHIPS) == {"esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6"}


# -- the station

STATION = "wlan = network.WLAN()\n"


def test_scan(told, air):
    air.retry_s = 0.02
    air.add(AccessPoint("far", None, rssi=-80, channel=11))
    air.add(AccessPoint("near", "secret", rssi=-40))
    air.add(AccessPoint("gone", "secret")).up = False
    lines = told(
        STATION + "print(attempt(wlan.scan)); wlan.active(True)\n"
        "for ssid, bssid, *rest in wlan.scan(): print(ssid, len(bssid), bssid[0], rest)\n"
        "wlan.connect('nowhere', 'x'); print(wlan.scan())\n"
    )
    assert lines == [
        "('STA must be active',)",
        "b'near' 6 2 [6, -40, 3, False]",
        "b'fieldpost' 6 2 [6, -58, 3, False]",
        "b'far' 6 2 [11, -80, 0, False]",
        "[]",
    ]


def test_what_config_tells_and_takes(told, air):
    air.add(AccessPoint("other", None, channel=11))
    lines = told(
        STATION + "print(attempt(wlan.config, 'channel'))\n"
        "wlan.active(True)\n"
        "print([wlan.config(n) for n in ('ssid', 'channel', 'reconnects', 'pm', 'txpower')])\n"
        "print(wlan.config('mac') == machine.unique_id(), wlan.config('hostname'))\n"
        "wlan.config(pm=wlan.PM_NONE, txpower=8.5, channel=3, reconnects=2, hostname='node')\n"
        "print([wlan.config(n) for n in ('pm', 'txpower', 'channel', 'reconnects')])\n"
        "print(network.hostname(), wlan.config('dhcp_hostname'))\n"
        "wlan.config(mac=b'\\x02abcde'); print(wlan.config('mac'))\n"
        "wlan.connect('other', None)\n"
        "while not wlan.isconnected(): machine.idle()\n"
        "print(wlan.config('channel'), wlan.config('ssid'))\n"
    )
    assert lines == [
        "('Wifi Not Started',)",
        "['', 1, -1, 1, 20.0]",
        "True mpy-esp32",
        "[0, 8.5, 3, 2]",
        "node node",
        "b'\\x02abcde'",
        "11 other",
    ]


# Call -> what its error is made of, the class first unless it is an OSError.
REFUSED = {
    "wlan.config, 'colour'": ("ValueError", "unknown config param"),
    "wlan.config, colour=1": ("ValueError", "unknown config param"),
    "wlan.config": ("TypeError", "can query only one param"),
    "wlan.config, 'mac', 'pm'": ("TypeError", "can query only one param"),
    "wlan.config, 'mac', pm=1": ("TypeError", "either pos or kw args are allowed"),
    "wlan.config, pm=3": ("RuntimeError", "Wifi Unknown Error 0x0102"),
    "wlan.config, channel=15": ("RuntimeError", "Wifi Unknown Error 0x0102"),
    "wlan.config, txpower=21": ("RuntimeError", "Wifi Unknown Error 0x0102"),
    "wlan.config, mac=b'short'": ("ValueError", "invalid buffer length"),
    "wlan.config, ssid='mine'": ("AP required",),
    "wlan.config, 'hidden'": ("AP required",),
    "wlan.status, 'stations'": ("ValueError", "unknown status param"),
    "wlan.ipconfig, 'dns'": ("ValueError", "unexpected key"),
    "network.ipconfig, 'addr4'": ("ValueError", "unexpected key"),
    "network.hostname, 'x' * 33": ("ValueError", ""),
    "network.country, 'DEU'": ("ValueError", ""),
}


def test_what_config_refuses(told):
    calls = "".join(f"print(attempt({call}))\n" for call in REFUSED)
    assert told(STATION + "wlan.active(True)\n" + calls) == list(map(str, REFUSED.values()))


def test_addresses(run):
    board = run(
        "import network\nwlan = network.WLAN()\n"
        "def tell(): print(wlan.ipconfig('addr4'), wlan.ipconfig('gw4'), wlan.ipconfig('dhcp4'))\n"
        "tell(); import join; tell(); print(network.ipconfig('dns'))\n"
    )
    assert vm.told(board).splitlines() == [
        "('0.0.0.0', '255.0.0.0') 0.0.0.0 False",
        "('127.0.0.1', '255.0.0.0') 127.0.0.1 True",
        "127.0.0.1",
    ]


def test_names_outlive_a_soft_reset_only(told):
    assert told(
        "print(network.hostname(), network.country(), network.WLAN().config('pm'))\n"
        "network.hostname('node'); network.country('DE'); network.WLAN().config(pm=2)\n"
        "if machine.reset_cause() == 1: machine.soft_reset()\n"
        "if machine.reset_cause() == 5: machine.reset()\n",
        "esp32_s3",
    ) == ["mpy-esp32s3 XX 1", "MPY: soft reboot", "node DE 2", "mpy-esp32s3 XX 1"]
