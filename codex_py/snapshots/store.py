"""The store of one workspace: packs of contents, journals of changes, bases of whole trees.

Everything is appended or written new, and only its owner can read it. A journal's first line
names its base and its packs; each further line is one change. A place in a journal names a
tree: the base with all changes up to there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from codex_py.snapshots.state import State, revived

VERSION = 1
NAME = re.compile(r"[A-Za-z0-9_.-]{1,120}")
RESERVE = 256 << 20
"""Bytes left free on the disk; on a small one, a twentieth of it."""


SYNC = getattr(os, "fdatasync", os.fsync)


class Damaged(Exception):
    """What was kept cannot be read back whole."""


class Record(NamedTuple):
    """One path before and after. `by`: the call that changed it; empty: nobody of ours."""

    path: str
    before: State | None
    after: State | None
    by: str = ""


def workspace(home: str, cwd: str) -> str:
    """The folder of a workspace's snapshots."""
    key = hashlib.sha256(os.fsencode(cwd)).hexdigest()[:16]
    return os.path.join(home, "snapshots", key)


class Store:
    """Writes contents and changes for one session. Raises OSError when there is no room."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder = folder
        self.name = name
        self.known: dict[str, tuple[str, int]] = {}
        """Where each content lies, by digest."""
        self.journal = ""
        self._packed = 0
        self._pack: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        self._end = 0
        self._loose: set[BinaryIO] = set()
        """Files that hold what a power cut may take."""
        for each in ("", "packs", "journals", "bases"):
            os.makedirs(os.path.join(folder, each), mode=0o700, exist_ok=True)

    def begin(
        self, base: str, packs: Sequence[str], roots: Sequence[str], index: State | None = None
    ) -> None:
        """Start a journal: changes are counted from this base. `index`: what Git had staged."""
        if self._journal is not None:
            self._loose.discard(self._journal)
            self._journal.close()
        self.journal = f"{self.name}-2" if self.journal else self.name
        self._end = 0
        header = {"v": VERSION, "base": base, "packs": [*packs, self.name], "roots": list(roots)}
        header |= {"index": index} if index else {}
        path = os.path.join(self.folder, "journals", self.journal)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._journal = os.fdopen(file, "wb", buffering=1 << 16)
        self._line(header)
        self._journal.flush()

    @property
    def open(self) -> bool:
        """Whether there is a journal."""
        return self._journal is not None

    @property
    def place(self) -> str:
        """The tree as it is now, as a name."""
        return f"{self.journal}:{self._end}"

    def keep(self, data: bytes, digest: str) -> tuple[str, int]:
        """Keep a content once; where it lies."""
        found = self.known.get(digest)
        if found is not None:
            return found
        if self._pack is None:
            path = os.path.join(self.folder, "packs", self.name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._room()
            self._pack = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=1 << 20)
        elif self._packed >> 26 != (self._packed + len(data)) >> 26:
            self._room()
        found = self.known[digest] = (self.name, self._packed)
        self._pack.write(data)
        self._loose.add(self._pack)
        self._packed += len(data)
        return found

    def write(self, records: Sequence[Record]) -> str:
        """Add changes to the journal; returns the name of this slice."""
        start = self._end
        self.flush()
        for each in records:
            self._line({"p": each.path, "o": each.before, "n": each.after, "w": each.by})
        assert self._journal is not None
        self._journal.flush()
        return f"{self.journal}:{start}:{self._end}"

    def flush(self) -> None:
        """Hand all kept contents to the system."""
        if self._pack is not None:
            self._pack.flush()

    def settle(self) -> None:
        """Bring all that was kept to the disk: nothing of it is lost in a power cut from now on."""
        while self._loose:
            file = self._loose.pop()
            file.flush()
            SYNC(file.fileno())

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._pack, self._journal):
            if file is not None:
                try:
                    file.close()
                except OSError:
                    continue
        self._pack = self._journal = None

    def _line(self, data: Any) -> None:
        assert self._journal is not None
        line = json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n"
        self._journal.write(line)
        self._loose.add(self._journal)
        self._end += len(line)

    def _room(self) -> None:
        info = os.statvfs(self.folder)
        free = info.f_bavail * info.f_frsize
        if free < min(RESERVE, info.f_blocks * info.f_frsize // 20):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.folder)


def content(folder: str, state: State) -> bytes:
    """The bytes of a kept file. Raises Damaged."""
    if not NAME.fullmatch(state.pack):
        raise Damaged("its content was not kept")
    try:
        fd = os.open(os.path.join(folder, "packs", state.pack), os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = _pread(fd, state.size, state.at)
        finally:
            os.close(fd)
    except OSError as error:
        raise Damaged(f"its kept content is gone ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != state.content:
        raise Damaged("its kept content is damaged")
    return data


def _pread(fd: int, size: int, at: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0:
        piece = os.pread(fd, min(size, 1 << 24), at)
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
        at += len(piece)
    return b"".join(pieces)


def read(folder: str, slice_: str) -> list[Record]:
    """The changes of a slice of a journal, in order. Raises Damaged."""
    name, start, end = _parts(slice_)
    try:
        with open(os.path.join(folder, "journals", name), "rb") as file:
            file.seek(start)
            data = file.read(end - start)
    except OSError as error:
        raise Damaged(f"the changes of this step are gone ({error.strerror})") from error
    if len(data) != end - start:
        raise Damaged("the changes of this step are not all there")
    return [_record(line) for line in data.splitlines()]


def header(folder: str, name: str) -> dict[str, Any]:
    """The first line of a journal. Raises Damaged."""
    return _header(os.path.join(folder, "journals", name))


def _header(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.readline(1 << 20))
    except (OSError, ValueError) as error:
        raise Damaged("a journal of the snapshots cannot be read") from error
    if not isinstance(found, dict) or found.get("v") != VERSION:
        raise Damaged("the snapshots were written by another version")
    return found


def _record(line: bytes) -> Record:
    try:
        data = json.loads(line)
        return Record(data["p"], revived(data["o"]), revived(data["n"]), data["w"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("the changes of this step cannot be read") from error


def _parts(slice_: str) -> tuple[str, int, int]:
    name, _, rest = slice_.partition(":")
    start, _, end = rest.partition(":")
    if not NAME.fullmatch(name) or not start.isdigit() or not (end or "0").isdigit():
        raise Damaged("the log names no snapshot")
    return name, int(start), int(end or start)


Folders = dict[str, dict[str, State]]
"""A whole tree: each folder's names."""


