"""How a simulation is shown: a live table, or lines where there is no terminal."""

import io
import re
import time

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

# The chip's own value that has a column as well, and its head.
CHIP = {"rssi": "Wi-Fi"}
# Columns with sensors' values: more than a terminal has room for.
MOST_COLUMNS = 8
# So many make a picture wider.
WIDE = 6
STYLES = {"online": "green", "offline": "red"}
LINES_EVERY_S = 5
# Lines of the terminal that the table's rows can't have.
FRAME_LINES = 14


def table(simulation, rows=None):
    """Returns the table of all nodes, or of the first `rows`."""
    made = Table(title="Fieldpost nodes", caption=_caption(simulation))
    made.add_column("node")
    made.add_column("status")
    for head in _columns(simulation).values():
        made.add_column(head, justify="right")
    made.add_column("age", justify="right")
    made.add_column("messages/s", justify="right")
    now = time.monotonic()
    count = len(simulation.boards)
    for index in range(min(count, rows or count)):
        made.add_row(*_row(simulation, index, now))
    if rows and count > rows:
        made.add_row(f"... {count - rows} more")
    return made


def _caption(simulation):
    watcher = simulation.watcher
    return f"{counted(watcher.readings, 'reading')}, {watcher.lost} lost"


def _row(simulation, index, now):
    identity = simulation.site.identity(index)
    name = f"{identity['floor']}/{identity['room']}/{identity['device']}"
    seen = simulation.watcher.nodes.get(identity["device"])
    if seen is None:
        return [name, "starting"]
    style = STYLES.get(seen.status, "yellow")
    status = f"[{style}]{seen.status}[/{style}]"
    age = "-" if seen.last is None else f"{now - seen.last:.1f} s"
    values = [_value(seen, sensor) for sensor in _columns(simulation)]
    return [name, status, *values, age, f"{seen.rate(now):.1f}"]


def _columns(simulation):
    """Returns {sensor: head}: a name and its quantity are two lines."""
    heads = {level: level.replace("-", "\n") for level in simulation.levels[:MOST_COLUMNS]}
    return {**heads, **(CHIP if "chip" in simulation.site.drivers else {})}


def _value(seen, sensor):
    if sensor in seen.faults and seen.status == "online":
        return "[red]fault[/red]"
    return escape(shown(seen.values.get(sensor)))


def counted(number, noun):
    """Returns "1 node", "2 nodes"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown(value):
    """Returns a (value, unit) as text."""
    if value is None:
        return "-"
    number, unit = value
    return f"{number} {unit}" if unit else str(number)


class TableView:
    """The live table; what is printed beside it goes above it."""

    def __init__(self, simulation, console):
        self._simulation, self._console = simulation, console
        self._live = Live(console=console, auto_refresh=False, screen=False)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *exc):
        self.update()
        self._live.stop()

    def update(self):
        rows = max(3, self._console.height - FRAME_LINES)
        self._live.update(table(self._simulation, rows), refresh=True)


class LineView:
    """Lines for logs: what happens as it happens, all nodes every few seconds."""

    def __init__(self, simulation, console):
        self._simulation, self._console = simulation, console
        self._next = 0.0

    def __enter__(self):
        self._simulation.watcher.on_change = self._changed
        return self

    def __exit__(self, *exc):
        self._simulation.watcher.on_change = None
        self._all()

    def update(self):
        now = time.monotonic()
        if now >= self._next:
            if self._next:
                self._all()
            self._next = now + LINES_EVERY_S

    def _changed(self, seen, sensor):
        if sensor == "status":
            self._line(f"{seen.name} is {seen.status}")
        elif sensor == "faults":
            self._line(f"{seen.name} {_told(seen.faults)}")
        elif isinstance(seen.values[sensor][0], str):
            # A state: it comes as it changes.
            self._line(f"{seen.name} {sensor} {shown(seen.values[sensor])}")

    def _all(self):
        now, columns = time.monotonic(), _columns(self._simulation)
        for seen in list(self._simulation.watcher.nodes.values()):
            values = ", ".join(shown(seen.values[s]) for s in columns if s in seen.values)
            self._line(f"{seen.name} {seen.status}: {values}; {seen.rate(now):.1f} messages/s")

    def _line(self, text):
        print(time.strftime("%H:%M:%S"), text, file=self._console.file, flush=True)


def _told(faults):
    return "; ".join(f"{sensor}: {fault}" for sensor, fault in faults.items()) or "no faults"


def view(simulation, console):
    """Returns the view that suits the console."""
    return (TableView if console.is_terminal else LineView)(simulation, console)


def save_picture(simulation, path):
    """Writes the table as an SVG picture."""
    width = 110 if len(_columns(simulation)) < WIDE else 150
    recorder = Console(record=True, width=width, file=io.StringIO())
    recorder.print(table(simulation))
    # Without the fonts that whoever looks at it would have to fetch.
    form = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    recorder.save_svg(path, title="make sim", code_format=form)
