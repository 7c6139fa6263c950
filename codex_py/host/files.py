"""The one place that writes files for the agent: many at once, all of them or none."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import field

from codex_py.dataclass import dataclass
from codex_py.host.change import Wish
from codex_py.host.opened import LARGEST, Moved, folder, inside, read

__all__ = ["LARGEST", "Moved", "Wish", "commit", "read"]


def commit(wishes: Sequence[Wish]) -> tuple[str, ...]:
    """Grant all wishes or none, each file in one step; returns notes for the reader.

    A file keeps its mode, owner, access list and user attributes. It is written beside its
    place and renamed over it: a reader sees the old or the new content, and a hard link to it
    elsewhere keeps the old. Paths must be real: no link is followed. Raises Moved when a file
    no longer holds its `before`, and any other OSError, with everything put back as it was.
    """
    desk = _Desk()
    try:
        for wish in wishes:
            desk.steps.append(_step(wish, desk))
        for step in desk.steps:
            _examine(step)
        olds = {step.wish.path: step.old for step in desk.steps if step.old is not None}
        for step in desk.steps:
            if step.wish.after is not None:
                _write(step, step.wish.after, _lender(step.wish.like, olds) or step.old)
        # What is written first cannot be lost by what is removed last.
        for step in sorted(desk.steps, key=lambda each: each.wish.after is None):
            _apply(step, desk.steps)
    except BaseException as error:
        kept = [note for step in reversed(desk.steps) if (note := _undo(step))]
        desk.close(failed=True)
        if kept and isinstance(error, OSError):
            raise OSError(error.errno, f"{_words(error)}. {' '.join(kept)}") from None
        raise
    desk.close(failed=False)
    return tuple(note for step in desk.steps if (note := _note(step)))


@dataclass(slots=True)
class _Step:
    wish: Wish
    folder: int
    name: str
    spare: str
    """Name of the new file until it takes its place; `.old` after it keeps the old file."""
    old: os.stat_result | None = None
    new: tuple[int, int] | None = None
    """Device and inode of the new file."""
    keep: bool = False
    """Putting the old file back failed: it stays beside its place."""


@dataclass(slots=True)
class _Desk:
    """What is open or made while a commit runs."""

    steps: list[_Step] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)
    made: list[tuple[int, str]] = field(default_factory=list)

    def close(self, *, failed: bool) -> None:
        for step in self.steps:
            for name in (step.spare, "" if step.keep else f"{step.spare}.old"):
                if name:
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=step.folder)
        for parent, name in reversed(self.made):
            if failed:
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=parent)
            os.close(parent)
        for fd in self.folders.values():
            os.close(fd)


def _step(wish: Wish, desk: _Desk) -> _Step:
    parent, name = os.path.split(wish.path)
    if parent not in desk.folders:
        try:
            desk.folders[parent] = folder(parent, desk.made if wish.after is not None else None)
        except (NotADirectoryError, FileNotFoundError, Moved) as error:
            raise _failed(error, wish) from None
        except OSError as error:
            raise OSError(
                error.errno,
                f"Failed to create parent directories for {wish.path}: {_words(error)}",
            ) from None
    return _Step(wish, desk.folders[parent], name, f".{os.urandom(6).hex()}.codex-py")


def _examine(step: _Step) -> None:
    wish = step.wish
    try:
        if wish.link:
            info = os.stat(step.name, dir_fd=step.folder, follow_symlinks=False)
            if not stat.S_ISLNK(info.st_mode):
                raise Moved(errno.ESTALE, "is no longer a link; try again", wish.path)
            return
        data = None
        with contextlib.suppress(FileNotFoundError):
            data, step.old = inside(step.folder, step.name, wish.path, LARGEST)
        if data != wish.before:
            raise Moved(errno.ESTALE, "changed while the edit was being made; try again")
        if wish.after is not None and step.old is not None:
            # A rename needs no right to the file itself: ask as a write in place would.
            flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            os.close(os.open(step.name, flags, dir_fd=step.folder))
    except OSError as error:
        if error.errno != errno.ETXTBSY:
            raise _failed(error, wish) from None


def _lender(path: str, olds: Mapping[str, os.stat_result]) -> os.stat_result | None:
    if not path or path in olds:
        return olds.get(path)
    with contextlib.suppress(OSError):
        parent = folder(os.path.dirname(path))
        try:
            found = os.stat(os.path.basename(path), dir_fd=parent, follow_symlinks=False)
            return found if stat.S_ISREG(found.st_mode) else None
        finally:
            os.close(parent)
    return None


def _write(step: _Step, data: bytes, like: os.stat_result | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        mode = 0o666 if like is None else 0o600
        fd = os.open(step.spare, flags, mode, dir_fd=step.folder)
        with open(fd, "wb", buffering=0) as file:
            own = os.fstat(fd)
            step.new = (own.st_dev, own.st_ino)
            if like is not None:
                if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                    with contextlib.suppress(OSError):
                        os.fchown(fd, like.st_uid, like.st_gid)
                os.fchmod(fd, stat.S_IMODE(like.st_mode) & 0o777)
            if step.old is not None:
                _copy_attributes(step, fd)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
    except OSError as error:
        raise _failed(error, step.wish) from None


def _copy_attributes(step: _Step, fd: int) -> None:
    if not hasattr(os, "listxattr"):
        return
    with contextlib.suppress(OSError):
        old = os.open(step.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=step.folder)
        try:
            for name in os.listxattr(old):
                if name.startswith("user.") or name == "system.posix_acl_access":
                    os.setxattr(fd, name, os.getxattr(old, name))
        finally:
            os.close(old)


def _apply(step: _Step, steps: Sequence[_Step]) -> None:
    at = {"src_dir_fd": step.folder, "dst_dir_fd": step.folder}
    try:
        if step.wish.after is not None:
            if step.old is not None or step.wish.link:
                with contextlib.suppress(OSError):  # some file systems have no hard links
                    os.link(step.name, f"{step.spare}.old", follow_symlinks=False, **at)
            os.rename(step.spare, step.name, **at)
            return
        here = _inode(step.folder, step.name)
        for other in steps:
            # Where case does not count, `a` moved to `A` is one name: spell it, do not remove it.
            if other.new is not None and other.new == here:
                os.rename(step.name, other.name, src_dir_fd=step.folder, dst_dir_fd=other.folder)
                return
        os.rename(step.name, f"{step.spare}.old", **at)
    except OSError as error:
        raise _failed(error, step.wish) from None


def _undo(step: _Step) -> str:
    """Put one path back as it was, however far its step came; says so when that fails.

    Looks at what is there instead of at what was noted: an interrupt may come between the two.
    """
    at = {"src_dir_fd": step.folder, "dst_dir_fd": step.folder}
    old = f"{step.spare}.old"
    try:
        if _inode(step.folder, old) is not None:
            os.rename(old, step.name, **at)
        elif step.new is not None and _inode(step.folder, step.name) == step.new:
            if step.old is None:
                os.unlink(step.name, dir_fd=step.folder)
            else:
                _write(step, step.wish.before or b"", step.old)
                os.rename(step.spare, step.name, **at)
    except OSError as error:
        step.keep = True
        beside = os.path.join(os.path.dirname(step.wish.path), old)
        return (
            f"{step.wish.path} could not be put back ({_words(error)}); what it held is kept "
            f"in {beside}."
        )
    return ""


def _inode(parent: int, name: str) -> tuple[int, int] | None:
    try:
        info = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _note(step: _Step) -> str:
    if step.wish.after is None or step.old is None or step.old.st_nlink < 2:
        return ""
    return f"{step.wish.path} was a hard link: its other names keep the old content."


def _failed(error: OSError, wish: Wish) -> OSError:
    if wish.moved:
        what = "remove original"
    else:
        what = "write file" if wish.after is not None else "delete file"
    told = f"Failed to {what} {wish.path}: {_words(error)}"
    kind = Moved if isinstance(error, Moved) else OSError
    return kind(error.errno, told)


def _words(error: OSError) -> str:
    words = error.strerror or str(error)
    plain = error.errno is not None and words == os.strerror(error.errno)
    return f"{words} (os error {error.errno})" if plain else words
