"""Runs the node. A broken configuration or ctrl-C ends at the prompt, a crash in a reset."""

import asyncio
import sys
import time

import machine

# Between a crash and the reset: time for a ctrl-C, and no storm of resets.
CRASH_PAUSE_S = 10
# What judges the configuration; nobody needs it afterwards.
JUDGES = ("filter_rules", "config", "allowed")


def main():
    """Runs the node until the prompt is wanted. Any root's main.py calls it: the name stays."""
    node = None
    try:
        node = made()
        if node:
            run(node)
    except Exception as error:
        crashed(error, node)


def made():
    """Returns the node, None if its configuration can't be used."""
    settings = configuration()
    if not settings:
        return None
    # Late: a board with a broken configuration needs none of it.
    from node.app import Node, WiringError

    try:
        return Node(settings)
    except WiringError as error:
        refused([str(error)])


def configuration():
    """Returns the configuration, None if it can't be used."""
    # Not above: a file that is broken or missing is a crash, too.
    from node import config

    try:
        return config.load()
    except config.ConfigError as error:
        refused(error.faults)
    finally:
        # They have done their work, and take as much as a sixth of what a node may have.
        for name in JUDGES:
            if sys.modules.pop("node." + name, None):
                delattr(sys.modules["node"], name)


def refused(faults):
    print("config: the node can't start:")
    for fault in faults:
        print("config:", fault)


def run(node):
    from node.app import Restart

    try:
        asyncio.run(node.run())
    except KeyboardInterrupt:
        say_goodbye(node)
        stay(node)
    except Restart:
        asyncio.run(node.stop())
        machine.reset()


def say_goodbye(node):
    # A ctrl-C that hits a task in its course can cost asyncio that task (MicroPython 1.29), and
    # the farewell then waits for ever: a second one must still get an unharmed prompt.
    try:
        asyncio.run(node.stop())
    except KeyboardInterrupt:
        print("node: no farewell")


def crashed(error, node=None):
    try:
        from node import crash

        print(crash.record(error))
    except Exception as another:
        # No memory, a full flash: the reset matters more than its reason.
        print("node: %r, not recorded: %r" % (error, another))
    print("node: crashed; reset in %d s, ctrl-C stays here" % CRASH_PAUSE_S)
    try:
        if node:
            asyncio.run(node.stop())
        time.sleep(CRASH_PAUSE_S)
    except KeyboardInterrupt:
        stay(node)
        return
    except Exception as another:
        print("node: %r" % another)
    machine.reset()


def stay(node):
    if node:
        node.relax()
    print("node: machine.reset() starts it again")
