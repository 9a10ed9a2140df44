"""One deploy: a board is stopped, brought up to date step by step, and started again."""

import collections
import time

from . import firmware, link as links, plan as plans
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
UNTOUCHED = "nothing changed: the old application runs on at the next reset"
AGAIN = "nothing changed: the old application is started again"
DOUBT = "the old or the new application starts at the next reset, each is whole: deploy again"
NEW = "the new application is in place and starts at the next reset: deploy again for the rest"
STARTED = "deployed: the new application was started"

# Action -> what is told of it when it is done, and when it would be.
DONE = {
    plans.REMOVE: ("removed", "would remove"),
    plans.COPY: ("copied", "would copy"),
    plans.SEND: ("sent", "would send"),
}


class DeployError(Exception):
    """This board can't get this application; the text says why."""


# What a deploy may end with.
ERRORS = (DeployError, links.LinkError, links.BoardError)


class Deployment:
    """One deploy to the board behind a Link.

    `wanted(kept, say)` returns the files of a slot and of the root, {path: bytes} each, for the
    configuration on the board.
    """

    def __init__(self, link, wanted, say, dry_run=False, chip=None):
        self._link = link
        self._wanted = wanted
        self._say = say
        self._dry_run = dry_run
        self._chip = chip
        # What the board does at its next reset, "" as long as it wasn't stopped.
        self.state = ""
        # Whether a watchdog may be armed that only a reset of the chip takes away again.
        self._stretched = False
        # Action -> [files, bytes] so far.
        self._totals = {action: [0, 0] for action in DONE}

    def run(self, timeout_s=None):
        """Returns the exit code: 1 when the node isn't online in time. Raises one of ERRORS.

        `timeout_s`: how many seconds it may take; None: the board is left at its prompt.
        """
        began = time.monotonic()
        self._stop()
        remote = Remote(self._link)
        plan = self._plan(remote, timeout_s)
        if not plan.steps:
            self._say(f"up to date: slot {plan.slot} has all {len(plan.kept)} files")
        for number, step in enumerate(plan.steps):
            if not self._dry_run:
                self.state = DOUBT if number == plan.flip else self.state
                getattr(self, "_" + step.action)(step, remote)
                self.state = NEW if number >= plan.flip else self.state
            self._count(step)
        self._conclude(plan, time.monotonic() - began)
        if self._dry_run or not plan.steps:
            self._start_again(timeout_s)
            return 0
        return self._start_new(timeout_s)

    def abandon(self):
        """Ends it in the middle: a board that was stopped is left at its prompt."""
        if self.state in (UNTOUCHED, DOUBT, NEW):
            self._link.leave()

    # ---- Before

    def _stop(self):
        # A farewell, or a port where nobody answers, takes its time.
        self._say(f"{self._link.port}: stopping what runs there ...")
        if STOPPED not in self._link.interrupt():
            self._link.run(STRETCH)
            self._stretched = True
        self.state = UNTOUCHED

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

    def _plan(self, remote, timeout_s):
        try:
            self._judge(*remote.board())
            return self._made(remote)
        except DeployError:
            self._start_again(timeout_s)
            self.state = UNTOUCHED if timeout_s is None else AGAIN
            raise

    def _made(self, remote):
        found = remote.found()
        there = found.files.get(plans.CONFIG)
        kept = remote.read(plans.CONFIG, there.sum) if there else b""
        plan = plans.make(found, *self._wanted(kept, self._say))
        self._introduce(found, plan)
        needed, there = plans.shortage(found, plan)
        if needed > there:
            raise DeployError(
                f"the file system has {there:,} bytes free, this takes {needed:,}: remove files"
            )
        return plan

    def _introduce(self, found, plan):
        if not plan.steps:
            return
        if plan.slot == found.active:
            place = f"slot {plan.slot} has the application already"
        elif found.active:
            place = f"slot {plan.slot} gets the application, slot {found.active} has the old one"
        else:
            place = f"slot {plan.slot} gets the application, the first in a slot"
        self._say(f"{self._link.port}: {place}")
        for name in plan.saved:
            self._say(f"{name} is not ours: kept as {name}{plans.OLD}")
        if found.flat:
            self._say("an application at the root: removed at the end, the slot takes its place")
        for path, file in sorted(plan.kept.items()):
            self._tell("kept", file.size, f"{plan.slot}/{path}")

    # ---- Each step

    def _count(self, step):
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
                f"{verb} {count} file{'s' if count > 1 else ''}, {size:,} bytes"
                for verb, (count, size) in {"kept": kept, **totals}.items()
                if count
            ]
            self._say(f"{'; '.join(parts)}; {seconds:.1f} s")

    def _start_again(self, timeout_s):
        if timeout_s is None:
            self._link.leave()
            self._say("the board stays at its prompt")
        elif self._stretched:
            self._link.reset()
        else:
            self._link.restart()

    def _start_new(self, timeout_s):
        if timeout_s is None:
            self._link.leave()
            self._say("deployed; the new application starts at the next reset")
            return 0
        began = time.monotonic()
        self._link.reset()
        self.state = STARTED
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
