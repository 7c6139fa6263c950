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
TRIES = 200
STAMP = 1_000_000_016
"""The time of change that our placeholders bear, in seconds: by it other programs of ours know them."""


def make(plan: Plan, session: str) -> list[int] | None:
    """Make the placeholders and overlay folders; each placeholder is journalled first.

    The descriptors claim the placeholders, those of other sessions too: no session that ends
    removes what another has claimed. Close them at the end. None when something that is to be
    protected went away since the plan was made: then it needs a new plan.
    """
    claims: list[int] = []
    made = dict(plan.made)
    with open(f"{session}/made", "a", encoding="utf-8", errors="surrogateescape") as journal:
        for path, how in plan.binds:
            if how != "ro" or "\n" in path:
                continue
            if path in made:
                journal.write(f"{made[path]} {path}\n")
                journal.flush()
                make_one(path, made[path])
            kind, fd = _claim(path)
            if fd >= 0:
                claims.append(fd)
                if int(os.fstat(fd).st_mtime) == STAMP:
                    journal.write(f"{kind} {path}\n")
    if not all(os.path.lexists(path) for path, how in plan.binds if how == "ro"):
        for fd in claims:
            os.close(fd)
        return None
    for _, upper, work in plan.overlays:
        os.makedirs(upper, exist_ok=True)
        os.makedirs(work, exist_ok=True)
    return claims


def _claim(path: str) -> tuple[str, int]:
    """Hold a shared lock on what looks like a placeholder, whoever made it: (its kind, the
    descriptor); -1 when there is none."""
    for _ in range(TRIES):
        fd = open_one(path)
        kind = _kind(fd) if fd >= 0 else ""
        if kind and _locked(fd, fcntl.LOCK_SH) and _lies_at(fd, path):
            return kind, fd
        if fd >= 0:
            os.close(fd)
        if not kind:
            break
        time.sleep(0.001)  # it is being removed
    return "", -1


def _lies_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except OSError:
        return False


def _kind(fd: int) -> str:
    """Which kind of placeholder an open file could be; empty for none."""
    info = os.fstat(fd)
    if stat.S_ISDIR(info.st_mode):
        return "" if os.listdir(fd) else "folder"
    return "dot" if info.st_size == 2 and os.pread(fd, 3, 0) == b".\n" else ""


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def open_one(path: str) -> int:
    """What lies at `path`, opened without following any link; -1 when it cannot be."""
    at = lx.hold(os.path.dirname(path), os.O_DIRECTORY)
    if at < 0:
        return -1
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(os.path.basename(path), flags, dir_fd=at)
    except OSError:
        return -1
    finally:
        os.close(at)


def make_one(path: str, kind: str) -> None:
    """Make one placeholder if nothing is there; best effort, for the confinement is proved."""
    folder, name = os.path.split(path)
    at = lx.hold(folder, os.O_DIRECTORY)
    if at < 0:
        return
    try:
        if kind == "folder":
            os.mkdir(name, dir_fd=at)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(name, flags, 0o644, dir_fd=at)
            os.write(fd, b".\n")
            os.close(fd)
        os.utime(name, (STAMP, STAMP), dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.EROFS, errno.EACCES, errno.ENOENT):
            raise
    finally:
        os.close(at)


def unmake(session: str) -> None:
    """Remove the session's placeholders, unless used since or claimed by another session."""
    for path, kind in _journal(session):
        fd = open_one(path)
        if fd < 0:
            continue
        at = lx.hold(os.path.dirname(path), os.O_DIRECTORY)
        name = os.path.basename(path)
        try:
            if _kind(fd) == kind and _locked(fd, fcntl.LOCK_EX) and _lies_at(fd, path):
                if kind == "folder":
                    os.rmdir(name, dir_fd=at)
                else:
                    os.unlink(name, dir_fd=at)
        except OSError:
            pass
        finally:
            os.close(fd)
            if at >= 0:
                os.close(at)


def _journal(session: str) -> list[tuple[str, str]]:
    """(path, kind) of each placeholder."""
    try:
        with open(f"{session}/made", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return []
    found = {path: kind for kind, _, path in (line.partition(" ") for line in lines) if path}
    return list(found.items())


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


def _dead(lock: str) -> int:
    """The lock, ours now, of a session that nobody holds any more; -1 when somebody does."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return -1
    if _locked(fd, fcntl.LOCK_EX):
        return fd
    os.close(fd)
    return -1


def finish(sessions: str, name: str) -> None:
    """Remove one session's folder and placeholders; called when nothing of it runs any more."""
    unmake(f"{sessions}/{name}")
    at = os.open(sessions, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        remove_tree(name, at)
        os.unlink(f"{name}.lock", dir_fd=at)
    except OSError:
        pass
    finally:
        os.close(at)


def sweep(sessions: str) -> None:
    """Finish sessions whose lock nobody holds: their agent crashed. Old safety copies go too.

    Others may be sweeping as well; what cannot be cleared now is left to the next session.
    """
    try:
        _sweep_copies(os.path.dirname(sessions) + "/git")
        names = os.listdir(sessions)
    except OSError:
        return
    for entry in names:
        name = entry.removesuffix(".lock")
        if name == entry:
            continue
        # Held until all is removed, so that its folder is never taken for a living one's.
        lock = _dead(f"{sessions}/{entry}")
        if lock < 0:
            continue
        try:
            finish(sessions, name)
        except OSError:
            pass
        finally:
            os.close(lock)


def _sweep_copies(copies: str) -> None:
    if not os.path.isdir(copies):
        return
    at = os.open(copies, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in os.listdir(at):
            try:
                last = os.stat(name, dir_fd=at, follow_symlinks=False).st_mtime
            except OSError:
                continue
            if time.time() - last > OLD:
                remove_tree(name, at)
    finally:
        os.close(at)
