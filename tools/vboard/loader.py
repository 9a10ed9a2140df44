"""The boot loader in a chip's ROM, on a pseudo-terminal: what esptool talks to.

esp32-mock-bootloader knows the protocol and the chips' registers. What is here gives it a flash
that behaves as one, one request at a time, and its errors their place in the answers. It is no
part of `vboard`'s names: import it where esptool is installed.
"""

import collections
import hashlib
import struct
import threading
import zlib

from esp32_mock_bootloader import protocol, server
from esptool.targets import CHIP_DEFS

from .flash import SECTOR, FlashError, PowerCut
from .line import LOOK_S, Line

CHIPS = ("esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6")

# Of a request: direction 0, the command, the length; and of SYNC all the rest.
SYNC = struct.pack("<BBHI", 0, protocol.CMD["SYNC"], 36, 0) + b"\x07\x07\x12\x20" + b"\x55" * 32
END = bytes([protocol.SLIP_END])
# What the stub says when it runs.
OHAI = END + b"OHAI" + END

# A request is far shorter: bytes without an end between them are no protocol.
LONGEST = 1 << 17

# What goes wrong, as the ROM says it (after 0x01) and as the stub does (before 0x00).
BAD_LENGTH = (0x05, 0xC0)
FLASH_WRITE, FLASH_READ = (0x08, 0xC4), (0x09, 0xC4)
INFLATE, TOO_LITTLE, TOO_MUCH = (0x0B, 0xC7), (0x0B, 0xC8), (0x0B, 0xC9)


class LoaderError(Exception):
    """A loader that can't be; the text says why."""


class Rom:
    """The loader in the ROM of one chip, over its flash; `mac` is text or None for any."""

    def __init__(self, flash, chip="esp32", mac=None):
        if chip not in CHIPS:
            raise LoaderError(f"no loader for chip {chip!r}: {', '.join(CHIPS)}")
        self.flash = flash
        self.chip = chip
        # True while a tool talks to it.
        self.loading = False
        self._registers = {} if mac is None else _mac_registers(chip, mac)

    def serve(self, line, stop):
        """Answers what comes over a line, from a SYNC on until the port is closed or `stop` set.

        Raises PowerCut when the flash has no power.
        """
        requests = _Requests(line)
        while frame := requests.next():
            if not self.flash.powered:
                raise PowerCut
            if frame == SYNC:
                requests.put_back(frame)
                self._talk(line, requests, stop)
                return

    def _talk(self, line, requests, stop):
        self.loading = True
        try:
            talk = _Talk(line, requests, self.flash, self._registers)
            server.handle_client(talk, stop, self.chip, exit_on_disconnect=True, flash=talk.flash)
        finally:
            self.loading = False


