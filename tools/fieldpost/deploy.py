"""`fieldpost deploy`: a board gets the application as it is now, over its serial port."""

import collections
import json
import time
from pathlib import Path

import sensors
from node.config import ConfigError, check
from vboard import profile as profiles

from . import build, config, firmware, link as links, place, plan as plans, ports, project
from .output import complain
from .remote import BYTECODE, Remote

# A node that was stopped says so when it has given its watchdog an hour, too.
STOPPED = "node: machine.reset() starts it again"
# Another program may have armed one, which can't be asked.
STRETCH = "import machine\nmachine.WDT(timeout=3600000)"
ONLINE = "mqtt: online"
# The program has ended and will not come online.
PROMPT = 'Type "help()" for more information.'
# Lines of the console that are shown when it doesn't.
LAST_LINES = 15

# What the board does next, told when a deploy ends before its end.
OLD = "nothing changed: the old application runs on at the next reset"
DOUBT = "the old or the new application starts at the next reset, each is whole: deploy again"
NEW = "the new application is in place and starts at the next reset: deploy again for the rest"

DONE = {
    plans.REMOVE: ("removed", "would remove"),
    plans.COPY: ("copied", "would copy"),
    plans.SEND: ("sent", "would send"),
}


class DeployError(Exception):
    """This board can't get this application; the text says why."""


