"""The defects that clients for MicroPython are known for, looked for in ours.

Real MicroPython with a chip's memory, a real Mosquitto, and a proxy between them that does harm.
docs/defects.md is the table of all, with the tests that stand elsewhere.
"""

import re
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from faults import (
    CONNACK,
    CONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    black_hole,
    fin,
    hole_for,
    one_byte,
    rst,
    stall,
    torn,
)
from proxy import Proxy
from tls_tools import Papers

from fieldpost import broker as brokers
from vm import ROOT, needs_mosquitto, needs_vm, run

pytestmark = [needs_vm, needs_mosquitto]

HEAP = "64wK"


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    with brokers.mosquitto(tmp_path_factory.mktemp("broker"), "sys_interval 1") as broker:
        yield broker


@pytest.fixture
def proxy(mosquitto):
    with Proxy(mosquitto.port) as made:
        yield made


def play(front, case, *ports):
    """Runs a case of defects_FRONT.py on the VM."""
    done = run(f"tests/vm/defects_{front}.py", case, *ports, heap=HEAP)
    assert done.returncode == 0 and done.stdout.endswith(f"done {case}\n"), done.stdout


def arrived(broker, name):
    """Returns the numbers of the topics NAME/number that the broker got, in order, once each."""
    found = re.findall(rf"Received PUBLISH from {name} .*'{name}/(\d+)'", broker.log)
    return [int(number) for number in dict.fromkeys(found)]


# ---- 2: a publish that waits for ever ------------------------------------------------------


def test_defect_02_a_stalled_broker(mosquitto, proxy):
    proxy.at("client", PUBLISH, 2, stall)
    play("blocking", "stalls", proxy.port)
    assert arrived(mosquitto, "stalls") == [0, 1, 2]
    assert proxy.links == 2


# ---- 3: a publish at QoS 1 inside the callback ----------------------------------------------


@pytest.mark.parametrize("cut", [None, one_byte])
@pytest.mark.parametrize("nth", [4, 9])
@pytest.mark.parametrize(
    ("front", "case"), [("blocking", "callback_publishes"), ("asyncio", "handler_publishes")]
)
def test_defect_03_a_callback_publishes_while_the_link_breaks(proxy, front, case, nth, cut):
    proxy.cut = cut
    proxy.at("client", PUBLISH, nth, rst)
    play(front, case, proxy.port)
    assert proxy.links == 2


# ---- 4: late and doubled acknowledgements ---------------------------------------------------


@pytest.mark.parametrize("front", ["robust", "asyncio"])
def test_defect_04_doubled_and_unknown_acknowledgements(mosquitto, proxy, front):
    name = f"stray-{front}"
    # Of identifier 0x0030, which has once been read as a length.
    proxy.change("broker", PUBACK, 48, lambda raw: raw * 2)
    proxy.change("broker", PUBACK, 50, lambda raw: b"\x40\2\0\x30" + raw)
    done = run("tests/vm/defects_publish.py", front, proxy.port, name, 60, heap=HEAP)
    assert done.stdout.endswith("done\n"), done.stdout
    assert arrived(mosquitto, name) == list(range(60)) and proxy.links == 1


def test_defect_04_a_late_acknowledgement(mosquitto, proxy):
    # It comes after the repeat: two answers, and the first one is not the last one's.
    proxy.at("client", PUBLISH, 48, hole_for(2.4))
    done = run("tests/vm/defects_publish.py", "robust", proxy.port, "late", 60, heap=HEAP)
    assert done.stdout.endswith("done\n"), done.stdout
    assert arrived(mosquitto, "late") == list(range(60)) and proxy.links == 1
    repeated = [packet.id for packet in proxy.seen("client", PUBLISH) if packet.dup]
    assert repeated == [0x30]


# ---- 7: a refused subscription --------------------------------------------------------------


@pytest.mark.parametrize("front", ["blocking", "asyncio"])
def test_defect_07_a_refused_subscription(proxy, front):
    proxy.change("broker", SUBACK, 1, lambda raw: raw[:-1] + b"\x80")
    play(front, "refused_subscription", proxy.port)
    assert proxy.links == 1 and len(proxy.seen("client", SUBSCRIBE)) == 2


# ---- 8 and 14: the end of the stream, and what waits meanwhile -------------------------------


@pytest.mark.parametrize(
    ("front", "side", "kind"), [("blocking", "broker", SUBACK), ("asyncio", "broker", PUBACK)]
)
def test_defect_08_no_broker_takes_no_computing(mosquitto, proxy, front, side, kind):
    proxy.at(side, kind, 1, proxy.away(1), after=True)
    before, began = children_s(), time.monotonic()
    play(front, "waits_without_a_broker", proxy.port)
    used, took = children_s() - before, time.monotonic() - began
    print(f"{used:.2f} s of CPU in {took:.2f} s")
    assert took > 1 and used < 0.6


