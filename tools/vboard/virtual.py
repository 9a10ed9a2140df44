"""The virtual board: a real MicroPython boots from its flash, and real tools speak to its port.

esptool finds its ROM loader, mpremote its prompt, as at the serial port of a board on a desk.
Needs the packages of requirements/vboard.txt, and Linux on x86-64.
"""

import codecs
import threading

from . import partitions
from .board import PWRON_RESET, SOFT_RESET, BaseBoard
from .calls import BOOTLOADER
from .clock import clock
from .files import Files
from .flash import SECTOR, Flash, PowerCut, Region
from .line import Line
from .nvs import Nvs
from .vm import Vm

FLASH = "flash.bin"
# The first byte of the boot loader's and the application's image (esp_image_header_t).
IMAGE_MAGIC = 0xE9
# How esptool's SYNC begins: on a line without reset lines it stands for the reset into the loader.
SYNC = b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20"
# Pause before looking whether a program has been halted, s.
LOOK_S = 0.01
# How long the console waits for who has the port open and doesn't read, s.
UNREAD_S = 1


class VirtualBoard(BaseBoard):
    """A board whose flash is the file flash.bin in its folder, of the profile's size.

    Beside a board's states there are "download" (it is in its ROM loader), "held" (in reset, by a
    port's reset lines) and "blank" (there is nothing in the flash that could boot). `port` is the
    path of its serial port.

    With `clock=LeapingClock()` the time leaps over what the program sleeps through (clock.py).
    """

    def __init__(self, folder, air, name=None, profile="esp32_generic", on_line=None, clock=clock):
        super().__init__(folder, air, name, profile, on_line, clock)
        self.flash = self.nvs_flash
        # Bytes of heap that a program has, counted in 32-bit words.
        self.heap = self.profile.heap
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        # True when a tool has the raw prompt and asked for a soft reset.
        self._raw = False
        # Set at the board's end; set while no tool may talk to the ROM loader.
        self._stop = threading.Event()
        self._no_loader = threading.Event()
        # The ends of its serial port that tools may open, and the thread that reads each.
        self._ports, self._readers = [], []
        self.port = self._add(Line(self._stop)).path
        # True while EN is held low.
        self._held = False

    def close(self):
        if self._stop.is_set():
            return
        super().close()
        self._stop.set()
        for reader, line in zip(self._readers, self._ports, strict=True):
            reader.join()
            line.close()

    def install_micropython(self, layout="standard"):
        """Puts into the flash what a MicroPython image does: where it begins, and its table.

        The real interpreter stands for the rest of it. Files, NVS and the like stay.
        """
        places = self.profile.layouts[layout].partitions
        table = partitions.build(partitions.named(places))
        starts = [self.profile.image_offset, *(p.offset for p in partitions.parse(table) if p.app)]
        for start in starts:
            self._put(start, bytes([IMAGE_MAGIC]))
        self._put(partitions.TABLE, table)

    def files(self):
        """Returns the Files of its file system as they are now: to read while a program runs."""
        if self.state == "off":
            # Whoever looks at the flash then brings the power for it.
            self.flash.power_on()
        return Files(self.flash, partitions.load(self.flash)["vfs"])

    def write_files(self, files):
        """Writes {path: bytes or text} into its file system. Raises RuntimeError as it runs."""
        found = self._idle_files()
        for path, data in files.items():
            found.write(path, data.encode() if isinstance(data, str) else data)

    def read_file(self, path):
        """Returns a file's bytes. Raises FileNotFoundError."""
        return self.files().read(path)

    def remove_file(self, path):
        """Removes a file. Raises FileNotFoundError, RuntimeError as it runs."""
        self._idle_files().remove(path)

    def _idle_files(self):
        if self.state == "running":
            raise RuntimeError(f"{self.name} runs: its files are its own")
        return self.files()

    def _put(self, offset, data):
        self.flash.erase(offset, -(-len(data) // SECTOR) * SECTOR)
        self.flash.program(offset, data)

    # -- power

    def enter_bootloader(self):
        """Resets into the ROM loader, as esptool's reset lines or machine.bootloader() do."""
        with self._lock:
            if self.state != "off":
                self._halt()
                self._no_loader.clear()
                self._set_state("download")

    def _reset_lines(self, dtr, rts):
        # EN is low while RTS is set and DTR isn't; IO0 is read when it rises.
        with self._lock:
            if self.state == "off":
                return
            if rts and not dtr and not self._held:
                self._held = True
                self._halt()
                self._set_state("held")
            elif self._held and not rts:
                self._held = False
                self.hardware.forget_rtc()
                if dtr:
                    self.enter_bootloader()
                else:
                    self._boot(PWRON_RESET)

    def _boot(self, cause):
        self._no_loader.set()
        fault = self._unbootable()
        if fault:
            self._end_line()
            self.print(f"{fault}\n")
            self._set_state("blank")
        else:
            if cause != SOFT_RESET:
                # A tool may have written another table since the last boot.
                self.hardware.nvs = Nvs(self._nvs_region())
            super()._boot(cause)

    def _unbootable(self):
        """Returns what the boot loaders complain of; None: they start MicroPython."""
        first = self.flash.read(self.profile.image_offset, 4)
        if first[0] != IMAGE_MAGIC:
            return f"invalid header: {int.from_bytes(first, 'little'):#010x}"
        try:
            found = partitions.load(self.flash)
        except partitions.PartitionError as error:
            return f"Failed to verify partition table: {error}"
        apps = [one for one in found.values() if one.app]
        if not any(self.flash.read(one.offset, 1)[0] == IMAGE_MAGIC for one in apps):
            return "No bootable app partitions in the partition table"
        return None if "vfs" in found else "No vfs partition behind the last one"

    def _nvs_flash(self):
        return Flash(self.folder / FLASH, self.profile.flash)

    def _nvs_region(self):
        try:
            place = partitions.load(self.nvs_flash)["nvs"]
            return Region(self.nvs_flash, place.offset, place.size)
        except (partitions.PartitionError, KeyError):
            # Nothing is flashed yet, nor booted.
            places = self.profile.layouts["standard"].partitions
            offset, size = next(place[1:] for place in places if place[0] == "nvs")
            return Region(self.nvs_flash, offset, size)

    def _program(self):
        raw, self._raw = self._raw and self.reset_cause == SOFT_RESET, False
        return Vm(self, partitions.load(self.flash)["vfs"], raw)

    def _halt(self):
        self._no_loader.set()
        super()._halt()

    # -- what a program tells

    def ended(self, program, restart):
        with self._lock:
            if program is not self._running:
                return
            self._raw = program.raw
            if restart == BOOTLOADER:
                self.enter_bootloader()
            else:
                super().ended(program, restart)

    def prompted(self, program):
        """A program has come to its prompt."""
        # In its own thread, whose end the lock's holder may be waiting for.
        while not self._lock.acquire(timeout=LOOK_S):
            if program.halted:
                return
        try:
            if program is self._running:
                self._set_state("repl")
        finally:
            self._lock.release()

    def output(self, data):
        """Bytes of the console."""
        for line in self._ports:
            line.write(data, UNREAD_S)
        self.print(self._text.decode(data))

    # -- the port

    def serve_rfc2217(self):
        """Returns the URL of a second serial port, on loopback, that has reset lines."""
        # Here, for only this takes pyserial.
        from .rfc2217 import Rfc2217Line

        return self._add(Rfc2217Line(self._stop, self._reset_lines)).url

    def _add(self, line):
        self._ports.append(line)
        name = f"{self.name}-port{len(self._ports)}"
        self._readers.append(
            threading.Thread(target=self._read, args=(line,), name=name, daemon=True)
        )
        self._readers[-1].start()
        return line

    def _read(self, line):
        tail = b""
        while not self._stop.is_set():
            data = line.read()
            tail = (tail + data)[-2 * len(SYNC) - len(data) :]
            asked = line.resets and self.state not in ("off", "download") and SYNC in tail
            if asked:
                self.enter_bootloader()
            if data and self.state == "download":
                self._load(line, tail if asked else data)
                tail = b""
            elif data:
                self._type(data)

    def _type(self, data):
        program = self._running
        if program:
            program.type(data)

    def _load(self, line, data):
        """Lets a tool talk to the ROM loader until it closes the port or resets the chip."""
        # Here, for esptool is slow to load.
        from .loader import CHIPS, Rom

        mac = ":".join(f"{octet:02x}" for octet in self.hardware.mac)
        rom = Rom(self.flash, self.profile.chip if self.profile.chip in CHIPS else "esp32", mac)
        try:
            rom.serve(_Session(line, data, self._no_loader), self._no_loader)
        except PowerCut:
            self._cut_short()
        with self._lock:
            if self.state == "download" and line.resets:
                self.hardware.forget_rtc()
                self._boot(PWRON_RESET)

    def _cut_short(self):
        # Whoever pulled the plug may have put it back meanwhile.
        with self._lock:
            if self.state == "download" and not self.flash.powered:
                self.power_off()


class _Session:
    """A line with what was read of it already; at its end when `over` is set."""

    def __init__(self, line, data, over):
        self._line, self._data, self._over = line, data, over
        self.write = line.write

    def read(self):
        data, self._data = self._data, b""
        return data or self._line.read(self._over)
