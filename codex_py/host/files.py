"""The one place that reads and writes files for the agent: real paths, no links, all or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LARGEST = 100_000_000
"""Bytes of a file that will be read into memory."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Moved(OSError):
    """A file holds something else than the change was computed from."""


@contextlib.contextmanager
def parent(path: str, *, make: list[str] | None = None) -> Iterator[tuple[int, str]]:
    """The opened folder of a real path and the last name in it; no link is followed on the way.

    With `make`, missing folders are made and noted there. A link that was put in the place of a
    folder since the path was resolved raises NotADirectoryError.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError("a real path is absolute")
    *folders, name = [part for part in path.split("/") if part] or [""]
    if not name or name in (".", "..") or ".." in folders:
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    fd = os.open("/", _FOLDER)
    try:
        done = ""
        for folder in folders:
            done += f"/{folder}"
            try:
                inner = os.open(folder, _FOLDER, dir_fd=fd)
            except FileNotFoundError:
                if make is None:
                    raise FileNotFoundError(errno.ENOENT, "No such file or directory", path) from None
                os.mkdir(folder, dir_fd=fd)
                make.append(done)
                inner = os.open(folder, _FOLDER, dir_fd=fd)
            except OSError as error:
                raise type(error)(error.errno, error.strerror, done) from None
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def read(path: str, most: int = LARGEST) -> bytes:
    """A regular file's bytes, opened as the path was resolved. Raises OSError."""
    with parent(path) as (folder, name):
        try:
            return _read(folder, name, path, most)[0]
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Moved(errno.ELOOP, "became a link while it was being opened", path) from None
            raise type(error)(error.errno, error.strerror, path) from None


def _read(folder: int, name: str, path: str, most: int) -> tuple[bytes, os.stat_result]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(name, flags, dir_fd=folder)
    with open(fd, "rb", buffering=0) as file:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "Is not a regular file", path)
        if info.st_size > most:
            raise OSError(errno.EFBIG, f"Is larger than {most:,} bytes", path)
        data = file.readall()
        if data is None or len(data) > most:
            raise OSError(errno.EFBIG, f"Is larger than {most:,} bytes", path)
        return data, info


@dataclass(frozen=True, slots=True)
class Wish:
    """What one real path shall hold. None: no such file. `like` lends its mode to a moved file."""

    path: str
    before: bytes | None
    after: bytes | None
    like: str = ""
    link: bool = False
    """The path is a link that shall go; what it points to stays."""


def commit(wishes: Sequence[Wish]) -> None:
    """Fulfil all wishes or none; each file changes in one step, keeping its mode.

    Raises Moved when a file no longer holds what its wish was computed from, and any other
    OSError with everything put back as it was. A hard link elsewhere keeps the old content.
    """
    made: list[str] = []
    staged: list[_Step] = []
    done: list[_Step] = []
    modes: dict[str, os.stat_result] = {}
    try:
        for wish in wishes:
            _stage(wish, made, staged, modes)
        _lend(staged, modes)
        # What is written first cannot be lost by what is removed last.
        for step in sorted(staged, key=lambda each: each.wish.after is None):
            _apply(step)
            done.append(step)
    except BaseException:
        for step in reversed(done):
            _undo(step)
        raise
    finally:
        failed = len(done) < len(staged) or len(staged) < len(wishes)
        for step in staged:
            step.clean()
        for folder in reversed(made) if failed else ():
            with contextlib.suppress(OSError):
                os.rmdir(folder)


@dataclass(slots=True)
class _Step:
    wish: Wish
    folder: int
    name: str
    temporary: str
    old: os.stat_result | None

    def clean(self) -> None:
        for name in (self.temporary, f"{self.temporary}.old"):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self.folder)
        os.close(self.folder)


def _stage(
    wish: Wish, made: list[str], staged: list[_Step], modes: dict[str, os.stat_result]
) -> None:
    with parent(wish.path, make=made if wish.after is not None else None) as (folder, name):
        step = _Step(wish, os.dup(folder), name, f".{secrets.token_hex(6)}.codex-py", None)
        staged.append(step)
    if wish.link:
        return
    try:
        data, step.old = _read(step.folder, name, wish.path, LARGEST)
    except FileNotFoundError:
        data = None
    except OSError as error:
        raise type(error)(error.errno, error.strerror, wish.path) from None
    if step.old is not None:
        modes[wish.path] = step.old
    if data != wish.before:
        raise Moved(errno.ESTALE, "changed while the edit was being made; try again", wish.path)
    if wish.after is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(step.temporary, flags, 0o666, dir_fd=step.folder)
        with open(fd, "wb") as file:
            file.write(wish.after)


def _lend(staged: Sequence[_Step], modes: Mapping[str, os.stat_result]) -> None:
    for step in staged:
        like = modes.get(step.wish.like) or step.old
        if step.wish.after is None or like is None:
            continue
        fd = os.open(step.temporary, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=step.folder)
        try:
            own = os.fstat(fd)
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                with contextlib.suppress(OSError):
                    os.fchown(fd, like.st_uid, like.st_gid)
            os.fchmod(fd, stat.S_IMODE(like.st_mode))
        finally:
            os.close(fd)


def _apply(step: _Step) -> None:
    at = {"src_dir_fd": step.folder, "dst_dir_fd": step.folder}
    try:
        if step.old is not None or step.wish.link:
            if step.wish.after is not None:
                with contextlib.suppress(OSError):
                    os.link(step.name, f"{step.temporary}.old", follow_symlinks=False, **at)
            else:
                os.rename(step.name, f"{step.temporary}.old", **at)
        if step.wish.after is not None:
            os.rename(step.temporary, step.name, **at)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, step.wish.path) from None


def _undo(step: _Step) -> None:
    """Put one path back; the old file was kept under its temporary name where links work."""
    at = {"src_dir_fd": step.folder, "dst_dir_fd": step.folder}
    if step.old is None and not step.wish.link:
        with contextlib.suppress(OSError):
            os.unlink(step.name, dir_fd=step.folder)
        return
    try:
        os.rename(f"{step.temporary}.old", step.name, **at)
    except OSError:
        fresh = f"{step.temporary}.undo"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=step.folder)
        with open(fd, "wb") as file:
            file.write(step.wish.before or b"")
            if step.old is not None:
                os.fchmod(fd, stat.S_IMODE(step.old.st_mode))
        os.rename(fresh, step.name, **at)
