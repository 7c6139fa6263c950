"""Protection by copy, where mounts cannot make a path read-only: keep before, put back after."""

from __future__ import annotations

import os
import stat

MOST_BYTES = 4 << 20
MOST_FILES = 2000

# path -> (kind, mode, content): kind is "file", "folder", "link" or "none".
State = dict[str, tuple[str, int, bytes]]


def keep(paths: list[str]) -> State:
    """The state of these files and folders, with all below the folders; bounded."""
    out: State = {}
    queue = list(paths)
    while queue and len(out) < MOST_FILES:
        path = queue.pop()
        try:
            info = os.lstat(path)
        except OSError:
            out[path] = ("none", 0, b"")
            continue
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISLNK(info.st_mode):
            out[path] = ("link", 0, os.fsencode(os.readlink(path)))
        elif stat.S_ISDIR(info.st_mode):
            names = sorted(os.listdir(path))
            out[path] = ("folder", mode, "\n".join(names).encode("utf-8", "surrogateescape"))
            queue += [f"{path}/{name}" for name in names]
        elif stat.S_ISREG(info.st_mode):
            out[path] = ("file", mode, _read(path))
    return out


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        parts = []
        left = MOST_BYTES
        while left > 0 and (part := os.read(fd, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def put_back(before: State, aside: str) -> list[str]:
    """Undo every change to what `keep` saw; new things are moved to the folder `aside`.

    Returns the paths that had been changed.
    """
    changed: list[str] = []
    for path in sorted(before):
        kind, mode, body = before[path]
        now = keep([path])[path] if os.path.lexists(path) else ("none", 0, b"")
        if kind == "folder" and now[0] == "folder":
            known = set(body.decode("utf-8", "surrogateescape").split("\n"))
            for name in sorted(os.listdir(path)):
                if name not in known:
                    _away(f"{path}/{name}", aside)
                    changed.append(f"{path}/{name}")
            if mode != now[1]:
                os.chmod(path, mode)
                changed.append(path)
            continue
        if now == (kind, mode, body):
            continue
        changed.append(path)
        if now[0] != "none":
            _away(path, aside)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _make(path, kind, mode, body)
    return changed


def places(paths: list[str]) -> list[tuple[str, int, int]]:
    """Which folder is at each path, to find it again when it was renamed."""
    out = []
    for path in sorted(paths):
        try:
            info = os.lstat(path)
        except OSError:
            continue
        out.append((path, info.st_dev, info.st_ino))
    return out


def return_moved(pins: list[tuple[str, int, int]], aside: str) -> list[str]:
    """Bring folders back that were renamed within their parent; the paths of those."""
    changed: list[str] = []
    for path, device, inode in pins:
        try:
            info = os.lstat(path)
            if (info.st_dev, info.st_ino) == (device, inode):
                continue
        except OSError:
            pass
        try:
            for entry in os.scandir(os.path.dirname(path)):
                if entry.inode() == inode and entry.stat(follow_symlinks=False).st_dev == device:
                    if os.path.lexists(path):
                        _away(path, aside)
                    os.rename(entry.path, path)
                    changed.append(path)
                    break
            else:
                if os.path.islink(path) or os.path.isfile(path):
                    _away(path, aside)
                    changed.append(path)
        except OSError:
            continue
    return changed


def _make(path: str, kind: str, mode: int, body: bytes) -> None:
    if kind == "folder":
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
    elif kind == "link":
        os.symlink(os.fsdecode(body), path)
    elif kind == "file":
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(path, flags, 0o600)
        os.write(fd, body)
        os.fchmod(fd, mode)
        os.close(fd)


def _away(path: str, aside: str) -> None:
    os.makedirs(aside, mode=0o700, exist_ok=True)
    target = f"{aside}/{os.path.basename(path)}-{os.urandom(4).hex()}"
    try:
        os.rename(path, target)
    except OSError:
        # Another file system: nothing of it is worth keeping over what it replaced.
        from codex_py_sandbox._host import remove_tree

        at = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        remove_tree(os.path.basename(path), at)
        os.close(at)
