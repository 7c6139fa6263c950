"""Git history cannot be lost: refs, index and objects are kept aside before commands can write them."""

from __future__ import annotations

import os
import stat
import time

from codex_py_sandbox._openly import Folder, copy, is_kind, plain, transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_py_sandbox.leftovers import Links

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
        self._began = time.time_ns()
        self.links: list[Links] = []

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
        self._last = stamp
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
            # The newest copy may have been taken while a command was half through removing refs.
            for copied in self._copies():
                with Folder(copied) as earlier:
                    for folder in ("refs", "logs"):
                        transfer(earlier.fd, common.fd, folder, link=False)
            copy(kept.fd, common.fd, "packed-refs")
            for file in FILES:
                copy(kept.fd, git.fd, file)
        self._last = ()
        return True

    def _copies(self) -> list[str]:
        """The copies of this session, newest first; the newest of all when it has none."""
        names = sorted((n for n in _names(self.folder) if n.isdigit()), key=int, reverse=True)
        mine = [name for name in names if int(name) >= self._began]
        return [f"{self.folder}/{name}" for name in mine or names[:1]]

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
