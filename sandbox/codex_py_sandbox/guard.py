"""Protection by copy, where mounts cannot make a path read-only: keep before, put back after.

We are not confined while we do that, and another command may swap folders for links meanwhile. So
every name is looked up in a folder that is held and was reached without following any link.
"""

from __future__ import annotations

import os
import stat

from codex_py_sandbox import _linux as lx

MOST_BYTES = 4 << 20
MOST_FILES = 2000

# path -> (kind, mode, content): kind is "file", "folder", "link" or "none".
State = dict[str, tuple[str, int, bytes]]


class _Place:
    """The folder that a path lies in, held open, and its name there; `at` is -1 if unreachable."""

    def __init__(self, path: str, *, make: bool = False) -> None:
        folder, self.name = os.path.split(path)
        self.at = lx.hold(folder, os.O_DIRECTORY)
        if self.at < 0 and make and len(folder) > 1 and not os.path.lexists(folder):
            with _Place(folder, make=True) as above:
                if above.at >= 0:
                    try:
                        os.mkdir(above.name, dir_fd=above.at)
                    except OSError:
                        pass
            self.at = lx.hold(folder, os.O_DIRECTORY)

    def __enter__(self) -> _Place:
        return self

    def __exit__(self, *_: object) -> None:
        if self.at >= 0:
            os.close(self.at)

    def info(self) -> os.stat_result | None:
        try:
            return os.stat(self.name, dir_fd=self.at, follow_symlinks=False)
        except OSError:
            return None

    def names(self) -> list[str]:
        """What is in the folder of this name."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.name, flags, dir_fd=self.at)
        try:
            return sorted(os.listdir(fd))
        finally:
            os.close(fd)

    def state(self) -> tuple[str, int, bytes]:
        """What bears this name now."""
        info = self.info()
        if info is None:
            return "none", 0, b""
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISLNK(info.st_mode):
            return "link", 0, os.fsencode(os.readlink(self.name, dir_fd=self.at))
        if stat.S_ISDIR(info.st_mode):
            return "folder", mode, "\n".join(self.names()).encode("utf-8", "surrogateescape")
        if stat.S_ISREG(info.st_mode):
            return "file", mode, self.read()
        return "other", mode, b""

    def read(self) -> bytes:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(self.name, flags, dir_fd=self.at)
        try:
            parts = []
            left = MOST_BYTES
            while left > 0 and (part := os.read(fd, left)):
                parts.append(part)
                left -= len(part)
            return b"".join(parts)
        finally:
            os.close(fd)

    def mode(self, mode: int) -> None:
        """Set the mode of the folder of this name."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.name, flags, dir_fd=self.at)
        try:
            os.fchmod(fd, mode)
        finally:
            os.close(fd)

    def make(self, kind: str, mode: int, body: bytes) -> None:
        if kind == "folder":
            os.mkdir(self.name, dir_fd=self.at)
            self.mode(mode)
        elif kind == "link":
            os.symlink(os.fsdecode(body), self.name, dir_fd=self.at)
        elif kind == "file":
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self.name, flags, 0o600, dir_fd=self.at)
            try:
                while body:
                    body = body[os.write(fd, body) :]
                os.fchmod(fd, mode)
            finally:
                os.close(fd)

    def away(self, aside: str) -> None:
        """Move what bears this name to the folder `aside`, which is our own."""
        os.makedirs(aside, mode=0o700, exist_ok=True)
        target = f"{aside}/{self.name}-{os.urandom(4).hex()}"
        try:
            os.rename(self.name, target, src_dir_fd=self.at)
        except OSError:
            # Another file system: nothing of it is worth keeping over what it replaced.
            from codex_py_sandbox._host import remove_tree

            remove_tree(self.name, self.at)


def keep(paths: list[str]) -> State:
    """The state of these files and folders, with all below the folders; bounded.

    What cannot be reached without following a link is left out.
    """
    out: State = {}
    queue = list(paths)
    while queue and len(out) < MOST_FILES:
        path = queue.pop()
        with _Place(path) as place:
            if place.at < 0:
                if not os.path.lexists(os.path.dirname(path)):
                    out[path] = ("none", 0, b"")
                continue
            try:
                found = place.state()
            except OSError:
                continue
        out[path] = found
        if found[0] == "folder" and found[2]:
            names = found[2].decode("utf-8", "surrogateescape").split("\n")
            queue += [f"{path}/{name}" for name in names]
    return out


def put_back(before: State, aside: str) -> list[str]:
    """Undo every change to what `keep` saw; new things are moved to the folder `aside`.

    Returns the paths that had been changed.
    """
    changed: list[str] = []
    for path in sorted(before):
        kind, mode, body = before[path]
        with _Place(path, make=kind not in ("none", "other")) as place:
            if place.at < 0 or kind == "other":
                continue
            try:
                changed += _restore(place, path, (kind, mode, body), aside)
            except OSError:
                changed.append(path)
    return changed


def _restore(place: _Place, path: str, before: tuple[str, int, bytes], aside: str) -> list[str]:
    kind, mode, body = before
    now = place.state()
    if kind == "folder" and now[0] == "folder":
        changed = []
        known = set(body.decode("utf-8", "surrogateescape").split("\n"))
        for name in place.names():
            if name not in known:
                with _Place(f"{path}/{name}") as inner:
                    if inner.at >= 0:
                        inner.away(aside)
                changed.append(f"{path}/{name}")
        if mode != now[1]:
            place.mode(mode)
            changed.append(path)
        return changed
    if now == before:
        return []
    if now[0] != "none":
        place.away(aside)
    place.make(kind, mode, body)
    return [path]


def places(paths: list[str]) -> list[tuple[str, int, int]]:
    """Which folder is at each path, to find it again when it was renamed."""
    out = []
    for path in sorted(paths):
        with _Place(path) as place:
            info = place.info() if place.at >= 0 else None
        if info is not None and not stat.S_ISLNK(info.st_mode):
            out.append((path, info.st_dev, info.st_ino))
    return out


def return_moved(pins: list[tuple[str, int, int]], aside: str) -> list[str]:
    """Bring folders back that were renamed within their parent; the paths of those."""
    changed: list[str] = []
    for path, device, inode in pins:
        with _Place(path) as place:
            if place.at < 0:
                continue
            try:
                if _returned(place, device, inode, aside):
                    changed.append(path)
            except OSError:
                continue
    return changed


def _returned(place: _Place, device: int, inode: int, aside: str) -> bool:
    now = place.info()
    if now is not None and (now.st_dev, now.st_ino) == (device, inode):
        return False
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.at)
    try:
        for name in os.listdir(fd):
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if (info.st_dev, info.st_ino) == (device, inode):
                if now is not None:
                    place.away(aside)
                os.rename(name, place.name, src_dir_fd=fd, dst_dir_fd=fd)
                return True
    finally:
        os.close(fd)
    if now is not None and (stat.S_ISLNK(now.st_mode) or stat.S_ISREG(now.st_mode)):
        place.away(aside)
        return True
    return False
