"""What the launcher makes on the host for a session, journalled, and takes away again."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_py_sandbox.plan import Plan

OLD = 14 * 86400


def make(plan: Plan, session: str) -> None:
    """Make the placeholders and overlay folders; each placeholder is journalled first."""
    with open(f"{session}/made", "a", encoding="utf-8", errors="surrogateescape") as journal:
        protected = dict(plan.binds)
        shared = [(p, k) for p, k in _others(session) if p in protected]
        for path, kind in sorted({*plan.made, *shared}):
            if "\n" in path:
                continue
            journal.write(f"{kind} {path}\n")
            journal.flush()
            _make(path, kind)
    for _, upper, work in plan.overlays:
        os.makedirs(upper, exist_ok=True)
        os.makedirs(work, exist_ok=True)


def _make(path: str, kind: str) -> None:
    folder, name = os.path.split(path)
    at = lx.hold(folder, os.O_DIRECTORY)
    if at < 0:
        return
    try:
        if kind == "folder":
            os.mkdir(name, dir_fd=at)
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o644, dir_fd=at)
        os.write(fd, b".\n")
        os.close(fd)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.EROFS, errno.EACCES):
            raise
    finally:
        os.close(at)


def unmake(session: str, others: set[str]) -> None:
    """Remove the session's placeholders, unless used since or still wanted by `others`."""
    for path, kind in _journal(session):
        if path in others:
            continue
        folder, name = os.path.split(path)
        at = lx.hold(folder, os.O_DIRECTORY)
        if at < 0:
            continue
        try:
            if kind == "folder":
                os.rmdir(name, dir_fd=at)
            elif _neutral(name, at):
                os.unlink(name, dir_fd=at)
        except OSError:
            pass
        finally:
            os.close(at)


def _neutral(name: str, at: int) -> bool:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=at)
    try:
        return os.read(fd, 3) == b".\n"
    finally:
        os.close(fd)


def _journal(session: str) -> list[tuple[str, str]]:
    try:
        with open(f"{session}/made", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return []
    return [(path, kind) for kind, _, path in (line.partition(" ") for line in lines) if path]


def remove_tree(name: str, at: int) -> None:
    """Remove `name` in the folder `at` with all below it, following no link, best effort."""
    try:
        info = os.stat(name, dir_fd=at, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            os.unlink(name, dir_fd=at)
            return
        if info.st_mode & 0o700 != 0o700:
            os.chmod(name, 0o700, dir_fd=at)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=at)
    except OSError:
        return
    try:
        for inner in os.listdir(fd):
            remove_tree(inner, fd)
    except OSError:
        pass
    finally:
        os.close(fd)
    try:
        os.rmdir(name, dir_fd=at)
    except OSError:
        pass


def _alive(lock: str) -> bool:
    try:
        fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


def _others(session: str) -> set[tuple[str, str]]:
    """The placeholders of every other living session."""
    sessions, name = os.path.split(session)
    found: set[tuple[str, str]] = set()
    for entry in os.listdir(sessions):
        other = entry.removesuffix(".lock")
        if other not in (entry, name) and _alive(f"{sessions}/{entry}"):
            found.update(_journal(f"{sessions}/{other}"))
    return found


def finish(sessions: str, name: str) -> None:
    """Remove one session's folder and placeholders; called when nothing of it runs any more."""
    others = _others(f"{sessions}/{name}")
    unmake(f"{sessions}/{name}", {path for path, _ in others})
    at = os.open(sessions, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        remove_tree(name, at)
        os.unlink(f"{name}.lock", dir_fd=at)
    except OSError:
        pass
    finally:
        os.close(at)


def sweep(sessions: str) -> None:
    """Finish sessions whose lock nobody holds: their agent crashed. Old safety copies go too."""
    copies = os.path.dirname(sessions) + "/git"
    for name in os.listdir(copies) if os.path.isdir(copies) else []:
        if time.time() - os.lstat(f"{copies}/{name}").st_mtime > OLD:
            at = os.open(copies, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            remove_tree(name, at)
            os.close(at)
    for entry in os.listdir(sessions):
        name = entry.removesuffix(".lock")
        if name != entry and not _alive(f"{sessions}/{entry}"):
            finish(sessions, name)
