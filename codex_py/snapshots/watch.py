"""Hears from the kernel what changed in folders (inotify), where there is such a thing."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NamedTuple

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED, IS_FOLDER = 0x2000, 0x4000, 0x8000, 0x40000000
ONLY_FOLDER, DONT_FOLLOW, EXCLUDE_UNLINKED = 0x1000000, 0x2000000, 0x4000000
MASK = (
    MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE
    | DELETE_SELF | MOVE_SELF | ONLY_FOLDER | DONT_FOLLOW | EXCLUDE_UNLINKED
)  # fmt: skip
HEADER = struct.Struct("iIII")


class Heard(NamedTuple):
    """What was heard: names to look at again, folders to walk again, or that all is unsure."""

    names: set[tuple[str, str]]
    folders: set[str]
    lost: bool


class Watch:
    """Watches folders. Raises OSError where the kernel cannot, or will not watch more."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._add, init = libc.inotify_add_watch, libc.inotify_init1
        except AttributeError as error:
            raise OSError("this system has no inotify") from error
        self._add.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
        self._fd: int = init(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        self._folders: dict[int, str] = {}

    def fileno(self) -> int:
        """Readable when there is something to hear."""
        return self._fd

    def add(self, path: str) -> None:
        """Watch one folder, no matter whether it was watched under another name."""
        number = self._add(self._fd, os.fsencode(path), MASK)
        if number >= 0:
            self._folders[number] = path
            return
        code = ctypes.get_errno()
        if code in (28, 12, 24):  # ENOSPC, ENOMEM, EMFILE: there may be no more watches
            raise OSError(code, "the kernel watches no more folders (fs.inotify.max_user_watches)")

    def drain(self) -> Heard:
        """All that happened since the last time."""
        names: set[tuple[str, str]] = set()
        folders: set[str] = set()
        lost = False
        while True:
            try:
                data = os.read(self._fd, 1 << 18)
            except BlockingIOError:
                return Heard(names, folders, lost)
            place = 0
            while place < len(data):
                number, mask, _, length = HEADER.unpack_from(data, place)
                place += HEADER.size + length
                name = data[place - length : place].rstrip(b"\0")
                lost |= bool(mask & (OVERFLOW | UNMOUNT))
                path = self._folders.get(number)
                if path is None:
                    continue
                if mask & IGNORED:
                    del self._folders[number]
                elif mask & MOVE_SELF:
                    folders.add(path)
                elif name:
                    names.add((path, os.fsdecode(name)))
                    if mask & IS_FOLDER and mask & (MOVED_TO | CREATE | MOVED_FROM):
                        folders.add(os.path.join(path, os.fsdecode(name)))

    def close(self) -> None:
        """Watch no more."""
        os.close(self._fd)
