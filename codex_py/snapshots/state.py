"""What one path holds: its kind, mode and content, with what tells whether it changed since."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable
from typing import NamedTuple

Keep = Callable[[bytes, str], tuple[str, int]]
"""Keeps bytes under their digest; says in which pack they lie, and where in it."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
FRESH = 20_000_000
"""Nanoseconds in which a second write to a file may leave its times as they are."""
COARSE = 2_000_000_000
"""The same where a file system keeps whole seconds."""


class State(NamedTuple):
    """A path at one moment. Times are nanoseconds; `changed` 0 never counts as unchanged.

    `kind`: `file`; `link`; `folder`; `large` (a file beyond the limit), `closed` (one that may
    not be read), `other` (a pipe, socket or device): of these three the content is not kept.
    """

    kind: str
    mode: int
    content: str
    """SHA-256 of a file, target of a link; for what is not kept, what tells two apart."""
    pack: str = ""
    at: int = 0
    size: int = 0
    written: int = 0
    changed: int = 0
    inode: int = 0
    links: int = 1

    @property
    def kept(self) -> bool:
        """Whether this can be brought back."""
        return self.kind in ("file", "link", "folder")


def alike(one: State | None, other: State | None) -> bool:
    """Whether two states hold the same; modes are compared apart."""
    if one is None or other is None:
        return one is other
    return one.kind == other.kind and one.content == other.content


def same(one: State | None, other: State | None) -> bool:
    """Whether two states hold the same, in the same mode."""
    if one is None or other is None:
        return one is other
    return alike(one, other) and one.mode == other.mode


def unchanged(state: State, info: os.stat_result) -> bool:
    """Whether what the system knows of a path says that it is as it was."""
    mode = info.st_mode
    if stat.S_IMODE(mode) != state.mode:
        return False
    if state.kind == "folder":
        return stat.S_ISDIR(mode)
    return (
        state.changed == info.st_ctime_ns
        and state.written == info.st_mtime_ns
        and state.size == info.st_size
        and state.inode == info.st_ino
        and state.links == info.st_nlink
        and not stat.S_ISDIR(mode)
    )


def look(parent: int, name: str, keep: Keep | None, limit: int) -> State | None:
    """What `name` in an opened folder holds now; None for nothing. Links are not followed.

    With `keep` the content of files is kept. Raises OSError only when keeping fails.
    """
    for _ in range(4):
        try:
            info = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except OSError:
            return None
        found = _plain(parent, name, info)
        if found is None:
            found = _file(parent, name, info, keep, limit)
        if found is not None:
            return found
    return State("closed", stat.S_IMODE(info.st_mode), f"{info.st_size}:{info.st_mtime_ns}")


def _plain(parent: int, name: str, info: os.stat_result) -> State | None:
    """The state of anything but a file."""
    mode = info.st_mode
    bits = stat.S_IMODE(mode)
    if stat.S_ISDIR(mode):
        return State("folder", bits, "", inode=info.st_ino)
    if stat.S_ISLNK(mode):
        try:
            target = os.readlink(name, dir_fd=parent)
        except OSError:
            return None
        return _timed(State("link", bits, target), info)
    if not stat.S_ISREG(mode):
        return _timed(State("other", bits, f"{stat.S_IFMT(mode):o}:{info.st_rdev}"), info)
    return None


def _file(
    parent: int, name: str, info: os.stat_result, keep: Keep | None, limit: int
) -> State | None:
    """The state of a regular file, or None when it changed while it was read."""
    bits = stat.S_IMODE(info.st_mode)
    if info.st_size > limit:
        told = f"{info.st_size}:{info.st_mtime_ns}:{info.st_ino}"
        return _timed(State("large", bits, told), info)
    try:
        fd = os.open(name, FILE, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        return _timed(State("closed", bits, f"{info.st_size}:{info.st_mtime_ns}"), info)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > limit:
            return None
        try:
            data = _read(fd, info.st_size)
        except OSError:
            return _timed(State("closed", bits, f"{info.st_size}:{info.st_mtime_ns}"), info)
        after = os.fstat(fd)
        if len(data) != info.st_size or _times(after) != _times(info):
            return None
    finally:
        os.close(fd)
    digest = hashlib.sha256(data).hexdigest()
    pack, at = keep(data, digest) if keep is not None else ("", 0)
    return _timed(State("file", stat.S_IMODE(info.st_mode), digest, pack, at), info)


def _read(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    if len(data) >= size or not data:
        return data
    pieces = [data]
    while data:
        data = os.read(fd, 1 << 20)
        pieces.append(data)
    return b"".join(pieces)


def _times(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_mtime_ns, info.st_ctime_ns, info.st_size


def _timed(state: State, info: os.stat_result) -> State:
    changed = info.st_ctime_ns
    window = FRESH if changed % 1_000_000_000 else COARSE
    if time.time_ns() - changed < window:
        changed = 0
    return state._replace(
        size=info.st_size,
        written=info.st_mtime_ns,
        changed=changed,
        inode=info.st_ino,
        links=info.st_nlink,
    )


def revived(data: list[object] | None) -> State | None:
    """The state that was written as a JSON list."""
    return None if data is None else State(*data)  # type: ignore[arg-type]
