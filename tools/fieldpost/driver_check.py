"""`fieldpost driver-check`: puts drivers through the mill and says what is wrong with them."""

import concurrent.futures
import contextlib
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

import sensors
from vboard import Air, profile as profiles

from . import boards, candidate as candidates, declarations, firmware, judge, place
from .output import complain
from .trial import KINDS, Trial, TrialError

DECLARED, SIZE = "declared", "size"
CHECKS = (DECLARED, SIZE, *judge.CHECKS)
# Boards at once: most of them wait for one another's turn on a core.
BOARDS = 4
# How often a ctrl-C is looked for, s.
LOOK_S = 0.2
# Lines for what is wrong by one check; the first says most.
LINES = 4
ERRORS = (
    candidates.CandidateError,
    profiles.ProfileError,
    firmware.CompileError,
    boards.BoardsError,
    TrialError,
)


def run(options):
    """Returns 0 if all is well, 1 if something is wrong, 130 after a ctrl-C."""
    try:
        with place.interruptible():
            return _run(options)
    except ERRORS as error:
        complain(f"fieldpost driver-check: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options):
    names = [*options.drivers, *(sensors.names() if options.all else ())]
    if not names:
        complain("fieldpost driver-check: name a driver or its file, or --all")
        return 1
    given = (options.emulation, options.set)
    if len(names) > 1 and any(given):
        complain("fieldpost driver-check: --emulation and --set are for one driver")
        return 1
    chip = profiles.load(options.board).chip
    found = [candidates.candidate(name, *given) for name in names]
    results = [Result(one, chip) for one in found]
    _try_all(results, _kinds(options.only), options.board)
    return _tell(results)


def _kinds(only):
    # Raises BoardsError where the one that is wanted can't run.
    if only == "emulated":
        return (only,)
    try:
        boards.check()
    except boards.BoardsError as error:
        if only:
            raise
        complain(f"on the emulated board only: {error}")
        return ("emulated",)
    return (only,) if only else KINDS


class Result:
    """What was found of one driver: by its declarations, and on each kind of board."""

    def __init__(self, candidate, chip):
        self.candidate = candidate
        self.declared = judge.Verdict()
        # Kind of a board -> its Verdict.
        self.verdicts = {}
        # Bytes of its bytecode.
        self.size = declarations.size(candidate, chip)
        self._declare()

    def _declare(self):
        found, self.declared.done = self.declared, [DECLARED, SIZE]
        for line in declarations.faults(self.candidate):
            found.add(DECLARED, line)
        found.figures[SIZE] = f"{self.size:,} B"
        if self.size > declarations.MOST:
            found.add(SIZE, f"{self.size:,} bytes compiled, {declarations.MOST:,} are the limit")

    @property
    def notes(self):
        """Yields what is worth a line and no fault."""
        if DECLARED in self.declared.wrong:
            yield "not tried on a board: mend its declarations first"
        elif not self.runs:
            yield "it has no emulation, so that only its declarations were checked: --emulation"
        if declarations.PLAIN < self.size <= declarations.MOST:
            yield f"{self.size:,} bytes are more than the {declarations.PLAIN:,} of a plain driver"

    @property
    def runs(self):
        """True if it can be tried on a board: the chip's own driver needs nothing around it."""
        candidate = self.candidate
        return DECLARED not in self.declared.wrong and (
            candidate.emulation is not None or candidate.bus is None
        )

    def wrong(self):
        """Yields (check, kinds of boards, text) of all that is wrong."""
        for check, lines in self.declared.wrong.items():
            yield from ((check, (), line) for line in lines)
        for check in judge.CHECKS:
            found = {}
            for kind, verdict in self.verdicts.items():
                for line in verdict.wrong.get(check, ()):
                    found.setdefault(line, []).append(kind)
            yield from ((check, kinds, line) for line, kinds in found.items())

    def cell(self, check):
        """Returns what the table says of a check."""
        verdicts = [self.declared, *self.verdicts.values()]
        if any(check in verdict.wrong for verdict in verdicts):
            return "[red]wrong[/red]"
        done = [verdict for verdict in verdicts if check in verdict.done]
        return next(
            (one.figures[check] for one in done if check in one.figures), "ok" * bool(done)
        )


def _try_all(results, kinds, board):
    jobs = [(result, kind) for result in results if result.runs for kind in kinds]
    # All of them before the first board runs.
    made = [(Trial(result.candidate, kind, board), result, kind) for result, kind in jobs]
    with contextlib.ExitStack() as stack:
        air = stack.enter_context(contextlib.closing(Air()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driver-check-")))
        status = stack.enter_context(Console(stderr=True).status("trying"))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(BOARDS))
        # Before the pool waits for its threads. All of them: a ctrl-C may come anywhere.
        stack.callback(_stop, pool, [trial for trial, *_ in made])
        trials = {}
        for number, (trial, *of) in enumerate(made):
            trials[pool.submit(trial.run, folder / str(number), air)] = trial, *of
        for count, job in enumerate(_completed(trials), 1):
            _, result, kind = trials[job]
            result.verdicts[kind] = job.result()
            status.update(f"{count} of {len(jobs)} tried: {result.candidate.name}, {kind}")


def _completed(jobs):
    # Looks up now and then: a ctrl-C at the moment in which a wait begins would not end it.
    while jobs:
        done, jobs = concurrent.futures.wait(jobs, LOOK_S, concurrent.futures.FIRST_COMPLETED)
        yield from done


def _stop(pool, trials):
    pool.shutdown(wait=False, cancel_futures=True)
    for trial in trials:
        trial.stop()


def _lines(result):
    counts = {}
    for check, kinds, text in result.wrong():
        where = f"{check} ({', '.join(sorted(kinds))})" if kinds else check
        counts[where] = counts.get(where, 0) + 1
        if counts[where] <= LINES:
            yield f"{where}: {text}"
    for where, count in counts.items():
        if count > LINES:
            yield f"{where}: and {count - LINES} more"


def _tell(results):
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("driver", overflow="fold")
    for check in CHECKS:
        table.add_column(check, no_wrap=True)
    for result in results:
        table.add_row(result.candidate.name, *(result.cell(check) for check in CHECKS))
    console.print(table)
    bad = False
    for result in results:
        name = result.candidate.name
        for text in _lines(result):
            console.print(f"{name}: {text}", markup=False, soft_wrap=True)
            bad = True
        for text in result.notes:
            console.print(f"{name}: {text}", markup=False, soft_wrap=True)
    return int(bad)
