"""TCP on the real MicroPython: which addresses are tried, for how long, and what is left."""

import socket

import pytest
from tls_tools import HEAP, Server, drain

from vm import needs_vm, run

pytestmark = needs_vm


@pytest.fixture
def full():
    """The port of a server whose queue is full: it answers nobody who connects."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        try:
            while len(waiting) < 10:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.2)
                waiting[-1].connect(address)
        except TimeoutError:
            yield address[1]
        else:
            pytest.skip("this system's queues have no end")
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize(
    "name",
    [
        "each_address_is_tried",
        "the_last_error_is_raised",
        "each_address_has_its_part_of_the_time",
        "time_left_over_goes_to_the_next",
        "the_time_limit_stops_nobody",
        "a_cancelled_one_leaves_no_socket",
        "the_name_is_resolved_each_time",
    ],
)
def test_tcp(name, full):
    with Server(drain) as server:
        done = run("tests/vm/transport_tcp.py", name, server.port, full, heap=HEAP)
    assert done.stdout == "ok\n"
