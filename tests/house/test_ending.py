"""A signal ends a command, whatever its main thread is about to do."""

import signal

from fieldpost import ending


def test_a_signal_that_comes_as_one_begins_to_wait():
    before = {number: signal.getsignal(number) for number in ending.ENDINGS}
    try:
        stop = ending.stopped()
        # As within stop.wait(), before it sleeps.
        with stop._cond:
            signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