def children_s():
    """Returns the CPU time of all processes that have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def test_defect_14_what_waited_goes_out_at_once_and_in_order(mosquitto, proxy):
    proxy.at("broker", PUBACK, 1, proxy.away(0.5), after=True)
    mark = len(mosquitto.log)
    play("asyncio", "waits_without_a_broker", proxy.port)
    assert re.findall(r"'waits/(\d+)'", mosquitto.log[mark:]) == [str(i) for i in range(50)]
    drained = proxy.seen("broker", PUBACK)[-1].at - proxy.seen("client", CONNECT)[-1].at
    print(f"49 messages in {drained:.2f} s")
    assert drained < 2


def test_defect_14_a_publish_given_up_in_time_stays_in_the_outbox(mosquitto):
    play("asyncio", "outbox_keeps", mosquitto.port)


# ---- 9: keep alive ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("front", "case"), [("blocking", "long_callback"), ("asyncio", "long_handler")]
)
def test_defect_09_the_link_is_kept_alive_during_a_long_callback(proxy, front, case):
    play(front, case, proxy.port)
    times = [packet.at for packet in proxy.packets if packet.side == "client"]
    quiet = max(after - before for before, after in zip(times, times[1:], strict=False))
    assert proxy.links == 1 and len(proxy.seen("client", PINGREQ)) >= 2
    # Keep alive is 1 s; a broker waits for one and a half (3.1.2.10).
    assert quiet < 1.4


def test_defect_09_an_answer_that_came_during_a_long_callback_is_in_time(proxy):
    play("blocking", "answered_while_busy", proxy.port)
    assert proxy.links == 1


# ---- 10: short writes ------------------------------------------------------------------------


def test_defect_10_short_writes_lose_nothing(mosquitto):
    with Proxy(mosquitto.port, receive_buffer=4096) as proxy:
        # The link stands still while the large one is written.
        proxy.at("client", PUBLISH, 1, hole_for(0.5))
        play("blocking", "short_writes", proxy.port)
        payloads = [packet.payload for packet in proxy.seen("client", PUBLISH)]
        assert payloads == [b"", bytes(range(256)) * 120, b""]
        assert proxy.links == 1
    assert arrived(mosquitto, "short") == [0, 1, 2]


# ---- 11: TLS ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [fin, rst, stall, black_hole])
def test_defect_11_a_tls_link_that_breaks_is_noticed(tmp_path, fault):
    settings = Papers(tmp_path, trustme.CA()).server()
    with (
        brokers.mosquitto(tmp_path, settings) as broker,
        Proxy(broker.port, packets=False) as proxy,
        ThreadPoolExecutor() as pool,
    ):
        playing = pool.submit(play, "blocking", "broken_tls", proxy.port)
        while "'tls/ready'" not in broker.log and not playing.done():
            time.sleep(0.01)
        proxy.now(fault)
        playing.result()
        assert proxy.links == 2 and arrived(broker, "tls") == [0, 1]


# ---- 12: subscriptions and names -------------------------------------------------------------


def test_defect_12_subscriptions_outlive_the_session(proxy):
    play("asyncio", "subscriptions_last", proxy.port)
    assert [packet.raw for packet in proxy.seen("broker", CONNACK)] == [b"\x20\2\0\0"] * 2


def test_defect_12_the_name_is_asked_for_anew_and_each_address_tried(mosquitto, proxy):
    with Proxy(mosquitto.port) as other:
        play("asyncio", "names_are_asked_again", proxy.port, other.port)
        assert (proxy.links, other.links) == (2, 1)
    assert arrived(mosquitto, "names") == [0, 1, 2]


# ---- 13: Wi-Fi -------------------------------------------------------------------------------


def test_defect_13_the_library_knows_no_wifi():
    for file in (ROOT / "lib/mqtt").glob("*.py"):
        found = re.search(r"^\s*(import|from) (network|machine)\b", file.read_text(), re.M)
        assert not found, file


# ---- 15: matching ----------------------------------------------------------------------------


def test_defect_15_no_wildcard_matches_a_dollar_and_retain_is_told(mosquitto):
    play("asyncio", "routing", mosquitto.port)


# ---- All of it at one byte a time, and slowly -------------------------------------------------


@pytest.mark.parametrize("front", ["robust", "asyncio"])
@pytest.mark.parametrize(("cut", "delay"), [(one_byte, 0.0), (torn, 0.0), (None, 0.03)])
def test_torn_and_slow_links_lose_nothing(mosquitto, proxy, front, cut, delay):
    proxy.cut, proxy.delay = cut, delay
    proxy.at("broker", PUBACK, 7, fin)
    name = f"{front}-{cut and cut.__name__}-{delay}"
    done = run("tests/vm/defects_publish.py", front, proxy.port, name, 12, heap=HEAP)
    assert done.stdout.endswith("done\n"), done.stdout
    assert arrived(mosquitto, name) == list(range(12)) and proxy.links == 2
