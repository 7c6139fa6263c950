"""The append-only log of one session: write, then show."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from codex_py.core import logfile
from codex_py.core.chain import chained
from codex_py.core.codec import plain, revive
from codex_py.core.entries import (
    Context,
    Delta,
    Entry,
    Sampled,
    Spent,
    Touched,
    stamped,
)
from codex_py.core.errors import LogError, UsageError
from codex_py.core.money import Tally, revived, tally
from codex_py.redact import NOTHING, Redactor

Listener = Callable[[Entry | Delta], None]

BRIEF = (Context, Spent, Touched)
"""Kinds that are no news by themselves and that another line follows at once."""

SYNC = getattr(os, "fdatasync", os.fsync)


class Session:
    """One log file with one writer. Pictures and whole outputs lie in a folder beside it.

    Contract: `append` returns only after the line is in the file, and on the disk where it is
    news to anybody; listeners hear of it after that. A line that cannot be written whole is
    taken back and LogError is raised.

    `entries` is what a turn looks at: the first line, all that a model may still be shown, and
    all that was appended since the log was opened. `history` reads the whole log.
    """

    def __init__(self, path: Path, file: int, tail: logfile.Tail) -> None:
        self.path = path
        self.entries = tail.entries
        self.id = identity(path)
        self.spent: dict[str, Tally] = _spent(tail, path)
        """Tokens and money of the whole log, by model or by what used them."""
        self.clean = NOTHING
        """What is taken out of every entry and delta: see `guard`."""
        self._file = file
        self._end = tail.end
        self._link = tail.link
        self._next = tail.next
        self._listeners: list[Listener] = []

    @property
    def beside(self) -> Path:
        """The folder of blobs; it exists only once something was kept."""
        return self.path.with_suffix("")

    def append(self, entry: Entry) -> Entry:
        """Write one entry, then tell the listeners. Returns it with its number and time."""
        return self.extend((entry,))[0]

    def extend(self, entries: Iterable[Entry]) -> list[Entry]:
        """The same for several that belong together: all are on the disk before one is told."""
        found: list[Entry] = []
        lines: list[bytes] = []
        spent, link = self.spent, self._link
        for number, entry in enumerate(entries, self._next):
            entry = stamped(entry, number, time.time())
            if isinstance(entry, (Sampled, Spent)):
                spent = _counted(spent, entry)
            if isinstance(entry, Sampled):
                entry = replace(entry, so_far={name: spent[name].plain() for name in spent})
            data = plain(entry)
            clean = self.clean.json(data)
            line, link = chained(clean, link)
            lines.append(line)
            found.append(entry if clean is data else revive(clean))
        lasting = not all(isinstance(each, BRIEF) for each in found)
        self._write(b"".join(lines), self._next + len(found), link, lasting=lasting)
        self.spent = spent
        self.entries += found
        for entry in found:
            self.publish(entry)
        return found

    def guard(self, clean: Redactor) -> None:
        """From now on nothing that is appended or shown holds a known secret.

        Entries that were loaded lose them for the model and the front-ends; the file is not
        touched.
        """
        self.clean = clean
        for place, entry in enumerate(self.entries):
            data = plain(entry)
            cleaned = clean.json(data)
            if cleaned is not data:
                self.entries[place] = revive(cleaned)

    def history(self) -> list[Entry]:
        """Every entry of the log, read from its file."""
        return logfile.read(self.path)

    def publish(self, event: Entry | Delta) -> None:
        """Tell every listener."""
        if isinstance(event, Delta) and self.clean.holds(event.text):
            event = replace(event, text=self.clean.text(event.text))
        for listener in tuple(self._listeners):
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every later entry and delta; the returned function ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def keep(self, data: bytes) -> str:
        """Store bytes by content hash; returns the blob's name."""
        name = hashlib.sha256(data).hexdigest()
        target = self._folder() / name
        if not target.exists():
            fresh = target.with_name(f".{name}.{secrets.token_hex(4)}")
            try:
                with open(
                    os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
                ) as file:
                    file.write(data)
                    file.flush()
                    SYNC(file.fileno())
                os.replace(fresh, target)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise
        return name

    def blob(self, name: str) -> bytes:
        """The bytes kept under a name. Raises OSError, also for any others that lie there."""
        return kept(self.beside, name)

    def spill(self, name: str) -> tuple[Path, BinaryIO]:
        """A new private file beside the log, for output too long to keep in a line."""
        folder = self._folder()
        safe = "".join(each if each.isalnum() or each in "-_" else "_" for each in name)[:80]
        for attempt in range(1000):
            path = folder / f"{safe or 'output'}{f'-{attempt}' if attempt else ''}.txt"
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            return path, open(file, "wb", buffering=0)
        raise OSError(f"cannot make a new file in {folder}")

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _folder(self) -> Path:
        folder = self.beside
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _write(self, line: bytes, following: int, link: str, *, lasting: bool) -> None:
        end = self._end + len(line)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            if lasting:
                SYNC(self._file)
        except BaseException as error:  # also Ctrl-C: what is not counted is not there
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            if not isinstance(error, OSError):
                raise
            raise LogError(
                f"the session's log {self.path} cannot be written: {error.strerror}; "
                "all that was done until now is kept in it"
            ) from error
        self._end, self._next, self._link = end, following, link


