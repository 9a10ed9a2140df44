"""How a command that makes a folder goes: its lines, or the reason why there are none."""

from node.config import ConfigError

from . import place
from .output import complain


def run(options, out, make, errors, closing):
    """Prints what make(options, out) returns, then the line `closing`. Returns the exit code.

    0 when the folder is there, 1 with the reason on stderr for one of `errors`, a ConfigError or
    an OSError, 130 after a ctrl-C.
    """
    try:
        with place.interruptible():
            lines = make(options, out.resolve())
    except ConfigError as error:
        for fault in error.faults:
            complain(f"{options.config}: {fault}")
        return 1
    except errors as error:
        complain(f"fieldpost {options.command}: {error}")
        return 1
    except OSError as error:
        complain(f"fieldpost {options.command}: {out}: can't be written: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        return 130
    for line in (*lines, closing):
        print(line)
    return 0
