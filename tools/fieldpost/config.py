"""`fieldpost config check FILE`: judged by the code that judges it on the board."""

import sys

from node import config


def run(options):
    """Returns 0 for a good configuration, 1 with the faults on stderr for another."""
    try:
        found = config.load(options.file)
    except config.ConfigError as error:
        for fault in error.faults:
            print(f"{options.file}: {fault}", file=sys.stderr)
        return 1
    count = len(found["sensors"])
    print(f"{options.file}: good, {count} sensor{'s' if count > 1 else ''}")
    return 0
