"""`fieldpost deploy`: a board gets the application as it is now, over its serial port."""

import json
import sys
from pathlib import Path
from typing import IO, cast

import sensors
from node.config import ConfigError, check
from vboard import profile as profiles

from . import (
    build,
    config,
    deployment,
    firmware,
    link as links,
    place,
    plan as plans,
    ports,
    project,
)
from .deployment import Deployment
from .output import Output, complain

# What ends the command with a line, before it has a board and then.
ERRORS = (
    profiles.ProfileError,
    firmware.CompileError,
    ports.PortError,
    *deployment.ERRORS,
)


def run(options):
    """Returns 0 for a board that is online again, 1 with the reason for none, 130 on ctrl-C."""
    try:
        with place.interruptible():
            return _run(options)
    except ConfigError as error:
        for fault in error.faults:
            complain(f"{options.config}: {fault}")
        return 1
    except ERRORS as error:
        complain(f"fieldpost deploy: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options):
    # All that can go wrong here does so before the node is stopped.
    source = Source(options.board or _built(), options.config)
    with links.Link(options.port or ports.only()) as link:
        work = Deployment(link, source.wanted, _teller(), options.dry_run, source.board.chip)
        try:
            return work.run(None if options.no_reset else options.timeout)
        except deployment.ERRORS as error:
            work.abandon()
            complain(f"fieldpost deploy: {error}")
            if work.state:
                complain(work.state)
            return 1
        except KeyboardInterrupt:
            work.abandon()
            complain(f"\nstopped: {work.state or deployment.UNTOUCHED}")
            raise


def _teller():
    """Returns what prints a line; that nobody reads them any more stops no deploy."""
    output = Output(sys.stdout, lambda: None)
    return lambda text: print(text, file=cast(IO[str], output), flush=True)


def _built():
    """Returns the board that there is a build for, the usual one if there are none or several."""
    found = [path.parent.name for path in project.ROOT.glob(f"build/*/{build.MANIFEST}")]
    known = [name for name in found if name in profiles.names()]
    return known[0] if len(known) == 1 else "esp32_generic"


class Source:
    """The application, compiled for a board. Raises ProfileError, ConfigError, CompileError."""

    def __init__(self, board, path=None):
        self.board = profiles.load(board)
        # The new configuration and the drivers it needs; without one the board keeps its own.
        self._config = b""
        if path:
            config.checked(path, self.board)
            self._config = Path(path).read_bytes()
        self._known = firmware.modules()
        self._files = firmware.compiled(sensors.names(), self._known, self.board.chip)

    def wanted(self, kept, say):
        """Returns ({path: bytes} of a slot, the same of the root) beside the configuration `kept`.

        Old and new configuration both find their parts: whichever is there at a reset works.
        """
        new, old = _parts(self._config), self._kept_parts(kept, say)
        drivers = new[0] | old[0]
        # Without any configuration all that one may need.
        filters = new[1] or old[1] or not drivers
        names = firmware.needed(drivers or sensors.names(), self._known, filters=filters)
        files = [file for file in self._files if file.name in names]
        root = {file.path: file.data for file in files if file.root}
        if self._config:
            root[plans.CONFIG] = self._config
        if not kept and not self._config:
            say(f"the board has no {plans.CONFIG}, which its node needs: name one with --config")
        say(f"drivers: {', '.join(sorted(drivers)) or 'all'}")
        return {file.path: file.data for file in files if not file.root}, root

    def _kept_parts(self, kept, say):
        try:
            return _parts(kept)
        except (ValueError, RecursionError) as error:
            if not self._config:
                say(f"the board's {plans.CONFIG} can't be used: {error}")
            return set(), False


def _parts(text):
    """Returns firmware.parts() of a configuration's text. Raises ValueError."""
    return firmware.parts(check(json.loads(text))) if text else (set(), False)
