"""Open files by their real path: no link is followed on the way, whoever puts one there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

LARGEST = 100_000_000
"""Bytes of a file that will be read into memory."""

# O_PATH where it exists: passing through a folder needs no right to list it.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Moved(OSError):
    """A path is no longer what it was when it was resolved or read."""


def folder(path: str, made: list[tuple[int, str]] | None = None) -> int:
    """The opened folder of a real, absolute path, for the caller to close. Raises OSError.

    With `made`, missing folders are made and noted there, each as its opened parent (for the
    caller to close) and its name. Each name is opened inside the folder before it and never
    through a link, so a link put in the place of a folder since then is an error (Moved).
    """
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or "\0" in path or ".." in names:
        raise ValueError(f"not a real path: {path!r}")
    fd = os.open("/", _FOLDER)
    try:
        for name in names:
            inner = _enter(fd, name, path, made)
            os.close(fd)
            fd = inner
    except BaseException:
        os.close(fd)
        raise
    return fd


def _enter(fd: int, name: str, path: str, made: list[tuple[int, str]] | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if made is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
    except OSError as error:
        raise _became_link(fd, name, path, error) from None
    parent = os.dup(fd)
    try:
        os.mkdir(name, dir_fd=fd)
    except BaseException:
        os.close(parent)
        raise
    made.append((parent, name))
    return os.open(name, _FOLDER, dir_fd=fd)


def _became_link(fd: int, name: str, path: str, error: OSError) -> OSError:
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return OSError(error.errno, error.strerror, path)
    try:
        kind = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
        plain = error.errno == errno.ENOTDIR and not (stat.S_ISLNK(kind) or stat.S_ISDIR(kind))
    except OSError:
        plain = False
    if not plain:
        return Moved(errno.ELOOP, "became a link while it was being opened; try again", path)
    return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)


def leads_out(path: str, roots: Sequence[str]) -> bool:
    """Whether an absolute path beneath one of the real roots leads, by a link, out of them all."""

    def beneath(each: str) -> bool:
        return any(each == root or each.startswith(root.rstrip("/") + "/") for root in roots)

    return beneath(os.path.normpath(path)) and not beneath(os.path.realpath(path))


def read(path: str, most: int = LARGEST) -> bytes:
    """A regular file's bytes, at the real path and nowhere else. Raises OSError."""
    parent, name = os.path.split(path)
    fd = folder(parent)
    try:
        return inside(fd, name, path, most)[0]
    finally:
        os.close(fd)


def inside(parent: int, name: str, path: str, most: int) -> tuple[bytes, os.stat_result]:
    """The bytes of the regular file `name` in an opened folder, and what the system knows of it.

    Judged on the opened file: a link, a folder, a pipe or a device is an OSError, and so are
    more than `most` bytes. `path` is for the messages.
    """
    if not name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        raise _became_link(parent, name, path, error) from None
    with open(fd, "rb", buffering=0) as file:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", path)
        chunks: list[bytes] = []
        size = 0
        while size <= most and info.st_size <= most:
            chunk = file.read(max(65_536, info.st_size - size + 1))
            if not chunk:
                return b"".join(chunks), info
            chunks.append(chunk)
            size += len(chunk)
        raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", path)