class Loader:
    """A chip that waits in its ROM loader at `port`, a serial port's path.

    There are no reset lines: a SYNC packet enters the loader, closing the port resets it. States:
    "waiting", "loading", "off" (closed, or the flash has no power: nobody answers then).
    """

    def __init__(self, flash, chip="esp32", mac=None):
        self._rom = Rom(flash, chip, mac)
        self.flash = flash
        # True while nobody is there to answer.
        self._off = False
        self._stop = threading.Event()
        self._line = Line(self._stop)
        self.port = self._line.path
        self._thread = threading.Thread(target=self._run, name="vboard-loader", daemon=True)
        self._thread.start()

    @property
    def state(self):
        return "off" if self._off else "loading" if self._rom.loading else "waiting"

    def close(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        try:
            while not self._stop.is_set():
                try:
                    self._rom.serve(self._line, self._stop)
                except PowerCut:
                    self._wait_for_power()
        finally:
            self._off = True
            self._line.close()

    def _wait_for_power(self):
        self._off = True
        while not self.flash.powered and not self._stop.wait(LOOK_S):
            self._line.drop()
        self._off = False


def _mac_registers(chip, mac):
    """Returns {address: value} of the fuses that hold a MAC, "24:0a:c4:00:00:01"."""
    try:
        octets = bytes.fromhex(mac.replace(":", ""))
        high, low = struct.unpack(">HI", octets)
    except (ValueError, struct.error):
        raise LoaderError(f"{mac!r} is no MAC: six octets as 24:0a:c4:00:00:01") from None
    rom = CHIP_DEFS[chip]
    first = rom.EFUSE_RD_REG_BASE + 4 if chip == "esp32" else rom.MAC_EFUSE_REG
    if chip == "esp32c6":
        # What stands in the middle of an EUI-64 made of a MAC.
        high |= 0xFFFE << 16
    return {first: low, first + 4: high}


# ---- The wire --------------------------------------------------------------------------------


class _Requests:
    """Takes what comes over a line apart into SLIP frames (ends between them, two escapes)."""

    def __init__(self, line):
        self._line = line
        self._rest = b""
        self._frames = collections.deque()

    def next(self):
        """Waits for a frame; returns b"" when the port was closed."""
        while not self._frames:
            data = self._line.read()
            if not data:
                return b""
            *whole, self._rest = (self._rest + data).split(END)
            self._rest = self._rest[-LONGEST:]
            self._frames.extend(frame for frame in map(_unescape, whole) if frame)
        return self._frames.popleft()

    def put_back(self, frame):
        self._frames.appendleft(frame)


def _unescape(frame):
    return frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")


def _escape(frame):
    return frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")


# ---- The talk ----------------------------------------------------------------------------------


class _Talk(server.BootloaderConnection):
    """Hands the requests on one by one and mends the answers: between line and protocol."""

    def __init__(self, line, requests, flash, registers):
        self._line, self._requests = line, requests
        self.flash = _Commands(flash)
        # The register whose value is asked for, and those of which this chip knows better.
        self._asked = None
        self._registers = registers
        # JEDEC: Winbond, serial NOR, 2 ** n bytes.
        self._flash_id = 0xEF | 0x40 << 8 | (flash.size.bit_length() - 1) << 16

    def recv(self, size):
        # It never times out: the protocol would take an acknowledgement late by 50 ms for lost.
        frame = self._requests.next()
        self.flash.failure = None
        self._asked = _register(frame)
        return END + _escape(frame) + END if frame else b""

    def sendall(self, data):
        if OHAI in data:
            self.flash.stub = True
        self._line.write(self._mend(data))

    def _mend(self, data):
        command = _command(data)
        if self.flash.failure:
            return self._refusal(command, *self.flash.failure)
        if self._asked in self._registers:
            return self._value(self._registers[self._asked])
        if self._asked and data == self._value(protocol.MOCK_FLASH_ID):
            return self._value(self._flash_id)
        return data

    def _value(self, value):
        command = protocol.CMD["READ_REG"]
        return server.make_response(command, value=value, stub=self.flash.stub)

    def _refusal(self, command, rom, stub):
        if self.flash.stub:
            return server.make_response(command, status=stub, stub=True)
        return server.make_response(command, status=1, error=rom)

    def set_timeout(self, timeout):
        pass

    def close(self):
        pass

    def ignore_eof_for_disconnect(self):
        return False

    def abort_empty_session(self):
        return False


def _register(frame):
    """Returns the address that a request reads, None: it isn't READ_REG."""
    if len(frame) >= 12 and frame[1] == protocol.CMD["READ_REG"]:
        return struct.unpack_from("<I", frame, 8)[0]
    return None


def _command(answer):
    return answer[2] if len(answer) > 2 else 0


class _Commands(server.FlashImage):
    """The flash as the protocol's commands use it. Each takes a request's data.

    The ROM erases all at the beginning of a write, the stub sector by sector as data comes.
    """

    def __init__(self, flash):
        self._flash = flash
        # True once the stub runs in place of the ROM's loader.
        self.stub = False
        # Why the last request failed, as (ROM's number, stub's number); None: it didn't.
        self.failure = None
        # Where the next bytes go, how many are still to come, and what is not yet erased.
        self._offset = self._remaining = 0
        self._erased_to = self._erase_end = 0
        self._inflate = None
        # The failure that ended this write: its other blocks fail as well.
        self._ended = None

    # -- plain and compressed writes

    def begin_plain(self, payload):
        size, _, _, self._offset = self._words(payload, 4)
        self._remaining, self._ended = size, None
        self._erased_to = self._offset - self._offset % SECTOR
        self._erase_end = -(-(self._offset + size) // SECTOR) * SECTOR if size else 0
        if not self.stub:
            self._try(FLASH_WRITE, self._erase_up_to, self._erase_end)

    def write_plain_block(self, payload):
        # The last block is filled up to its full length.
        self._write(self._block(payload)[: self._remaining])

    def begin_defl(self, payload):
        self._inflate = zlib.decompressobj()
        self.begin_plain(payload)

    def write_defl_block(self, payload):
        try:
            if self._inflate is None:
                raise zlib.error("no write has begun")
            data = self._inflate.decompress(self._block(payload))
        except zlib.error:
            self._ended = self._ended or INFLATE
            data = b""
        if len(data) > self._remaining:
            self._ended = self._ended or TOO_MUCH
        self._write(data)

    def end_defl(self):
        self._inflate = None
        # The ROM was told a size rounded up.
        if self.stub and self._remaining:
            self.failure = TOO_LITTLE

    def _write(self, data):
        if not self._ended and self.stub:
            self._try(FLASH_WRITE, self._erase_up_to, self._offset + len(data))
        if not self._ended and not self.failure:
            self._try(FLASH_WRITE, self._flash.program, self._offset, data)
        self._ended = self.failure = self._ended or self.failure
        if not self.failure:
            self._offset += len(data)
            self._remaining -= len(data)

    def _erase_up_to(self, end):
        end = min(-(-end // SECTOR) * SECTOR, self._erase_end)
        if end > self._erased_to:
            self._flash.erase(self._erased_to, end - self._erased_to)
            self._erased_to = end

    # -- the rest

    def erase_all(self):
        self._flash.erase_all()

    def erase_region(self, offset, size):
        self._try(FLASH_WRITE, self._flash.erase, offset, size)

    def read(self, offset, length):
        """Returns what is there: behind the end is nothing."""
        length = max(0, min(length, self._flash.size - offset))
        return self._flash.read(min(offset, self._flash.size), length)

    def md5_stub_response(self, payload, *, stub=False):
        offset, length = self._words(payload, 2)
        digest = hashlib.md5(self._try(FLASH_READ, self._flash.read, offset, length) or b"")
        # The ROM tells it in letters, the stub in bytes; two bytes of status follow.
        data = (digest.digest() if stub else digest.hexdigest().encode()) + bytes(2)
        command = protocol.CMD["SPI_FLASH_MD5"]
        return server.slip_encode(struct.pack("<BBHI", 1, command, len(data), 0) + data)

    def _block(self, payload):
        return payload[16 : 16 + self._words(payload, 4)[0]]

    def _words(self, payload, count):
        """Returns the numbers at a request's beginning, zeros when it is too short for them."""
        if len(payload) < 4 * count:
            self.failure = BAD_LENGTH
            payload = bytes(4 * count)
        return struct.unpack_from(f"<{count}I", payload)

    def _try(self, failure, do, *arguments):
        try:
            return do(*arguments)
        except FlashError:
            self.failure = failure
