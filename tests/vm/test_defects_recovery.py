"""After a FIN, a RST, a stall and a black hole publishing goes on by itself, without a loss."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults import CONNACK, PUBACK, PUBLISH, black_hole, fin, rst, stall
from proxy import Proxy

from fieldpost import broker as brokers
from vm import needs_mosquitto, needs_vm, run

pytestmark = [needs_vm, needs_mosquitto]

HEAP = "64wK"
COUNT, AT = 30, 12

# The bars are 0.2 s and 5 s at a keep alive of 10 s; more here, for a loaded machine.
FAULTS = {"FIN": (fin, 1), "RST": (rst, 1), "stall": (stall, 6), "black-hole": (black_hole, 6)}
# What is lost with the link: the publish, or its acknowledgement.
PLACES = {"before-PUBLISH": ("client", PUBLISH), "before-PUBACK": ("broker", PUBACK)}
CASES = [
    f"{front}-{fault}-{place}"
    for front in ("robust", "asyncio")
    for fault in FAULTS
    for place in PLACES
]


class Outcome:
    """A client's run through a link that was harmed once."""

    def __init__(self, case, port):
        front, fault, place = re.fullmatch(r"(\w+)-([\w-]+)-(before-\w+)", case).groups()
        self.name = case.lower()
        with Proxy(port) as proxy:
            rule = proxy.at(*PLACES[place], AT, FAULTS[fault][0])
            done = run(
                "tests/vm/defects_publish.py", front, proxy.port, self.name, COUNT, heap=HEAP
            )
        self.output, self.links = done.stdout, proxy.links
        self.published = proxy.seen("client", PUBLISH)
        self.connacks = [packet.raw for packet in proxy.seen("broker", CONNACK)]
        answers = [packet.at for packet in proxy.seen("broker", PUBACK) if packet.link > 1]
        # From the fault to the first acknowledgement of the new link.
        self.took = answers[0] - rule.at if answers else None
        self.limit = FAULTS[fault][1]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """outcomes[case].result(): all of them run at once, for they mostly wait."""
    with (
        brokers.mosquitto(tmp_path_factory.mktemp("broker")) as broker,
        ThreadPoolExecutor(len(CASES)) as pool,
    ):
        found = {case: pool.submit(Outcome, case, broker.port) for case in CASES}
        yield {case: future.result() for case, future in found.items()}, broker.log


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost(outcomes, case):
    found, log = outcomes[0][case], outcomes[1]
    assert found.output.endswith("done\n"), found.output
    came = re.findall(rf"Received PUBLISH from {found.name} .*'{found.name}/(\d+)'", log)
    # In order, and what came a second time was marked as such.
    assert [int(number) for number in dict.fromkeys(came)] == list(range(COUNT))
    # One new connection did, to a session that the broker still had.
    assert found.links == 2 and found.connacks == [b"\x20\2\0\0", b"\x20\2\1\0"]


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent_again_has_dup_and_its_identifier(outcomes, case):
    first = {}
    again = 0
    for packet in outcomes[0][case].published:
        before = first.setdefault(packet.topic, packet)
        if packet is before:
            # What a link lost before the proxy read it is seen on the next one only.
            assert packet.link > 1 or not packet.dup
        else:
            again += 1
            assert packet.dup and packet.id == before.id and packet.payload == before.payload
    assert again


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_in_time(outcomes, case):
    found = outcomes[0][case]
    print(f"publishing again after {found.took:.2f} s")
    assert found.took < found.limit, found.output
