# The flash as LittleFS has it: read from its file, written by the board, which has the cells.
#
# Takes no memory: LittleFS also closes the files that the collector finds, with the heap locked.
# A request is one packet (link.py), so a ctrl-C leaves none behind half said.

import _board
import ustruct
from micropython import const

READ, PROGRAM, ERASE, CTRL_C = b"rpec"
# What the flash is erased by, and the most that a request carries, bytes.
SECTOR = 4096
PART = const(256)
# A request without its bytes, and its answer: the request's number in both, in 16 bits.
HEAD = "<BHI"
HEAD_SIZE = const(7)
REPLY_SIZE = const(4)
# The block device's numbers (extmod/vfs.h).
BLOCK_COUNT, BLOCK_SIZE, BLOCK_ERASE = 4, 5, 6


class Partition:
    """A partition as a block device. The board's flash is the file at `path`."""

    def __init__(self, path, offset, size):
        self._file = open(path, "rb")  # noqa: SIM115
        self._offset, self._count = offset, size // SECTOR
        self._link = _board.open_link("flash")
        self._packet, self._reply = bytearray(HEAD_SIZE + PART), bytearray(REPLY_SIZE)
        # The last request.
        self._number = 0

    def readblocks(self, block, buffer, offset=0):
        self._whole(READ, self._offset + block * SECTOR + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        start = self._offset + block * SECTOR
        if offset is None:
            self._whole(ERASE, start, None)
            offset = 0
        self._whole(PROGRAM, start + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == BLOCK_COUNT:
            return self._count
        if operation == BLOCK_SIZE:
            return SECTOR
        if operation == BLOCK_ERASE:
            self._whole(ERASE, self._offset + argument * SECTOR, None)
        return 0

    def _whole(self, operation, start, data):
        # On the chip no ctrl-C gets between LittleFS and the flash, nor could LittleFS stand it:
        # what it hit is done once more, and it is typed once more for the program. Interrupts
        # wait too: a handler that writes a file would be in LittleFS a second time.
        held = _board.hold()
        try:
            return self._do(operation, start, data)
        except KeyboardInterrupt:
            self._whole(operation, start, data)
            self._whole(CTRL_C, 0, None)
        finally:
            _board.release(held)

    def _do(self, operation, start, data):
        if operation == READ:
            self._file.seek(start)
            self._file.readinto(data)
        elif operation == PROGRAM:
            done, size = 0, len(data)
            while done < size:
                count = min(PART, size - done)
                for place in range(count):
                    self._packet[HEAD_SIZE + place] = data[done + place]
                self._ask(operation, start + done, count)
                done += count
        else:
            self._ask(operation, start, 0)

    def _ask(self, operation, start, count):
        self._number = self._number + 1 & 0xFFFF
        ustruct.pack_into(HEAD, self._packet, 0, operation, self._number, start)
        self._link.write(self._packet, HEAD_SIZE + count)
        reply = self._reply
        while True:
            if not self._link.readinto(reply):
                raise SystemExit
            if reply[0] | reply[1] << 8 == self._number:
                break
        if reply[2]:
            raise OSError(reply[2])
