"""Puts files back as planned: each in one step, and only where nothing changed since."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence

from codex_py.host.opened import folder
from codex_py.snapshots.plan import Move
from codex_py.snapshots.state import State, alike, look, same
from codex_py.snapshots.store import Damaged

Content = Callable[[State], bytes]
FILE_BITS, FOLDER_BITS = 0o777, 0o3777
"""Mode bits that are put back: never set-user-id, nor set-group-id on a file."""


class Changed(Exception):
    """A path is no longer as it was planned for."""


def put_back(moves: Sequence[Move], content: Content, limit: int) -> dict[str, str]:
    """Make the moves; the paths that could not be, each with why.

    A file is written beside its place and renamed over it, so that it is whole at any moment;
    run again after a crash, what is done already is nothing to do. No link is followed.
    """
    failed: dict[str, str] = {}
    wanted = [move for move in moves if move.verdict == "put"]
    with _opened_up(wanted) as ready:
        for phase in _phases(ready):
            for move in phase:
                try:
                    _put(move, content, limit)
                except Changed:
                    failed[move.path] = "it changed just now"
                except Damaged as error:
                    failed[move.path] = str(error)
                except OSError as error:
                    failed[move.path] = error.strerror or str(error)
    return failed


def _phases(moves: Sequence[Move]) -> list[list[Move]]:
    """What goes first, deepest first; then folders, top down; then what lies in them."""
    deep = sorted(moves, key=lambda move: move.path.count("/"), reverse=True)
    gone = [move for move in deep if move.to is None]
    folders = [move for move in reversed(deep) if move.to is not None and _is_folder(move.to)]
    made = [move for move in folders if not _is_folder(move.now)]
    modes = [move for move in deep if _is_folder(move.to)]
    files = [move for move in deep if move.to is not None and not _is_folder(move.to)]
    return [gone, made, files, modes]


def _is_folder(state: State | None) -> bool:
    return state is not None and state.kind == "folder"


@contextlib.contextmanager
def _opened_up(moves: Sequence[Move]):  # type: ignore[no-untyped-def]
    """The moves, their folders writable meanwhile where only their mode forbids it."""
    closed: dict[str, int] = {}
    planned = {move.path: move for move in moves}
    for parent in sorted({os.path.dirname(move.path) for move in moves}):
        with contextlib.suppress(OSError):
            fd = folder(parent)
            try:
                mode = stat.S_IMODE(os.fstat(fd).st_mode)
                if mode & 0o300 != 0o300:
                    os.chmod(f"/proc/self/fd/{fd}", mode | 0o300)
                    closed[parent] = mode
            finally:
                os.close(fd)
    ready = []
    for move in moves:
        if move.path in closed and move.now is not None:
            move = Move(
                move.path,
                move.now._replace(mode=closed[move.path] | 0o300),
                move.to,
                move.verdict,
                move.why,
                move.taken,
            )
        ready.append(move)
    try:
        yield ready
    finally:
        for parent, mode in closed.items():
            if parent in planned and planned[parent].to is not None:
                continue
            with contextlib.suppress(OSError):
                fd = folder(parent)
                try:
                    os.chmod(f"/proc/self/fd/{fd}", mode)
                finally:
                    os.close(fd)


def _put(move: Move, content: Content, limit: int) -> None:
    parent, name = os.path.split(move.path)
    made: list[tuple[int, str]] = []
    fd = folder(parent, made if move.to is not None else None)
    try:
        for opened, _ in made:
            os.close(opened)
        data = content(move.to) if move.to is not None and _is_new_file(move) else b""
        # The last look: what somebody wrote since the plan was made stays.
        now = look(fd, name, None, limit)
        if same(now, move.to):
            return
        if _is_folder(now) and _is_folder(move.to) and not _is_folder(move.now) and move.to:
            _chmod(fd, name, move.to.mode & FOLDER_BITS)  # made just before, open until now
            return
        if not (alike(now, move.now) and (now is None or _mode(now) == _mode(move.now))):
            raise Changed
        _place(fd, name, move, data)
    finally:
        os.close(fd)


def _mode(state: State | None) -> int:
    return -1 if state is None or state.kind == "link" else state.mode


def _is_new_file(move: Move) -> bool:
    return move.to is not None and move.to.kind == "file" and not alike(move.now, move.to)


def _place(fd: int, name: str, move: Move, data: bytes) -> None:
    now, to = move.now, move.to
    if now is not None and to is not None and alike(now, to):
        bits = FOLDER_BITS if to.kind == "folder" else FILE_BITS
        if to.kind != "link":
            _chmod(fd, name, to.mode & bits)
        return
    if _is_folder(now):
        os.rmdir(name, dir_fd=fd)
    elif now is not None and (to is None or to.kind == "folder"):
        os.unlink(name, dir_fd=fd)
    if to is None:
        return
    if to.kind == "folder":
        os.mkdir(name, 0o700, dir_fd=fd)
        _chmod(fd, name, to.mode & FOLDER_BITS | 0o700)
        return
    spare = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}.codex-py"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(spare, dir_fd=fd)  # of an undo that was cut off
    try:
        if to.kind == "link":
            os.symlink(to.content, spare, dir_fd=fd)
        else:
            _write(fd, spare, name, data, to.mode & FILE_BITS, now is not None)
        os.rename(spare, name, src_dir_fd=fd, dst_dir_fd=fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(spare, dir_fd=fd)
        raise


def _write(fd: int, spare: str, name: str, data: bytes, mode: int, replaces: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(spare, flags, 0o600, dir_fd=fd), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        if replaces:
            _like(fd, name, file.fileno())
        os.fchmod(file.fileno(), mode)


def _like(fd: int, name: str, new: int) -> None:
    """Give a new file the owner and the user's attributes of the one it replaces."""
    with contextlib.suppress(OSError):
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISREG(info.st_mode):
            return
        own = os.fstat(new)
        if (own.st_uid, own.st_gid) != (info.st_uid, info.st_gid):
            os.fchown(new, info.st_uid, info.st_gid)
    with contextlib.suppress(OSError, AttributeError):
        old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        try:
            for each in os.listxattr(old):
                if each.startswith("user."):
                    os.setxattr(new, each, os.getxattr(old, each))
        finally:
            os.close(old)


def _chmod(fd: int, name: str, mode: int) -> None:
    """Set a mode, never through a link."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.open(name, flags, dir_fd=fd)
    except PermissionError:
        flags = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(name, flags, dir_fd=fd)
        try:
            if stat.S_ISLNK(os.fstat(opened).st_mode):
                raise OSError(errno.ELOOP, "is a link") from None
            os.chmod(f"/proc/self/fd/{opened}", mode)
        finally:
            os.close(opened)
        return
    try:
        os.fchmod(opened, mode)
    finally:
        os.close(opened)
