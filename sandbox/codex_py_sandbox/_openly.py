"""Copying between folders that are held open, so that no link can lead elsewhere."""

from __future__ import annotations

import os
import stat

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FILES = 60000
MOST_BYTES = 256 << 20


class Folder:
    """A folder held open, reached without following any link; `fd` is -1 if it is not there."""

    def __init__(self, path: str) -> None:
        self.fd = -1
        held = lx.hold(path, os.O_DIRECTORY)
        if held >= 0:
            self.fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=held)
            os.close(held)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def is_kind(path: str, kind: Callable[[int], bool]) -> bool:
    """Whether `path` itself, not what it links to, is of this kind."""
    try:
        return kind(os.lstat(path).st_mode)
    except OSError:
        return False


def plain(at: int, name: str) -> None:
    """Make `name` in the folder `at` a plain folder; a link or file in its place is removed."""
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=at)
    except OSError:
        pass
    try:
        os.mkdir(name, dir_fd=at)
    except OSError:
        pass


def transfer(source: int, target: int, name: str, *, link: bool, deep: int = 0) -> None:
    """Bring the folder `name` from one open folder into another: what is not there yet.

    Plain files and folders only; no link is followed on either side.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        theirs = os.open(name, flags, dir_fd=source)
    except OSError:
        return
    try:
        plain(target, name)
        ours = os.open(name, flags, dir_fd=target)
    except OSError:
        os.close(theirs)
        return
    try:
        known = set(os.listdir(ours))
        for inner in os.listdir(theirs)[:MOST_FILES]:
            mode = os.stat(inner, dir_fd=theirs, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and deep < 20:
                transfer(theirs, ours, inner, link=link, deep=deep + 1)
            elif stat.S_ISREG(mode) and inner not in known and not inner.startswith("tmp_"):
                if not (link and _linked(theirs, ours, inner)):
                    copy(theirs, ours, inner)
    except OSError:
        pass
    finally:
        os.close(theirs)
        os.close(ours)


def _linked(source: int, target: int, name: str) -> bool:
    try:
        os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError:
        return False
    return True


def copy(source: int, target: int, name: str) -> None:
    """Copy one plain file of at most 256 MB between open folders, if the target has none."""
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=source
        )
    except OSError:
        return
    with os.fdopen(fd, "rb") as read:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > MOST_BYTES:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            out = os.open(name, flags, info.st_mode & 0o777, dir_fd=target)
        except OSError:
            return
        with os.fdopen(out, "wb") as write:
            while part := read.read(1 << 20):
                write.write(part)
