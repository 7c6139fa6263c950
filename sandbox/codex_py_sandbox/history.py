"""Git history cannot be lost: refs, index and objects are kept aside before commands can write them."""

from __future__ import annotations

import os
import time

MOST_OBJECTS = 60000
KEPT = 20


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
        target = f"{self.folder}/{time.time_ns()}"
        os.makedirs(target, mode=0o700, exist_ok=True)
        for name, path in self._files():
            _copy(path, f"{target}/{name}")
        for old in sorted(n for n in os.listdir(self.folder) if n.isdigit())[:-KEPT]:
            _remove(f"{self.folder}/{old}")
        return True

    def sound(self) -> bool:
        """Whether this still looks like a repository with its objects and at least its kept refs."""
        if not (os.path.isdir(f"{self.common}/objects") and os.path.isdir(f"{self.common}/refs")):
            return False
        if not os.path.isfile(f"{self.git}/HEAD"):
            return False
        newest = self._newest()
        if not newest:
            return True
        return all(self._has(sha) for sha in self._tips(newest))

    def put_back(self) -> list[str]:
        """If the repository is no longer sound, restore what is missing; what was restored."""
        newest = self._newest()
        if not newest or self.sound():
            return []
        done: list[str] = []
        for folder in ("objects", "refs"):
            os.makedirs(f"{self.common}/{folder}", exist_ok=True)
        done += ["objects"] if _relink(f"{self.folder}/objects", f"{self.common}/objects") else []
        for name, path in self._files():
            if name not in ("refs",) and not os.path.lexists(path):
                if os.path.isfile(f"{newest}/{name}"):
                    _copy(f"{newest}/{name}", path)
                    done.append(name)
        done += ["refs"] if _relink(f"{newest}/refs", f"{self.common}/refs", copy=True) else []
        self._last = ()
        return done

    def _files(self) -> list[tuple[str, str]]:
        return [
            ("HEAD", f"{self.git}/HEAD"),
            ("index", f"{self.git}/index"),
            ("packed-refs", f"{self.common}/packed-refs"),
            ("ORIG_HEAD", f"{self.git}/ORIG_HEAD"),
            ("refs", f"{self.common}/refs"),
            ("logs", f"{self.common}/logs"),
        ]

    def _newest(self) -> str:
        try:
            names = sorted(name for name in os.listdir(self.folder) if name.isdigit())
        except OSError:
            return ""
        return f"{self.folder}/{names[-1]}" if names else ""

    def _tips(self, snapshot: str) -> set[str]:
        out: set[str] = set()
        for folder, _, names in os.walk(f"{snapshot}/refs"):
            for name in names:
                out.add(_read(f"{folder}/{name}").strip())
        for line in _read(f"{snapshot}/packed-refs").split("\n"):
            if line[:1] not in ("#", "^", ""):
                out.add(line.split(" ")[0])
        return {
            sha for sha in out if len(sha) in (40, 64) and not set(sha) - set("0123456789abcdef")
        }

    def _has(self, sha: str) -> bool:
        """Whether the object is loose, or there are packs that may hold it as they did before."""
        if os.path.isfile(f"{self.common}/objects/{sha[:2]}/{sha[2:]}"):
            return True
        if not os.path.isfile(f"{self.folder}/objects/{sha[:2]}/{sha[2:]}"):
            ours = _names(f"{self.folder}/objects/pack")
            if not ours:
                return True  # it comes from an alternate, which nobody inside can write
        return _in_packs(f"{self.common}/objects/pack", bytes.fromhex(sha))

    def _objects(self) -> None:
        """Link every object not linked yet."""
        left = MOST_OBJECTS
        top = f"{self.common}/objects"
        for name in _names(top):
            source, target = f"{top}/{name}", f"{self.folder}/objects/{name}"
            if (len(name) != 2 and name != "pack") or os.path.islink(source):
                continue
            changed = int(_mark(source)[0])
            if self._seen.get(name) == changed:
                continue
            self._seen[name] = changed
            os.makedirs(target, mode=0o700, exist_ok=True)
            known = set(_names(target))
            for file in _names(source):
                if file not in known and not file.startswith("tmp_") and left > 0:
                    left -= 1
                    _link(f"{source}/{file}", f"{target}/{file}")


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
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(fd, encoding="ascii", errors="replace") as file:
        return file.read(16 << 20)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError:
        if os.lstat(source).st_size <= 64 << 20:
            _copy(source, target)


def _copy(source: str, target: str) -> None:
    """Copy a plain file, or a folder of them; links and odd files are left out."""
    if os.path.islink(source):
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        for name in _names(source):
            _copy(f"{source}/{name}", f"{target}/{name}")
        return
    if not os.path.isfile(source):
        return
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    mode = os.fstat(fd).st_mode & 0o777
    with os.fdopen(fd, "rb") as read, os.fdopen(os.open(target, flags, mode), "wb") as write:
        while part := read.read(1 << 20):
            write.write(part)


def _relink(source: str, target: str, copy: bool = False) -> bool:
    """Put files back that are missing below `target`; whether there were any."""
    done = False
    os.makedirs(target, exist_ok=True)
    for name in _names(source):
        ours, theirs = f"{source}/{name}", f"{target}/{name}"
        if os.path.isdir(ours):
            if os.path.isdir(theirs) or not os.path.lexists(theirs):
                done = _relink(ours, theirs, copy) or done
        elif not os.path.lexists(theirs):
            _copy(ours, theirs) if copy else _link(ours, theirs)
            done = True
    return done


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
