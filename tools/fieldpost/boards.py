"""Boards of both kinds with the firmware on them, and what goes into a virtual board's flash."""

import shutil

from vboard import Board, available, partitions
from vboard.flash import SECTOR

from . import firmware, image, project

CONFIG = "config.json"
ERASED = b"\xff" * SECTOR


class BoardsError(Exception):
    """There can't be virtual boards here; the text says why and what to do."""


def check():
    """Raises BoardsError where no virtual board can run."""
    reason = available.why_not()
    if reason:
        raise BoardsError(reason)


def emulated(folder, air, name, config):
    """Returns an emulated board with the firmware and this configuration's text."""
    board = Board(folder, air, name)
    board.install(*project.ON_BOARD, config=config)
    return board


class Virtual:
    """Makes virtual boards that are alike but for their configuration, compiled for once.

    Raises BoardsError and CompileError.
    """

    def __init__(self, folder, air, drivers):
        check()
        _take_descriptors()
        # The board whose flash all others begin with.
        self._pattern = folder
        with virtual(folder, air) as board:
            board.install_micropython()
            put_files(board, firmware.application(drivers, board.profile.chip))

    def __call__(self, folder, air, name, config):
        """Returns a virtual board with the firmware and this configuration's text."""
        from vboard.virtual import FLASH

        folder.mkdir()
        try:
            shutil.copyfile(self._pattern / FLASH, folder / FLASH)
        except OSError as error:
            raise BoardsError(f"{folder}: {error.strerror}: each board has a flash") from None
        board = virtual(folder, air, name)
        board.write_files({CONFIG: config})
        return board


def _take_descriptors():
    """Allows this process all descriptors that it may have: a board takes about 15."""
    # Here: Windows has no such module.
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def virtual(folder, air, *args, **options):
    """Returns a VirtualBoard, made with these arguments. Where check() passed it can be loaded."""
    from vboard.virtual import VirtualBoard

    return VirtualBoard(folder, air, *args, **options)


def put_files(board, files):
    """Makes the file system of a board that has MicroPython anew: with `files`, {path: bytes}.

    Raises ImageError.
    """
    place = partitions.load(board.flash)["vfs"]
    made, _ = image.make(files, place.size)
    board.flash.erase(place.offset, place.size)
    for start in range(0, place.size, len(ERASED)):
        sector = made[start : start + len(ERASED)]
        if sector != ERASED:
            board.flash.program(place.offset + start, sector)