def write_base(folder: str, name: str, folders: Folders, packs: Sequence[str]) -> None:
    """Keep a whole tree: each folder in a line. Appears under its name when it is whole."""
    target = os.path.join(folder, "bases", name)
    fresh = f"{target}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(json.dumps({"v": VERSION, "packs": list(packs)}).encode() + b"\n")
        for path, names in folders.items():
            line = json.dumps([path, names], separators=(",", ":"))
            file.write(line.encode("ascii") + b"\n")
        file.write(b"end\n")
        file.flush()
        SYNC(file.fileno())
    os.rename(fresh, target)


def read_base(folder: str, name: str) -> tuple[Folders, list[str]]:
    """A whole tree and the packs it lies in. Raises Damaged."""
    if not NAME.fullmatch(name):
        raise Damaged("no such snapshot")
    path = os.path.join(folder, "bases", name)
    packs = base_packs(folder, name)
    found: Folders = {}
    whole = False
    try:
        with open(path, "rb") as file:
            file.readline()
            for line in file:
                if line == b"end\n":
                    whole = True
                    break
                where, names = json.loads(line)
                found[where] = {each: _state(state) for each, state in names.items()}
    except (OSError, ValueError, TypeError) as error:
        raise Damaged("a snapshot cannot be read") from error
    if not whole:
        raise Damaged("a snapshot is not whole")
    return found, list(packs)


def _state(data: list[Any]) -> State:
    data[3] = sys.intern(data[3])
    return State(*data)


def base_packs(folder: str, name: str) -> list[str]:
    """The packs that a whole tree lies in. Raises Damaged."""
    return [str(each) for each in _header(os.path.join(folder, "bases", name)).get("packs", ())]


def tree(folder: str, place: str) -> Folders:
    """The whole tree at a place of a journal. Raises Damaged."""
    name, at, _ = _parts(place)
    top = header(folder, name)
    folders, _ = read_base(folder, str(top["base"]))
    for each in _before(folder, name, at):
        if not each.by.startswith("?"):
            put(folders, each.path, each.after)
    return folders


def marks(folder: str, place: str, call_id: str) -> list[Record]:
    """What was noted of the paths that a call was about to write. Raises Damaged."""
    name, at, _ = _parts(place)
    return [each for each in _before(folder, name, at) if each.by == f"?{call_id}"]


def _before(folder: str, name: str, at: int) -> Iterator[Record]:
    with open(os.path.join(folder, "journals", name), "rb") as file:
        file.readline()
        while file.tell() < at:
            yield _record(file.readline())


def put(folders: Folders, path: str, state: State | None) -> None:
    """Change one path of a tree; a folder that goes takes along what is in it."""
    parent, name = os.path.split(path)
    names = folders.setdefault(parent, {})
    old = names.get(name)
    if old is not None and old.kind == "folder" and (state is None or state.kind != "folder"):
        _drop(folders, path)
    if state is None:
        names.pop(name, None)
    else:
        names[name] = state
        if state.kind == "folder":
            folders.setdefault(path, {})


def _drop(folders: Folders, path: str) -> None:
    for name, state in folders.pop(path, {}).items():
        if state.kind == "folder":
            _drop(folders, os.path.join(path, name))
