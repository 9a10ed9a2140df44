# Starts the application that boot.py has put on sys.path: see there what the two agree on.

import time

import machine

# Between a start that failed and the reset: time for a ctrl-C, and no storm of resets.
PAUSE_S = 10


def main():
    try:
        from node import start
    except ImportError as error:
        # Nothing of it, or not all: another reset would not bring it.
        print("main: no application (%s): make deploy puts one onto the board" % error)
    except Exception as error:
        broken(error)
    else:
        start.main()


def broken(error):
    print("main: the application can't be started: %r" % error)
    print("main: reset in %d s, ctrl-C stays here" % PAUSE_S)
    try:
        from node import crash

        crash.record(error)
    except Exception as another:
        print("main: not recorded: %r" % another)
    try:
        time.sleep(PAUSE_S)
    except KeyboardInterrupt:
        return
    machine.reset()


main()