# What ends a command with a line.
ERRORS = (
    DeployError,
    links.LinkError,
    links.BoardError,
    ports.PortError,
    profiles.ProfileError,
    firmware.CompileError,
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
        work = Deployment(link, source.wanted, dry_run=options.dry_run, chip=source.board.chip)
        try:
            return work.run(None if options.no_reset else options.timeout)
        except ERRORS:
            complain(work.state)
            raise
        except KeyboardInterrupt:
            link.leave()
            complain(f"\nstopped: {work.state}")
            raise


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
        self._config = (
            Path(path).read_bytes() if path and config.checked(path, self.board) else b""
        )
        self._known = firmware.modules()
        self._files = firmware.compiled(sensors.names(), self._known, self.board.chip)

    def wanted(self, kept, say):
        """Returns ({path: bytes} of a slot, the same of the root) beside the configuration `kept`.

        Old and new configuration both find their drivers: whichever is there at a reset works.
        """
        drivers = _drivers(kept, "the board's config.json", say) | _drivers(self._config)
        if not kept and not self._config:
            say("no configuration: all drivers")
        names = firmware.needed(drivers or sensors.names(), self._known)
        files = [file for file in self._files if file.name in names]
        root = {file.path: file.data for file in files if file.root}
        if self._config:
            root[plans.CONFIG] = self._config
        return {file.path: file.data for file in files if not file.root}, root


def _drivers(text, name="", say=print):
    """Returns the names of the drivers that a configuration needs, all for one that is wrong."""
    if not text:
        return set()
    try:
        return {sensor["driver"] for sensor in check(json.loads(text))["sensors"]}
    except (ConfigError, ValueError) as error:
        say(f"{name} can't be used, so all drivers: {error}")
        return set(sensors.names())


class Deployment:
    """One deploy to the board behind a Link.

    `wanted(kept, say)` returns the files of a slot and of the root, {path: bytes} each, for the
    configuration on the board.
    """

    def __init__(self, link, wanted, say=None, dry_run=False, chip=None):
        self._link = link
        self._wanted = wanted
        self._say = say or (lambda text: print(text, flush=True))
        self._dry_run = dry_run
        self._chip = chip
        # What the board does at its next reset.
        self.state = OLD
        # Whether a watchdog may be armed that only a reset of the chip takes away again.
        self._stretched = False
        # Action -> [files, bytes] so far.
        self._totals = {action: [0, 0] for action in DONE}

    def run(self, timeout_s=None):
        """Returns the exit code. `timeout_s`: how long the node may take to be online; None: the
        board is left at its prompt. Raises one of ERRORS."""
        began = time.monotonic()
        self._stop()
        remote = Remote(self._link)
        self._judge(*remote.board())
        plan = self._plan(remote)
        if not plan.steps:
            self._say(f"up to date: slot {plan.slot} has all {len(plan.kept)} files")
        for step in plan.steps:
            self._do(step, remote)
        self._conclude(plan, time.monotonic() - began)
        if self._dry_run or not plan.steps:
            self._start_again(timeout_s)
            return 0
        return self._start_new(timeout_s)

    # ---- Before

    def _stop(self):
        if STOPPED not in self._link.interrupt():
            self._link.run(STRETCH)
            self._stretched = True

    def _judge(self, machine, bytecode):
        chip = machine.rpartition("with ")[2].strip().lower()
        if self._chip and chip in firmware.MACHINES and chip != self._chip:
            raise DeployError(
                f"the board has an {chip}, not an {self._chip}: name it with --board"
            )
        if bytecode != BYTECODE:
            raise DeployError(
                f"MicroPython there loads bytecode {bytecode}, not {BYTECODE}: flash a newer one"
            )

    def _plan(self, remote):
        found = remote.found()
        kept = remote.read(plans.CONFIG) if plans.CONFIG in found.files else b""
        plan = plans.make(found, *self._wanted(kept, self._say))
        self._introduce(found, plan)
        needed, there = plans.shortage(found, plan)
        if needed > there:
            raise DeployError(
                f"the file system has {there:,} bytes free, this takes {needed:,}: remove files"
            )
        return plan

    def _introduce(self, found, plan):
        active = f"slot {found.active}" if found.active else "no slot"
        if not plan.steps:
            return
        self._say(f"{self._link.port}: {active} is started so far, slot {plan.slot} from now on")
        for name in plan.saved:
            self._say(f"{name} is not ours: kept as {name}{plans.OLD}")
        if found.flat:
            self._say("an application at the root: removed at the end, the slot takes its place")
        for path, file in sorted(plan.kept.items()):
            self._tell("kept", file.size, f"{plan.slot}/{path}")

    # ---- Each step

    def _do(self, step, remote):
        if step.path == firmware.POINTER and step.action == plans.SEND:
            self.state = DOUBT
        if not self._dry_run:
            getattr(self, "_" + step.action)(step, remote)
        if step.path == firmware.POINTER and step.action == plans.SEND:
            self.state = NEW
        if step.action in DONE:
            self._totals[step.action][0] += 1
            self._totals[step.action][1] += step.size
            self._tell(DONE[step.action][self._dry_run], step.size, step.path)

    def _remove(self, step, remote):
        remote.remove(step.path)

    def _rmdir(self, step, remote):
        remote.remove_folder(step.path)

    def _mkdir(self, step, remote):
        remote.make_folder(step.path)

    def _copy(self, step, remote):
        remote.copy(step.source, step.path, step.sum)

    def _send(self, step, remote):
        remote.send(step.path, step.data, step.sum)

    def _verify(self, step, remote):
        sums = {path: file.sum for path, file in remote.files(step.path).items()}
        if sums != step.sums:
            wrong = sorted(dict(sums.items() ^ step.sums.items()))
            raise DeployError(f"slot {step.path} is not what it should be: {', '.join(wrong)}")
        self._say(f"slot {step.path}: {len(sums)} files verified")

    def _tell(self, verb, size, path):
        self._say(f"{verb:<12}{size:>9,}  {path}")

    # ---- After

    def _conclude(self, plan, seconds):
        if plan.steps:
            kept = len(plan.kept), sum(file.size for file in plan.kept.values())
            totals = {DONE[action][self._dry_run]: self._totals[action] for action in DONE}
            parts = [
                f"{verb} {count} files, {size:,} bytes"
                for verb, (count, size) in {"kept": kept, **totals}.items()
                if count
            ]
            self._say(f"{'; '.join(parts)}; {seconds:.1f} s")

    def _start_again(self, timeout_s):
        if timeout_s is None:
            self._say("the board stays at its prompt")
        elif self._stretched:
            self._link.reset()
        else:
            self._link.restart()

    def _start_new(self, timeout_s):
        if timeout_s is None:
            self._say("deployed; the new application starts at the next reset")
            return 0
        began = time.monotonic()
        self._link.reset()
        self.state = NEW
        last = collections.deque(maxlen=LAST_LINES)
        for line in self._link.lines(timeout_s):
            if ONLINE in line:
                self._say(f"deployed; online {time.monotonic() - began:.1f} s after the reset")
                return 0
            if PROMPT in line:
                break
            last.append(line)
        complain("fieldpost deploy: deployed, but the node did not come online; its last lines:")
        for line in last:
            complain(f"    {line}")
        return 1
