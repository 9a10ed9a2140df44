# Runs the node. A broken configuration or ctrl-C ends at the prompt, a crash in a reset.

import asyncio
import time

import machine

from node import config, crash

# Between a crash and the reset: time for a ctrl-C, and no storm of resets.
CRASH_PAUSE_S = 10


def main():
    try:
        run(config.load())
    except config.ConfigError as error:
        print("config: the node can't start:")
        for fault in error.faults:
            print("config:", fault)
    except Exception as error:
        print(crash.record(error))
        print("node: crashed; reset in %d s, ctrl-C stays here" % CRASH_PAUSE_S)
        time.sleep(CRASH_PAUSE_S)
        machine.reset()


def run(settings):
    # Late: a board with a broken configuration needs none of it.
    from node.app import Node, Restart

    node = Node(settings)
    try:
        asyncio.run(node.run())
    except KeyboardInterrupt:
        asyncio.run(node.stop())
        print("node: machine.reset() starts it again")
    except Restart:
        asyncio.run(node.stop())
        machine.reset()


main()
