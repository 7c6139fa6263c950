"""The workspace as it is known: walked once, then looked at where something happened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import groupby

from codex_py.snapshots import rules
from codex_py.snapshots.rules import Rules
from codex_py.snapshots.state import FOLDER, Keep, State, look, same, unchanged
from codex_py.snapshots.store import Folders, Record
from codex_py.snapshots.watch import Watch

THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Passing through a folder needs no right to list it."""
DEEPEST = 100
"""Folders inside folders that are entered."""


class TooMuch(Exception):
    """The workspace is too large to be kept; the message says by which measure."""


class Tree:
    """What every path under the roots held when it was last looked at.

    Contract: no link is followed. `known` is changed as differences are found, and each
    difference is given once.
    """

    def __init__(
        self, roots: Sequence[str], own: str, keep: Keep | None, limits: tuple[int, int]
    ) -> None:
        self.roots = [
            each
            for place, each in enumerate(roots)
            if each not in roots[:place] and not any(inside(each, other) for other in roots)
        ]
        self.own = own
        self.keep = keep
        self.limit, self.most = limits
        """Bytes of a file, and how many files, that are kept."""
        self.known: Folders = {}
        self.left: set[str] = set()
        """Folders left out by rule."""
        self.watch: Watch | None = None
        self.count = 0
        self.bytes = 0
        self._rules: dict[str, list[Rules]] = {}
        self._linked: set[str] = set()
        """Files with several names: a change by one name is not heard under the others."""
        self._new_links: set[int] = set()
        """Inodes whose other names are not yet looked for."""

    def covers(self, path: str) -> bool:
        """Whether a path lies in a folder that is known."""
        return os.path.dirname(path) in self.known

    def walk(self) -> Iterator[list[Record]]:
        """Look at everything; gives the differences folder by folder."""
        for root in self.roots:
            yield from self.walk_below(root)

    def walk_below(self, path: str, *, force: bool = False) -> Iterator[list[Record]]:
        """The same for one folder. With `force` it is walked even where nothing is known of it."""
        if not force and path not in self.roots and path not in self.known:
            return
        try:
            fd = reach(path)
        except OSError:
            if path in self.known:
                yield list(self._gone(path))
            return
        try:
            yield from self._walk(fd, path, path.count("/"), self._rules_for(path))
        finally:
            os.close(fd)

    def _rules_for(self, path: str) -> list[Rules]:
        if path in self._rules:
            return self._rules[path]
        return rules.above(path)

    def _walk(self, fd: int, path: str, depth: int, above: list[Rules]) -> Iterator[list[Record]]:
        if self.watch is not None:
            self.watch.add(path)
        try:
            with os.scandir(fd) as scan:
                entries = list(scan)
        except OSError:
            entries = []
        here = above
        if any(each.name == ".gitignore" for each in entries):
            own = rules.read(os.path.join(path, ".gitignore"), path)
            here = [*above, own] if own else above
        self._rules[path] = above
        names = self.known.setdefault(path, {})
        records: list[Record] = []
        inner: list[str] = []
        seen: set[str] = set()
        for entry in entries:
            name = entry.name
            old = names.get(name)
            full = f"{path}/{name}" if path != "/" else f"/{name}"
            if name in rules.NEVER or full == self.own:
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            folder = stat.S_ISDIR(info.st_mode)
            if folder and (old is None or old.kind != "folder"):
                if self.left_out(fd, name, full, here, depth):
                    continue
            seen.add(name)
            if old is None or not unchanged(old, info):
                records += self._look(fd, path, name, full)
            if folder and name in names and names[name].kind == "folder":
                inner.append(name)
        for name in [each for each in names if each not in seen]:
            records += self._forget(path, name)
        yield records
        for name in inner:
            try:
                below = os.open(name, FOLDER, dir_fd=fd)
            except OSError:
                continue
            try:
                full = f"{path}/{name}" if path != "/" else f"/{name}"
                yield from self._walk(below, full, depth + 1, here)
            finally:
                os.close(below)

    def left_out(self, fd: int, name: str, full: str, here: list[Rules], depth: int) -> bool:
        """Whether a folder is left out by rule, given the rules of the folder it lies in."""
        if name in rules.STANDS_IN and not _names(fd, name):
            if self.watch is not None:
                self.watch.add(full)
            return True
        out = name in rules.BUILT or depth > DEEPEST or rules.ignored(full, here)
        if out or rules.MARKS.intersection(_names(fd, name)):
            self.left.add(full)
            return True
        return False

    def look(self, path: str) -> list[Record]:
        """Look at one path whose folder is known, whatever the system says of its times."""
        parent, name = os.path.split(path)
        if name in rules.NEVER or path == self.own:
            return []
        if parent not in self.known:
            return self.look(parent) if os.path.basename(parent) in rules.STANDS_IN else []
        try:
            fd = reach(parent)
        except OSError:
            return list(self._gone(parent))
        records: list[Record] = []
        try:
            old = self.known[parent].get(name)
            if (old is None or old.kind != "folder") and _is_folder(fd, name):
                above = self._rules_for(parent)
                own = rules.read(os.path.join(parent, ".gitignore"), parent)
                here = [*above, own] if own else above
                if self.left_out(fd, name, path, here, path.count("/")):
                    return self._forget(parent, name)
            records = self._look(fd, parent, name, path)
        finally:
            os.close(fd)
        new = self.known[parent].get(name)
        if new is not None and new.kind == "folder" and (old is None or old.kind != "folder"):
            for each in self.walk_below(path, force=True):
                records += each
        return records

    def look_linked(self) -> list[Record]:
        """Look at the files that have several names, where their times say that they changed."""
        if self._new_links:
            inodes, self._new_links = self._new_links, set()
            for parent, names in self.known.items():
                for name, state in names.items():
                    if state.inode in inodes and state.kind == "file":
                        self._linked.add(os.path.join(parent, name))
        records: list[Record] = []
        for parent, group in groupby(sorted(self._linked), os.path.dirname):
            known = self.known.get(parent, {})
            try:
                fd = reach(parent)
            except OSError:
                continue
            try:
                for path in group:
                    name = os.path.basename(path)
                    if name in known and not _as_it_was(fd, name, known[name]):
                        records += self._look(fd, parent, name, path)
            finally:
                os.close(fd)
        return records

    def _look(self, fd: int, path: str, name: str, full: str) -> list[Record]:
        names = self.known[path]
        old = names.get(name)
        new = look(fd, name, self.keep, self.limit)
        if new is None:
            return self._forget(path, name)
        records: list[Record] = []
        if old is not None and old.kind == "folder" and new.kind != "folder":
            records = [*self._gone(full)]
        if new.links > 1 and new.kind == "file" and full not in self._linked:
            self._linked.add(full)
            self._new_links.add(new.inode)
        names[name] = new
        if new.kind == "folder":
            self.known.setdefault(full, {})
        if old is None:
            self.count += 1
            if self.count > self.most:
                raise TooMuch(f"it holds more than {self.most:,} files")
        return records if same(old, new) else [*records, Record(full, old, new)]

    def _forget(self, path: str, name: str) -> list[Record]:
        old = self.known[path].pop(name, None)
        if old is None:
            return []
        self.count -= 1
        full = os.path.join(path, name)
        self._linked.discard(full)
        return [*(self._gone(full) if old.kind == "folder" else ()), Record(full, old, None)]

    def _gone(self, path: str) -> Iterator[Record]:
        """What was in a folder that is no more."""
        for name, state in self.known.pop(path, {}).items():
            full = os.path.join(path, name)
            self.count -= 1
            self._linked.discard(full)
            if state.kind == "folder":
                yield from self._gone(full)
            yield Record(full, state, None)


def inside(path: str, folder: str) -> bool:
    """Whether a path lies below a folder."""
    return path.startswith(folder.rstrip("/") + "/")


def reach(path: str) -> int:
    """An opened folder, entered name by name and never through a link. Raises OSError."""
    fd = os.open("/", THROUGH)
    names = [name for name in path.split("/") if name] or ["."]
    try:
        for place, name in enumerate(names, 1):
            below = os.open(name, FOLDER if place == len(names) else THROUGH, dir_fd=fd)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd


def _is_folder(fd: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _as_it_was(fd: int, name: str, state: State) -> bool:
    try:
        return unchanged(state, os.stat(name, dir_fd=fd, follow_symlinks=False))
    except OSError:
        return False


def _names(fd: int, name: str) -> list[str]:
    try:
        below = os.open(name, FOLDER, dir_fd=fd)
    except OSError:
        return []
    try:
        return os.listdir(below)
    except OSError:
        return []
    finally:
        os.close(below)
