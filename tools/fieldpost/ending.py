"""How a command that runs until it is stopped hears of it."""

import signal
import threading

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def stopped():
    """Returns an Event that is set by whatever ends a command."""
    stop = threading.Event()
    for number in ENDINGS:
        # In a thread: the main one may be just about to wait, with the event's lock in its hand.
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop
