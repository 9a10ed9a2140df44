"""The command line of what is done to boards, real and virtual."""

from . import arguments


def build(commands):
    build = commands.add_parser(
        "build",
        help="make a board's file system",
        description="Compiles the firmware for a board, without what the configuration doesn't "
        "use, and makes the image of its file system, the files themselves and a manifest.",
    )
    arguments.board(build, "to build for")
    _content(build, "build/NAME")


def factory(commands):
    factory = commands.add_parser(
        "factory",
        help="make all that a board's flash needs, as one set",
        description="Makes the set that a board needs: MicroPython's image cut into what belongs "
        "to it, the file system that build makes and, if you like, NVS; each a file, and all of "
        "them in factory.hex.",
    )
    arguments.board(factory, "to make it for")
    _content(factory, "build/NAME-factory")
    factory.add_argument(
        "--micropython",
        metavar="FILE",
        help="MicroPython's image for the board, a file or an address with http:// or https:// "
        "(default: the one that the board file names)",
    )
    factory.add_argument(
        "--sha256", type=arguments.sha256, metavar="HEX", help="what the image's SHA-256 must be"
    )
    factory.add_argument(
        "--nvs",
        metavar="FILE",
        help="what NVS holds: a .csv as ESP-IDF's generator takes it, or a .bin of the "
        "partition's size (default: NVS is left alone)",
    )
    factory.add_argument(
        "--raw",
        action="store_true",
        help="make factory.bin as well: one piece without gaps, which erases NVS where it is "
        "written",
    )


def flash(commands):
    flash = commands.add_parser(
        "flash",
        help="write a factory onto a board",
        description="Writes what factory made onto a board and verifies it. What no part goes "
        "to, NVS for instance, is kept.",
    )
    _port(flash)
    flash.add_argument(
        "--board",
        metavar="NAME",
        help="the board, a file in boards/ (default: the one that the factory is for)",
    )
    flash.add_argument(
        "--image",
        metavar="FOLDER",
        help="what factory made (default build/NAME-factory of the board, esp32_generic without "
        "one)",
    )
    flash.add_argument(
        "--only", choices=["firmware", "filesystem"], help="write just these parts of it"
    )
    flash.add_argument(
        "--erase", action="store_true", help="erase all of the flash first: NVS and files go"
    )
    flash.add_argument(
        "--baud",
        type=arguments.baud,
        default=460_800,
        metavar="N",
        help="bits a second on the line (default 460800)",
    )
    flash.add_argument(
        "--verbose", action="store_true", help="show what esptool says as well, on stderr"
    )


def _port(command):
    command.add_argument(
        "--port", help="the board's serial port (default: the only one that looks like a board)"
    )


def _content(command, place):
    command.add_argument(
        "--config",
        metavar="FILE",
        help="the node's configuration, which goes onto the board (default: none, all drivers)",
    )
    command.add_argument(
        "--layout",
        choices=["standard", "ota"],
        default="standard",
        help="how the flash is divided: ota for MicroPython with two slots (default standard)",
    )
    command.add_argument(
        "--out", metavar="FOLDER", help=f"where it is put (default {place} of the board)"
    )


def deploy(commands):
    deploy = commands.add_parser(
        "deploy",
        help="bring the application onto a board that has MicroPython",
        description="Compiles the application and brings what a board lacks of it into the slot "
        "that isn't started, then starts that. Interrupted anywhere, the board starts the old "
        "application or the new one.",
    )
    _port(deploy)
    deploy.add_argument(
        "--board",
        metavar="NAME",
        help="the board, a file in boards/ (default: the one there is a build for, else "
        "esp32_generic)",
    )
    deploy.add_argument(
        "--config",
        metavar="FILE",
        help="the node's new configuration (default: the board keeps its own)",
    )
    deploy.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and write nothing"
    )
    ending = deploy.add_mutually_exclusive_group()
    ending.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=60.0,
        metavar="S",
        help="s that the node may take to come online (default 60)",
    )
    ending.add_argument(
        "--no-reset", action="store_true", help="leave the board at its prompt afterwards"
    )


def vboard(commands):
    vboard = commands.add_parser(
        "vboard",
        help="run a virtual board, which real tools talk to",
        description="Runs a virtual ESP32: a real MicroPython that boots from a flash in a file, "
        "and a serial port for mpremote, esptool, deploy and flash.",
    )
    actions = vboard.add_subparsers(dest="action", required=True, metavar="ACTION")
    _vboard_start(actions)
    console = _vboard_action(actions, "console", "show what the board wrote on its console")
    console.add_argument("-f", "--follow", action="store_true", help="show what comes as well")
    console.add_argument(
        "-n",
        "--lines",
        type=arguments.lines,
        default=100,
        metavar="N",
        help="how many of the last lines (default 100)",
    )
    for name, what in (
        ("reset", "press the reset button of a running board"),
        ("power-off", "pull its plug: nothing gets to say goodbye"),
        ("power-on", "give it its power back"),
    ):
        _vboard_action(actions, name, what)
    wifi = _vboard_action(actions, "wifi", "switch the Wi-Fi around it")
    wifi.add_argument("state", choices=["off", "on"])
    _folder(wifi)


def _vboard_start(actions):
    start = _vboard_action(
        actions,
        "start",
        "run a board until ctrl-C",
        "Runs a board until ctrl-C. Its flash and console are kept in FOLDER, so that it goes on "
        "where it was at the next start. A new one has MicroPython and no files.",
    )
    start.add_argument(
        "--board", metavar="NAME", help="the board, a file in boards/ (default esp32_generic)"
    )
    start.add_argument(
        "--config",
        metavar="FILE",
        help="the node's configuration: the board gets it and the firmware, as after build, in "
        "place of all files (default: it keeps its files)",
    )
    start.add_argument(
        "--blank",
        action="store_true",
        help="erase the flash, for esptool and flash; --config then only says what is around it",
    )
    arguments.world(start)
    start.add_argument("--link", metavar="PATH", help="a second name of its port")
    start.add_argument(
        "--ssid",
        metavar="NAME",
        help="the Wi-Fi around it (default: the one of the configuration, else fieldpost)",
    )
    start.add_argument("--password", default="", help="of --ssid (default: none, an open Wi-Fi)")


def _vboard_action(actions, name, what, description=None):
    action = actions.add_parser(name, help=what, description=description)
    if name != "wifi":
        _folder(action)
    return action


def _folder(action):
    action.add_argument(
        "folder",
        nargs="?",
        default="build/vboard",
        metavar="FOLDER",
        help="where the board is kept (default build/vboard)",
    )
