"""The command line of what is about the sensors' drivers."""

from . import arguments


def drivers(commands):
    drivers = commands.add_parser(
        "drivers",
        help="list the sensors there are drivers for, or tell how one is wired and configured",
        description="Lists the sensors there are drivers for; with a driver's name tells what it "
        "reports, its keys in the configuration, and an example for a board.",
    )
    drivers.add_argument("driver", nargs="?", metavar="NAME", help="tell of this one")
    arguments.board(drivers, "that the example is for")
    drivers.add_argument(
        "--page", metavar="FILE", help="write the page of all of them, docs/sensors.md"
    )


def driver_check(commands):
    check = commands.add_parser(
        "driver-check",
        help="put drivers through the mill: declarations, range, faults, blocking, memory",
        description="Checks what a driver declares, then runs it on boards with its sensor "
        "emulated: what it reads must be true over the whole range and while things go wrong, it "
        "must not block nor leak. Both kinds of boards run it: CPython and MicroPython.",
    )
    check.add_argument(
        "drivers", nargs="*", metavar="NAME|FILE.py", help="a driver by its name, or its file"
    )
    check.add_argument("--all", action="store_true", help="all drivers of the project")
    arguments.board(check, "to run it on")
    check.add_argument(
        "--emulation",
        metavar="FILE",
        help="what its sensor does, a file with EMULATIONS (default: NAME_emulation.py beside "
        "it, else the project's of that name)",
    )
    check.add_argument(
        "--only", choices=["virtual", "emulated"], help="on this kind of board (default: both)"
    )
    check.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the driver in place of its default; as often as needed",
    )


def new_driver(commands):
    new = commands.add_parser(
        "new-driver",
        help="write a driver, its emulation and its test, to begin with",
        description="Writes a driver that works, of a small sensor, with its emulation and its "
        "test. Make yours of it; driver-check says whether it is one.",
    )
    new.add_argument("name", metavar="NAME", help="the driver's name, as configurations have it")
    new.add_argument(
        "--bus",
        choices=["i2c", "pin", "one_wire", "adc"],
        default="i2c",
        help="what the sensor is connected to (default i2c)",
    )
    new.add_argument(
        "--out",
        metavar="FOLDER",
        help="where the three files are put (default: each at its place in the project)",
    )
