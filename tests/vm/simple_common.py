"""What the scripts of test_simple.py share."""

import gc
from time import ticks_diff, ticks_ms

from mqtt.simple import MQTTClient

HOST = "127.0.0.1"
LIMIT_MS = 15_000


def made(port, name="simple", cls=MQTTClient, **options):
    """Returns a client that waits a second at most, and the list of what it got."""
    client = cls(name, HOST, port, **options)
    client.timeout = 1
    got = []
    client.set_callback(lambda topic, msg: got.append((topic, msg)))
    return client, got


def raised(kind, function, *args, **options):
    """Returns the exception that function raised, and how long it took, in ms."""
    start = ticks_ms()
    try:
        function(*args, **options)
    except kind as error:
        return error, ticks_diff(ticks_ms(), start)
    raise AssertionError("it did not raise")


def until(condition, work):
    """Does work() until condition() is true."""
    start = ticks_ms()
    while not condition():
        assert ticks_diff(ticks_ms(), start) < LIMIT_MS, "it never came"
        work()


def main(cases, case, port, *args):
    """Runs the function of that name with a port and the arguments."""
    gc.collect()
    cases[case](int(port), *args)
    print("done", case)
