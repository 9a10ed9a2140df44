"""`fieldpost vboard`: a virtual board that real tools talk to, its console and its switches."""

import contextlib
import shlex
import sys
from pathlib import Path

from node.config import ConfigError
from vboard import flash as chips, profile as profiles, worldfile
from vboard.script import ScriptError

from . import boards, config, consolelog, ending, firmware, image
from .output import Output, complain

# By its path in the project, where set-up put it.
FIELDPOST = ".venv/bin/fieldpost"
MPREMOTE = ".venv/bin/mpremote"


def run(options):
    """Returns the exit code: 0, or 1 with the reason on stderr."""
    if sys.stdout is None:
        complain("fieldpost vboard: standard output is closed: send it to /dev/null for none")
        return 1
    try:
        # Before anything is loaded that only runs where boards do.
        boards.check()
        return {"start": _start, "console": _console}.get(options.action, _switch)(options)
    except boards.BoardsError as error:
        complain(f"fieldpost vboard: {error}")
        return 1


# ---- start ---------------------------------------------------------------------------------


def _start(options):
    if options.password and options.ssid is None:
        complain("fieldpost vboard: --password is of --ssid: name that, too")
        return 1
    from . import desk as desks

    errors = (
        desks.DeskError,
        profiles.ProfileError,
        firmware.CompileError,
        image.ImageError,
        chips.FlashError,
        ScriptError,
    )
    try:
        with desks.held(Path(options.folder)):
            return _run(options, desks)
    except ConfigError as error:
        for fault in error.faults:
            complain(f"{options.config}: {fault}")
    except errors as error:
        complain(f"fieldpost vboard: {error}")
    except OSError as error:
        complain(f"fieldpost vboard: {error.filename or options.folder}: {error.strerror}")
    return 1


def _run(options, desks):
    stop = ending.stopped()
    output = Output(sys.stdout, stop.set)
    folder = Path(options.folder)
    name = desks.profile_name(folder, options.board)
    board = profiles.load(name)
    world = worldfile.load(options.world) if options.world else None
    found = config.checked(options.config, board) if options.config else None
    files = _application(options, found, board)
    there = desks.prepare(folder, name, files, options.blank)
    with contextlib.ExitStack() as stack:
        wifi = options.ssid, options.password
        desk = stack.enter_context(
            contextlib.closing(desks.Desk(folder, name, found or there, wifi, world))
        )
        if options.link:
            stack.enter_context(desks.linked(Path(options.link), desk.board.port))
        desk.begin()
        _introduce(desk, options, output)
        stop.wait()
        print("switching off ...", file=output, flush=True)
        ended = desk.switch_off()
    print("off" if ended else "off; the program did not end at ctrl-C", file=output, flush=True)
    return 1 if output.lost else 0


def _application(options, found, board):
    """Returns the files for the board, None: it keeps its own."""
    if not found or options.blank:
        return None
    drivers = {sensor["driver"] for sensor in found["sensors"]}
    files = firmware.application(drivers, board.chip)
    return {**files, boards.CONFIG: Path(options.config).read_bytes()}


def _around(desk):
    return [one.told for one in desk.around.attached]


def _introduce(desk, options, output):
    board, port = desk.board, shlex.quote(str(Path(options.folder, "port")))
    folder = shlex.quote(options.folder)
    around = [f"the Wi-Fi {desk.air.ssid!r}", "a time server", *_around(desk)]
    lines = [
        f"{board.profile.name}, a virtual board kept in {folder}; its port: {port} ({board.port})",
        f"around it: {', '.join(around)}",
        f"console: {FIELDPOST} vboard console {folder} --follow",
    ]
    if options.blank:
        lines.append(f"its flash is blank: {FIELDPOST} flash --port {port}")
    else:
        lines += [
            f"files:   {MPREMOTE} connect {port} ls",
            f"prompt:  {MPREMOTE} connect {port}",
            f"deploy:  {FIELDPOST} deploy --port {port}",
            f"flash:   {FIELDPOST} flash --port {port}",
        ]
    switches = "power-off, power-on, wifi off, wifi on"
    lines.append(f"reset:   {FIELDPOST} vboard reset {folder}; as well {switches}")
    for line in lines:
        print(line, file=output)
    print("ctrl-C switches it off", file=output, flush=True)


# ---- The others ----------------------------------------------------------------------------


def _console(options):
    stop = ending.stopped()
    output = Output(sys.stdout, stop.set)
    folder = Path(options.folder)
    try:
        for line in consolelog.lines(folder, options.lines, stop if options.follow else None):
            print(line, file=output, flush=options.follow)
        output.flush()
    except FileNotFoundError:
        complain(
            f"fieldpost vboard: no board has run in {options.folder}: "
            f"fieldpost vboard start {options.folder}"
        )
        return 1
    except OSError as error:
        complain(f"fieldpost vboard: {options.folder}: {error.strerror}")
        return 1
    return 0


def _switch(options):
    from . import switches

    words = [options.action, *([options.state] if options.action == "wifi" else [])]
    try:
        print(switches.throw(Path(options.folder), *words))
    except switches.SwitchError as error:
        complain(f"fieldpost vboard: {options.folder}: {error}")
        return 1
    return 0