def kept(folder: Path, name: str) -> bytes:
    """A picture's bytes, which its name is the hash of: a log, and links, may come from anybody.

    Raises OSError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(folder / Path(name).name, flags), "rb") as file:
        data = file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    if hashlib.sha256(data).hexdigest() != name:
        raise FileNotFoundError(2, "no such picture was kept", name)
    return data


def honest(path: Path) -> None:
    """Raise UsageError for a log whose folder of kept things leads elsewhere."""
    if path.with_suffix("").is_symlink():
        raise UsageError(f"{path.with_suffix('')} is a link: {path.name} is no log of ours")


def identity(path: Path) -> str:
    """A session's id, from its log's name."""
    return path.stem.rpartition("T")[2].partition("-")[2] or path.stem


def _counted(spent: dict[str, Tally], entry: Sampled | Spent) -> dict[str, Tally]:
    """The sums with one entry more."""
    name = entry.model if isinstance(entry, Sampled) else entry.model or entry.by
    return {**spent, name: spent.get(name, Tally()).add(tally((entry,)))}


def _spent(tail: logfile.Tail, path: Path) -> dict[str, Tally]:
    told, later = logfile.spent(tail.entries)
    found: dict[str, Tally] = {}
    if told is not None:
        found = {name: revived(each) for name, each in told.items() if isinstance(each, dict)}
    elif not tail.whole:
        later = [
            each
            for each in logfile.some(path, (Sampled.kind, Spent.kind))
            if isinstance(each, (Sampled, Spent))
        ]
    for entry in later:
        found = _counted(found, entry)
    return found


def place(folder: Path) -> Path:
    """Where a new log goes: `folder`/YYYY/MM/DD, made when it is not there. Raises UsageError."""
    now = time.gmtime()
    name = f"{time.strftime('%Y-%m-%dT%H%M%S', now)}-{secrets.token_hex(6)}.jsonl"
    day = folder / time.strftime("%Y/%m/%d", now)
    try:
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(day, error) from error
    return day / name


def create(folder: Path) -> Session:
    """A new, empty log under `folder`/YYYY/MM/DD, readable by its owner alone.

    Raises UsageError when the place cannot be written.
    """
    path = place(folder)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    with contextlib.suppress(OSError):  # a file system without locks: nobody knows of it yet
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for each in (path.parent, *path.parent.parents[:4]):
        settle(each)
    return Session(path, file, logfile.Tail([], True, 0, "", 0))


def settle(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _unwritable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write the session log in {folder}: {error.strerror}; "
        "set CODEX_PY_HOME to a folder you can write"
    )


def resume(path: Path) -> Session:
    """Open an existing log for appending: a matter of its end, not of its size.

    A torn last line is taken off. Raises UsageError when another process has the log.
    """
    honest(path)
    file = locked(path)
    try:
        tail = logfile.tail(file)
        if tail.end < os.fstat(file).st_size:
            os.ftruncate(file, tail.end)
        return Session(path, file, tail)
    except BaseException:
        os.close(file)
        raise


def locked(path: Path) -> int:
    """The log's file, open for appending and locked. Raises UsageError."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot open the session {path}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise UsageError(f"the session {path.stem} is open in another process") from error
    except OSError as error:
        os.close(file)
        raise UsageError(f"the session {path} cannot be locked: {error.strerror}") from error
    return file
