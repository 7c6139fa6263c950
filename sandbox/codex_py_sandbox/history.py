"""Git history cannot be lost: refs, index and objects are kept aside before commands can write them."""

from __future__ import annotations

import os
import stat
import time

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOST_OBJECTS = 60000
MOST_BYTES = 256 << 20
KEPT = 20
FILES = ("HEAD", "index", "ORIG_HEAD")


class Keeper:
    """The safety copy of one repository, in a private folder: `git` private, `common` shared part.

    Objects are hard-linked (copied across file systems while small), refs and index are copied
    when they changed. `put_back` restores what is missing when a command destroyed the repository.
    """

    def __init__(self, git: str, common: str, folder: str) -> None:
        self.git = git
        self.common = common
        self.folder = folder
        self._last: tuple[object, ...] = ()
        self._seen: dict[str, int] = {}

    def stamp(self) -> tuple[object, ...]:
        """What changes when a ref, HEAD, the index or the packs change; some stat calls."""
        marks: list[object] = []
        names = (f"{self.git}/HEAD", f"{self.git}/index", f"{self.common}/packed-refs",
                 f"{self.common}/objects/pack", f"{self.common}/objects", self.common)  # fmt: skip
        for path in names:
            marks.append(_mark(path))
        queue = [f"{self.common}/refs"]
        while queue and len(marks) < 2000:
            folder = queue.pop()
            marks.append(_mark(folder))
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            queue.append(entry.path)
                        else:
                            marks.append(_mark(entry.path))
            except OSError:
                continue
        return tuple(marks)

    def keep(self) -> bool:
        """Keep the present state if it is sound and changed; whether something was kept."""
        stamp = self.stamp()
        if stamp == self._last or not self.sound():
            return False
        self._last = stamp
        self._objects()
        name = str(time.time_ns())
        os.makedirs(f"{self.folder}/{name}", mode=0o700)
        with Folder(f"{self.folder}/{name}") as kept, Folder(self.git) as git:
            for file in FILES:
                copy(git.fd, kept.fd, file)
            with Folder(self.common) as common:
                copy(common.fd, kept.fd, "packed-refs")
                for folder in ("refs", "logs"):
                    transfer(common.fd, kept.fd, folder, link=False)
        for old in sorted(n for n in os.listdir(self.folder) if n.isdigit())[:-KEPT]:
            _remove(f"{self.folder}/{old}")
        return True

    def sound(self) -> bool:
        """Whether this still looks like a repository that holds every commit kept last."""
        for path in (f"{self.common}/objects", f"{self.common}/refs"):
            if not is_kind(path, stat.S_ISDIR):
                return False
        if not is_kind(f"{self.git}/HEAD", stat.S_ISREG):
            return False
        newest = self._newest()
        return not newest or all(self._has(sha) for sha in self._tips(newest))

    def put_back(self) -> bool:
        """If the repository is no longer sound, restore what is missing; whether that was so.

        Links that stand where git keeps its folders are removed, never followed.
        """
        newest = self._newest()
        if not newest or self.sound():
            return False
        with Folder(self.git) as git, Folder(self.common) as common, Folder(newest) as kept:
            for folder in ("objects", "refs", "logs"):
                plain(common.fd, folder)
            with Folder(self.folder) as store:
                transfer(store.fd, common.fd, "objects", link=True)
            for folder in ("refs", "logs"):
                transfer(kept.fd, common.fd, folder, link=False)
            copy(kept.fd, common.fd, "packed-refs")
            for file in FILES:
                copy(kept.fd, git.fd, file)
        self._last = ()
        return True

    def _newest(self) -> str:
        names = sorted(name for name in _names(self.folder) if name.isdigit())
        return f"{self.folder}/{names[-1]}" if names else ""

    def _tips(self, snapshot: str) -> set[str]:
        out: set[str] = set()
        for folder, _, names in os.walk(f"{snapshot}/refs"):
            out.update(_read(f"{folder}/{name}").strip() for name in names)
        for line in _read(f"{snapshot}/packed-refs").split("\n"):
            if line[:1] not in ("#", "^", ""):
                out.add(line.split(" ")[0])
        return {s for s in out if len(s) in (40, 64) and not set(s) - set("0123456789abcdef")}

    def _has(self, sha: str) -> bool:
        """Whether the object is there, loose or packed; what we never had is taken on trust."""
        loose = f"objects/{sha[:2]}/{sha[2:]}"
        if is_kind(f"{self.common}/{loose}", stat.S_ISREG):
            return True
        if _in_packs(f"{self.common}/objects/pack", bytes.fromhex(sha)):
            return True
        ours = os.path.isfile(f"{self.folder}/{loose}")
        return not ours and not _in_packs(f"{self.folder}/objects/pack", bytes.fromhex(sha))

    def _objects(self) -> None:
        """Link every object not linked yet."""
        os.makedirs(f"{self.folder}/objects", mode=0o700, exist_ok=True)
        with Folder(f"{self.common}/objects") as source, Folder(f"{self.folder}/objects") as store:
            for name in os.listdir(source.fd) if source.fd >= 0 else []:
                if len(name) != 2 and name != "pack":
                    continue
                changed = _mark(f"{self.common}/objects/{name}")[0]
                if self._seen.get(name) != changed:
                    self._seen[name] = changed
                    transfer(source.fd, store.fd, name, link=True)


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
        for inner in os.listdir(theirs)[:MOST_OBJECTS]:
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


def _mark(path: str) -> tuple[int, int, int]:
    try:
        info = os.lstat(path)
    except OSError:
        return 0, 0, 0
    return info.st_mtime_ns, info.st_size, info.st_ino


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str) -> str:
    """A file of our own store."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(16 << 20)
    except OSError:
        return ""


def _in_packs(folder: str, sha: bytes) -> bool:
    """Whether any pack index (version 2) lists the object."""
    for name in _names(folder):
        if name.endswith(".idx"):
            try:
                with open(f"{folder}/{name}", "rb") as file:
                    if _in_index(file.fileno(), sha):
                        return True
            except OSError:
                continue
    return False


def _in_index(fd: int, sha: bytes) -> bool:
    head = os.pread(fd, 8 + 1024, 0)
    if head[:4] != b"\xfftOc" or len(head) < 1032:
        return True  # an old kind of index: take it on trust
    fan = [int.from_bytes(head[8 + 4 * i : 12 + 4 * i], "big") for i in range(256)]
    low, high = (fan[sha[0] - 1] if sha[0] else 0), fan[sha[0]]
    width = len(sha)
    while low < high:
        middle = (low + high) // 2
        found = os.pread(fd, width, 1032 + middle * width)
        if found == sha:
            return True
        if found < sha:
            low = middle + 1
        else:
            high = middle
    return False


def _remove(path: str) -> None:
    from codex_py_sandbox._host import remove_tree

    folder, name = os.path.split(path)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(name, at)
    finally:
        os.close(at)
